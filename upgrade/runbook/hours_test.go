package runbook_test

import (
	"os"
	"os/exec"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/sps/spstest"
	"github.com/changeover-sdk/changeover/upgrade"
)

// TestSPSNodeTwoHours is a whole upgrade of more than two hours of appliance time: a slow line, a slow test, a slow boot.
func TestSPSNodeTwoHours(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := &spstest.Node{UploadSpeed: 20 << 10, TestTime: 20 * time.Minute, UpgradeTime: 95 * time.Minute, BundleTime: 10 * time.Minute}
		r := newRig(t, n)
		book := nodeBook(t, n, r, byPages)
		book.Boot.Limit = 3 * time.Hour
		r.procedure = book.Procedure()
		began := time.Now()
		rep, err := r.run(t)
		checkEnd(t, rep, err, fine, n.Running())
		if took := time.Since(began); took < 2*time.Hour {
			t.Errorf("took %s of appliance time; want at least two hours", took)
		}
		checkRecord(t, rep, n.Record(), n.Violations())
		if rep.Outcome != upgrade.Succeeded {
			t.Error(rep)
		}
	})
}

// BenchmarkSPSNodeTwoHours is the real time of the two hours, with the start of a process around it: a bubble wants a test.
func BenchmarkSPSNodeTwoHours(b *testing.B) {
	for b.Loop() {
		if out, err := exec.Command(os.Args[0], "-test.run=^TestSPSNodeTwoHours$", "-test.count=1").CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
	}
}
