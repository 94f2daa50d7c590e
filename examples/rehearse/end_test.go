package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/internal/browser/browsertest"
)

// However the program ends in the middle of a guide, no browser is left; after an interrupt nothing that it wrote is, either.
func TestPeerBrowserEnds(t *testing.T) {
	browsertest.Need(t)
	if raced {
		t.Skip("runs without the race detector")
	}
	program := filepath.Join(t.TempDir(), "rehearse")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	for name, tt := range map[string]struct {
		signal os.Signal
		clean  bool
	}{"interrupted": {syscall.SIGINT, true}, "killed": {syscall.SIGKILL, false}} {
		t.Run(name, func(t *testing.T) {
			tmp, err := os.MkdirTemp("", "ends-") // the browser's user must be able to enter it
			if err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(tmp)
			if err := os.Chmod(tmp, 0o755); err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), program, "-guide", "pra-node", "-hands", "browser")
			cmd.Env = append(os.Environ(), "TMPDIR="+tmp)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			var said strings.Builder
			lines := bufio.NewScanner(out)
			for lines.Scan() {
				said.WriteString(lines.Text() + "\n")
				if strings.Contains(lines.Text(), "update A/install Base Software 7.0.0: machine acts") { // at this moment the browser is up
					break
				}
			}
			if len(browsertest.Processes(tmp)) == 0 {
				t.Fatalf("no browser was there to be left:\n%s", &said)
			}
			if err := cmd.Process.Signal(tt.signal); err != nil {
				t.Fatal(err)
			}
			for lines.Scan() { // to its end
			}
			if err := cmd.Wait(); err == nil {
				t.Error("it ended as if nothing had been")
			}
			deadline := time.Now().Add(10 * time.Second)
			left := browsertest.Processes(tmp)
			for ; len(left) > 0 && time.Now().Before(deadline); left = browsertest.Processes(tmp) {
				time.Sleep(10 * time.Millisecond) // the kernel ends them
			}
			if len(left) > 0 {
				t.Errorf("processes %q are left", left)
			}
			if files, err := os.ReadDir(tmp); err != nil || tt.clean && len(files) > 0 {
				t.Errorf("left behind: %v, %v", files, err)
			}
		})
	}
}
