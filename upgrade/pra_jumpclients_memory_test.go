package upgrade_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
)

const manyClients = 50_000

// TestAwaitJumpClientsMemory waits for 50,000 Jump Clients that come back, and reports, in a program of its own: the simulator is in this process, so that the kernel tells the memory of the waiting and
// nothing else. The vendor's limits are watched by the simulator, in real time: 20 requests a second and 15,000 an hour.
func TestAwaitJumpClientsMemory(t *testing.T) {
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("this system does not tell a process's peak memory")
	}
	if testing.Short() {
		t.Skip("reads a thousand pages at the pace that the vendor allows")
	}
	t.Parallel()
	dir := t.TempDir()
	program := filepath.Join(dir, "awaitclients")
	if out, err := exec.Command("go", "build", "-o", program, "./testdata/awaitclients").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	s := pratest.Single()
	s.Scale = 0.05 // its clients come back within 50 s, which is slower than their pages are read; requests and their limits are as in life
	s.Times.Boot = time.Minute
	s.Fleet = pratest.Fleet{Active: manyClients, Passive: -1, Offline: -1}
	defer s.Close()
	url, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.A.PowerCycle() // all of them are away, and come back while the first look reads its pages
	id, secret := s.Account()
	for name, content := range map[string]string{"ca.pem": string(s.CAPEM()), "account": id + "\n" + secret + "\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for !s.A.Up() {
		time.Sleep(10 * time.Millisecond)
	}
	dial := strings.TrimPrefix(url, "https://")
	cmd := exec.CommandContext(t.Context(), program, s.URL(), dial, filepath.Join(dir, "ca.pem"), filepath.Join(dir, "account"), dir)
	began := time.Now()
	raw, err := cmd.CombinedOutput()
	out := string(raw)
	if err != nil || !strings.Contains(out, fmt.Sprintf("%d of %d Jump Clients are back", manyClients, manyClients)) {
		t.Fatalf("%v:\n%s", err, out)
	}
	var kib int
	_, peak, _ := strings.Cut(out, "\npeak ")
	if _, err := fmt.Sscan(peak, &kib); err != nil {
		t.Fatalf("no peak memory: %v\n%s", err, out)
	}
	if kib >= 64<<10 {
		t.Errorf("peak memory %d MiB; want less than 64 MiB", kib>>10)
	}
	requests := 0
	for call, n := range s.Calls() {
		if strings.HasPrefix(call, "GET /api/") {
			requests += n
		}
	}
	for _, e := range s.Record().Of(pratest.Refused) {
		if strings.Contains(e.Detail, "rate limit") {
			t.Errorf("the vendor's limit was passed: %s", e)
		}
	}
	if requests < 2*manyClients/100 || requests > 15_000 {
		t.Errorf("%d requests", requests)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "report.json")); err != nil || !strings.Contains(string(b), "Jump Clients are back") || len(b) > 1<<20 {
		t.Errorf("the report: %d bytes, %v", len(b), err)
	}
	t.Logf("peak memory %d MiB, %d requests in %s", kib>>10, requests, time.Since(began).Round(time.Second))
}
