package spsweb_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/changeover-sdk/changeover/internal/browser/browsertest"
	"github.com/changeover-sdk/changeover/sps"
	"github.com/changeover-sdk/changeover/sps/spstest"
	"github.com/changeover-sdk/changeover/sps/spsweb"
)

// look is how the pages are made for a browser.
type look struct {
	markup        spstest.Markup
	frames, newer bool
}

func (l look) String() string {
	words := map[bool]string{false: "rows of versions", true: "rows of versions with LTS"}
	return fmt.Sprintf("%s, %s%s", l.markup, words[l.newer], map[bool]string{true: ", in frames"}[l.frames])
}

func (l look) on(n *spstest.Node) *spstest.Node {
	n.Markup, n.Switches.Frames, n.Switches.Newer = l.markup, l.frames, l.newer
	return n
}

// looks are a sample in which everything comes at least once, or all there are in a long run.
func looks() (list []look) {
	if os.Getenv("CHANGEOVER_SOAK") == "" {
		return []look{{spstest.MarkupClassic, false, false}, {spstest.MarkupScript, false, true}, {spstest.MarkupTables, true, false}}
	}
	for _, m := range spstest.Markups() {
		for _, frames := range []bool{false, true} {
			for _, newer := range []bool{false, true} {
				list = append(list, look{m, frames, newer})
			}
		}
	}
	return list
}

// What is read in a browser is what the simulator tells in Go, and what is pressed is what is asked for, however the pages are made.
func TestPeerSoakNode(t *testing.T) {
	for _, l := range looks() {
		t.Run(l.String(), func(t *testing.T) {
			n := l.on(&spstest.Node{Stored: []string{"7.0.2.1", "7.0.3"}})
			pages := drive(t, n, nil).Pages()
			wantHA(t, n.Pages(), pages)
			wantPressed(t, n)

			v, err := sps.ParseVersion("7.0.2.1")
			if err != nil {
				t.Fatal(err)
			}
			if err := pages.Firmwares.AfterReboot(t.Context(), v); err != nil {
				t.Error(err)
			}
			var got bytes.Buffer
			name, err := pages.Export.Export(t.Context(), &got)
			if err != nil {
				t.Error(err)
			}
			if !strings.HasPrefix(name, "sps1-") || !strings.HasSuffix(name, ".config") || !bytes.HasPrefix(got.Bytes(), []byte{0x1f, 0x8b}) {
				t.Errorf("Export() = %q, %d bytes; want a gzip archive <host name>-<time>.config", name, got.Len())
			}
			if err := pages.System.Reboot(t.Context()); err != nil {
				t.Error(err)
			}
			wantPressed(t, n, "Basic Settings > System > Firmwares > 7.0.2.1 > After reboot", "Basic Settings > System > Export configuration > Export",
				"Basic Settings > System > System control > This node > Reboot")
		})
	}
}

func wantHA(t *testing.T, inGo, byBrowser sps.Pages) {
	t.Helper()
	want, err := inGo.HA.HA(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got, err := byBrowser.HA.HA(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("HA() (-in Go +by browser):\n%s", diff)
	}
}

// In a pair the other node is told apart from this one; and what the page refuses is known to be refused.
func TestPeerSoakPair(t *testing.T) {
	browsertest.Need(t)
	for _, l := range looks() {
		t.Run(l.String(), func(t *testing.T) {
			p := &spstest.Pair{A: l.on(&spstest.Node{Scale: 0.01})}
			addr, err := p.Start()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(p.Close)
			pages := driver(t, "https://sps1.example.test", addr, p.A, nil).Pages()
			wantHA(t, p.Pages(), pages)
			if err := pages.HA.ShutdownOther(t.Context()); err != nil {
				t.Error(err)
			}
			for len(p.Record().Of(spstest.Down)) == 0 {
				time.Sleep(10 * time.Millisecond)
			}
			err = pages.HA.ActivateSlave(t.Context())
			if _, ok := errors.AsType[*spsweb.Error](err); !ok || errors.Is(err, sps.ErrNotPressed) || !strings.Contains(err.Error(), "refused: status 409") {
				t.Errorf("ActivateSlave() = %v, want that the page refused it", err)
			}
			wantPressed(t, p.A, "Basic Settings > High Availability > Other node > Shutdown", "Basic Settings > High Availability > Activate Slave")
		})
	}
}
