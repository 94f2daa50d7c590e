package upgrade_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/sps"
	"github.com/changeover-sdk/changeover/sps/spstest"
	"github.com/changeover-sdk/changeover/upgrade"
)

// An upload that is slow and one that stands still are told apart while they last.
func TestActThatMovesAFileSaysHowFarItIs(t *testing.T) {
	for name, tt := range map[string]struct {
		node  *spstest.Node
		fault spstest.Fault
		line  string // of the first line that a pipe gets of it
		still bool
	}{
		"slow but moving": {node: &spstest.Node{UploadSpeed: 20 << 10}, line: "moves: ", still: false},
		"standing still":  {node: &spstest.Node{}, fault: spstest.Fault{Kind: spstest.FaultHang, After: 1 << 20}, line: "stands still at ", still: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := tt.node
				n.T = t
				defer n.Close()
				if tt.fault.Kind != "" {
					n.Inject("POST /api/upload/firmware", tt.fault)
				}
				c, err := sps.NewClient(n.URL(), sps.Login{User: "admin", Password: "simulated"}, &sps.Options{HTTPClient: n.HTTPClient()})
				if err != nil {
					t.Fatal(err)
				}
				images, iso := spstest.Image("7.0.2.1", 8<<20), spstest.ImageName("7.0.2.1")
				raw, err := fs.ReadFile(images, iso)
				if err != nil {
					t.Fatal(err)
				}
				var out bytes.Buffer
				show := upgrade.Show(&out, false, 0)
				moved, still := 0, 0
				var last time.Time
				_, err = upgrade.Run(t.Context(), upgrade.Procedure{Name: "upload", Steps: []upgrade.Step{
					upgrade.UploadFirmware(c, images, iso, fmt.Sprintf("%x", sha256.Sum256(raw)), sps.MustVersion("7.0.2.1")),
				}}, &upgrade.Options{Journal: upgrade.NoJournal(), Events: func(e upgrade.Event) {
					show(e)
					if e.Kind != upgrade.EventMoves {
						return
					}
					if !last.IsZero() && e.At.Sub(last) < 10*time.Second {
						t.Errorf("said after %v", e.At.Sub(last))
					}
					last = e.At
					switch e.Phase {
					case upgrade.Pending:
						moved++
					case upgrade.Unknown:
						still++
					}
				}})
				if err != nil {
					t.Error(err)
				}
				if tt.still != (still > 5) || tt.still == (moved > 5) {
					t.Errorf("said %d times that it moves and %d times that it stands still", moved, still)
				}
				if !strings.Contains(out.String(), tt.line) || strings.Count(out.String(), "MiB") > 4 {
					t.Errorf("the lines of a pipe:\n%s", out.String())
				}
			})
		})
	}
}
