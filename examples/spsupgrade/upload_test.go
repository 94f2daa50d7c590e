package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/sps"
	"github.com/changeover-sdk/changeover/sps/spstest"
)

const (
	bigImage   = 4 << 30  // bytes
	peakMemory = 64 << 20 // bytes
)

// TestUploadBigImage runs the built program, as users do, with an image of 4 GiB, and asks the kernel for its peak memory.
func TestUploadBigImage(t *testing.T) {
	if testing.Short() {
		t.Skip("hashes and sends 4 GiB")
	}
	d := newDesk(t)
	program := d.path("spsupgrade")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	sparse(t, d.path("sps.iso"))
	d.handIn(t)
	known, err := sps.HashFirmware(t.Context(), os.DirFS(d.dir), "sps.iso")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, append(d.args, "-sha256", known.SHA256)...)
	cmd.Stdin = strings.NewReader("tester\n" + strings.Repeat("yes\n", 5)) // then the input ends, at the upgrade notes
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	peak, err := highWater(cmd.Process.Pid, ended)
	if code := cmd.ProcessState.ExitCode(); code != 11 || !strings.Contains(out.String(), "slot 2 holds 7.0.2.1") {
		t.Fatalf("exit code %d, %v:\n%s", code, err, &out)
	}
	if peak == 0 {
		t.Skip("this system does not tell a process's peak memory while it runs")
	}
	t.Logf("peak memory %d MiB for an image of %d MiB", peak>>20, bigImage>>20)
	if peak >= peakMemory {
		t.Errorf("peak memory %d MiB; want less than %d MiB", peak>>20, peakMemory>>20)
	}
}

// highWater reads a process's peak memory, in bytes, until it has ended. What wait tells of a child would begin with this process's own peak.
func highWater(pid int, ended <-chan error) (peak int64, err error) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			return peak, err
		case <-tick.C:
			status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)) // gone when it has just ended
			if _, rest, ok := strings.Cut(string(status), "VmHWM:"); ok {
				var kib int64
				if _, err := fmt.Sscan(rest, &kib); err == nil {
					peak = max(peak, kib*1024)
				}
			}
		}
	}
}

// sparse writes an image that takes no room: its header, and nothing behind it.
func sparse(t *testing.T, path string) {
	t.Helper()
	img, err := spstest.Image("7.0.2.1", bigImage).Open(spstest.ImageName("7.0.2.1"))
	if err != nil {
		t.Fatal(err)
	}
	defer img.Close()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := io.CopyN(f, img, 64<<10); err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(bigImage); err != nil {
		t.Fatal(err)
	}
}

// handIn exports the configuration by the page and puts the file into the inbox, as a person does.
func (d *desk) handIn(t *testing.T) {
	t.Helper()
	name, file, err := d.node.Press(t.Context(), sps.PageExport, "", "Export", nil, "")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(d.path("artifacts/inbox"), 0o700); err != nil {
		t.Fatal(err)
	}
	d.write(t, "artifacts/inbox/"+name, raw)
}
