// Package browsertest is what the tests of the page drivers share: whether there is a browser, and a made-up appliance with pages that lay
// traps.
package browsertest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/changeover-sdk/changeover/internal/browser"
)

// Need skips a test on a machine without a browser, and fails it where CI=true says that there must be one.
func Need(t testing.TB) {
	t.Helper()
	err := browser.Lacking()
	if err == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("peer: chromium-headless-shell, libnss3-tools and fonts-dejavu-core must be installed: %v", err)
	}
	t.Skipf("peer: chromium-headless-shell or libnss3-tools is not installed: %v", err)
}

// Processes returns the ids of processes whose command line or environment holds s, those that have ended left out.
func Processes(s string) (pids []string) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		line, _ := os.ReadFile(filepath.Join(dir, "cmdline")) // empty for one that has ended
		if strings.Contains(string(line), s) {
			pids = append(pids, filepath.Base(dir))
		}
	}
	return pids
}
