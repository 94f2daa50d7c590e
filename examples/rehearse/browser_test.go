package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/changeover-sdk/changeover/internal/browser/browsertest"
	"github.com/changeover-sdk/changeover/sps/spstest"
	"github.com/changeover-sdk/changeover/upgrade"
	"github.com/changeover-sdk/changeover/upgrade/upgradetest"
)

// browsed is a guide that a browser carries out.
type browsed struct {
	guide  string
	swing  string
	manual bool
	style  spstest.Markup
	byHand int  // buttons that a person presses all the same: no driver can
	raced  bool // also under the race detector
}

func (b browsed) String() string {
	s := b.guide
	if b.swing != "" {
		s += " by " + b.swing
	}
	if b.manual {
		s += " with packages by hand"
	}
	return s
}

// everyGuide is every guide of both products in every way in which it can be gone.
var everyGuide = []browsed{
	{guide: "pra-async", swing: "dns", style: spstest.MarkupScript},
	{guide: "pra-async", swing: "shared-ip", style: spstest.MarkupTables},
	{guide: "pra-async", swing: "nat", style: spstest.MarkupCards},
	{guide: "pra-sync", style: spstest.MarkupPanels},
	{guide: "pra-hardware", style: spstest.MarkupTables, byHand: 1}, // an appliance that was reset has a certificate that no driver knows
	{guide: "sps-ha", style: spstest.MarkupTables, raced: true},
	{guide: "sps-search", style: spstest.MarkupScript},
	{guide: "sps-node", style: spstest.MarkupClassic},
	{guide: "pra-node", style: spstest.MarkupDocument, raced: true},
	{guide: "pra-node", manual: true, style: spstest.MarkupTables, byHand: 3}, // at the vendor's update server
}

// atOnce is how many guides run at the same time: each has a browser for each of its appliances.
var atOnce = make(chan struct{}, 4)

// Every guide passes with a browser's hands: what is pressed is what the guide says, once each, by nobody else; what was seen is in the artifacts, named in the
// report, and holds no secret.
func TestPeerGuides(t *testing.T) {
	browsertest.Need(t)
	for _, b := range everyGuide {
		if raced && !b.raced {
			continue
		}
		t.Run(b.String(), func(t *testing.T) {
			t.Parallel()
			atOnce <- struct{}{}
			defer func() { <-atOnce }()
			b.pass(t)
		})
	}
}

// TestSoakGuides is every guide in every sort of markup.
func TestSoakGuides(t *testing.T) {
	if os.Getenv("CHANGEOVER_SOAK") == "" {
		t.Skip("set CHANGEOVER_SOAK=1")
	}
	browsertest.Need(t)
	for _, b := range everyGuide {
		for _, style := range spstest.Markups() {
			b := b
			b.style = style
			t.Run(b.String()+" "+string(b.style), func(t *testing.T) {
				t.Parallel()
				atOnce <- struct{}{}
				defer func() { <-atOnce }()
				b.pass(t)
			})
		}
	}
}

func (b browsed) pass(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	s := setting{scale: 1.0 / 600, hands: byBrowser, swing: b.swing, manual: b.manual, style: string(b.style), dir: filepath.Join(dir, "artifacts")}
	if s.swing == "" {
		s.swing = swings[0]
	}
	var err error
	if s.crew, err = newCrew(s.dir); err != nil {
		t.Fatal(err)
	}
	st, err := guides[b.guide].set(s)
	if err != nil {
		t.Fatal(err)
	}
	defer st.close()
	person := st.person(s)
	rep, err := st.runs(t.Context(), filepath.Join(dir, "journal"), &upgrade.Options{Operator: person, Scale: st.waits(s)})
	if cerr := s.crew.Close(); cerr != nil {
		t.Error(cerr)
	}
	if err != nil || rep.Outcome != upgrade.Succeeded {
		t.Fatalf("%v\n%s", err, rep)
	}
	pressed := st.presses()
	if d := cmp.Diff(presses[b.String()], pressed); d != "" {
		t.Errorf("the appliances say that these were pressed (-want +got):\n%s", d)
	}
	b.byNobodyElse(t, person, rep)
	b.shown(t, rep, s, len(pressed))
	b.nothingSecret(t, dir, rep, st.secrets)
}

// byNobodyElse wants that no person pressed what a driver can press.
func (b browsed) byNobodyElse(t *testing.T, person *upgradetest.Person, rep *upgrade.Report) {
	t.Helper()
	if err := person.Err(); err != nil {
		t.Error(err)
	}
	var by []string
	for _, q := range person.Asked() {
		if q.Kind == upgrade.AskPress {
			by = append(by, fmt.Sprintf("%s: %s | %s", q.Step, q.Instruction.Where, q.Instruction.Button))
		}
	}
	if len(by) != b.byHand {
		t.Errorf("a person pressed %q, want %d buttons\n%s", by, b.byHand, rep)
	}
}

// shown wants a picture from before each press, and every artifact named in the report.
func (b browsed) shown(t *testing.T, rep *upgrade.Report, s setting, presses int) {
	t.Helper()
	var named []string
	for _, step := range rep.Steps {
		named = append(named, step.Artifacts...)
		if step.NotKept != "" {
			t.Errorf("%s: %s", step.Path, step.NotKept)
		}
	}
	for _, g := range rep.Guards {
		named = append(named, g.Artifacts...)
	}
	stored, err := s.crew.artifacts.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	before := 0
	for _, a := range stored {
		if !strings.HasPrefix(a.Name, "page-") {
			continue
		}
		if !slices.Contains(named, a.Name) {
			t.Errorf("the report does not name %s", a.Name)
		}
		if strings.Contains(a.Name, "-before") && strings.HasSuffix(a.Name, ".png") {
			before++
		}
		named = slices.DeleteFunc(named, func(n string) bool { return n == a.Name })
		if text := rep.String(); !strings.Contains(text, strings.TrimSuffix(a.Name, filepath.Ext(a.Name))) {
			t.Errorf("the report as text does not name %s", a.Name)
		}
	}
	if len(named) > 0 {
		t.Errorf("the report names what is not stored: %q", named)
	}
	if want := presses - b.byHand; before < want {
		t.Errorf("%d pictures from before a press, want at least %d", before, want)
	}
}

// nothingSecret searches everything that a run leaves behind.
func (b browsed) nothingSecret(t *testing.T, dir string, rep *upgrade.Report, secrets []string) {
	t.Helper()
	raw, err := json.Marshal(rep)
	if err != nil {
		t.Fatal(err)
	}
	look := func(where string, data []byte) {
		if ext := filepath.Ext(where); ext == ".nsb" || ext == ".config" || ext == ".pem" {
			return // the appliance's own backup, which holds its settings
		}
		for _, s := range append([]string{"ns_s=", "nsbase_session="}, secrets...) {
			if bytes.Contains(data, []byte(s)) {
				t.Errorf("%q is in %s", s, where)
			}
		}
	}
	look("the report", append(raw, rep.String()...))
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		look("the name of a file", []byte(path))
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		look(path, data)
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if len(secrets) == 0 {
		t.Error("no secret was looked for")
	}
}
