package changeover_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/sps"
	"github.com/changeover-sdk/changeover/sps/spstest"
	"github.com/changeover-sdk/changeover/upgrade"
	"github.com/changeover-sdk/changeover/upgrade/runbook"
	"github.com/changeover-sdk/changeover/upgrade/upgradetest"
)

// canary is planted as every password, and must be found nowhere.
const canary = "pl4nted/canary+s3cret"

// spellings are the forms in which a secret may come back.
var spellings = []string{canary, "pl4nted%2Fcanary%2Bs3cret", `pl4nted\/canary+s3cret`, "YWRtaW46cGw0bnRlZC9jYW5hcnkrczNjcmV0" /* admin:canary, base64 */}

func sings(text string) bool {
	return slices.ContainsFunc(spellings, func(s string) bool { return strings.Contains(text, s) })
}

// outputs is everything a run says, wherever it says it.
type outputs struct {
	mu   sync.Mutex
	said map[string]*bytes.Buffer
}

func (o *outputs) to(where string) *bytes.Buffer {
	if o.said[where] == nil {
		o.said[where] = new(bytes.Buffer)
	}
	return o.said[where]
}

func (o *outputs) say(where string, v ...any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	fmt.Fprintln(o.to(where), v...)
}

func (o *outputs) check(t *testing.T) {
	t.Helper()
	for where, text := range o.said {
		if text.Len() == 0 {
			t.Errorf("%s says nothing: the canary is not looking there", where)
		}
		if sings(text.String()) {
			t.Errorf("%s holds the planted secret:\n%s", where, text)
		}
	}
}

// TestCanaryRun upgrades a node whose password is the canary, while the appliance repeats it in every way in which it may, and searches everything that a run
// leaves behind: journal, artifacts, report as text and JSON, plan, events, log, progress, errors, and the printed procedure.
func TestCanaryRun(t *testing.T) {
	echo := fmt.Sprintf(`{"error":{"type":"Refused","message":"bad login admin:%s","details":{"password":%q}}}`, canary, canary)
	page := "<html><title>Error " + canary + "</title><body>Authorization: Basic YWRtaW46cGw0bnRlZC9jYW5hcnkrczNjcmV0 " + canary + "</body></html>"
	faults := map[string]struct {
		what  string
		fault spstest.Fault
	}{
		"nothing goes wrong":         {"GET /api/info", spstest.Fault{Kind: spstest.FaultSlow, Delay: time.Second}},
		"the login is refused":       {"GET /api/authentication", spstest.Fault{Kind: spstest.FaultAnswer, Status: 401, Body: echo, Times: -1}},
		"a page during the look":     {"GET /api/firmware/slots", spstest.Fault{Kind: spstest.FaultPage, Body: page, Times: -1}},
		"the test's words":           {"POST /api/firmware/test", spstest.Fault{Kind: spstest.FaultAnswer, Status: 400, Body: echo}},
		"the upload's answer":        {"POST /api/upload/firmware", spstest.Fault{Kind: spstest.FaultAnswer, Status: 500, Body: page}},
		"the image is too large":     {"POST /api/upload/firmware", spstest.Fault{Kind: spstest.FaultAnswer, Status: 413, Body: page}},
		"a page for a bundle":        {"GET /api/troubleshooting/support-bundle/{key}/download", spstest.Fault{Kind: spstest.FaultPage, Body: page, Times: -1}},
		"no bundle":                  {"GET /api/troubleshooting/support-bundle/{key}/download", spstest.Fault{Kind: spstest.FaultAnswer, Status: 403, Body: echo, Times: -1}},
		"a page after the reboot":    {"GET /api/setup", spstest.Fault{Kind: spstest.FaultPage, Body: page, Skip: 2, Times: 3}},
		"a redirect with the secret": {"GET /api/health_status", spstest.Fault{Kind: spstest.FaultRedirect, Target: "https://other.example.test/?p=pl4nted%2Fcanary%2Bs3cret"}},
	}
	for name, tt := range faults {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &spstest.Node{Password: canary}
				defer n.Close()
				n.Inject(tt.what, tt.fault)
				out := &outputs{said: map[string]*bytes.Buffer{}}
				canaryRun(t, n, out, 1, func(upgrade.Artifacts, *slog.Logger) sps.Pages { return n.Pages() })
				out.check(t)
			})
		})
	}
}

func canaryRun(t *testing.T, n *spstest.Node, out *outputs, scale float64, pages func(upgrade.Artifacts, *slog.Logger) sps.Pages) {
	t.Helper()
	log := slog.New(slog.NewTextHandler(lockedWriter{out, "log"}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	c, err := sps.NewClient(n.URL(), sps.Login{User: "admin", Password: canary}, &sps.Options{HTTPClient: n.HTTPClient(), Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	artifacts, err := upgrade.OpenArtifacts(filepath.Join(dir, "artifacts"))
	if err != nil {
		t.Fatal(err)
	}
	images, image := spstest.Image("7.0.2.1", 300<<10), spstest.ImageName("7.0.2.1")
	known, err := sps.HashFirmware(t.Context(), images, image)
	if err != nil {
		t.Fatal(err)
	}
	book := runbook.SPSNode{Client: c, Pages: pages(artifacts, log), Artifacts: artifacts, Version: sps.MustVersion("7.0.2.1"), Images: images, Image: image, SHA256: known.SHA256,
		Boot: upgrade.Boot{Dial: n.DialContext}}
	p := book.Procedure()
	j, err := upgrade.OpenJournal(filepath.Join(dir, "journal"))
	if err != nil {
		t.Fatal(err)
	}
	plan, err := upgrade.Plan(p)
	if err != nil {
		t.Fatal(err)
	}
	out.say("plan", plan)
	progress := upgrade.Show(lockedWriter{out, "progress"}, false, 0)
	rep, err := upgrade.Run(t.Context(), p, &upgrade.Options{Journal: j, Operator: &upgradetest.Person{}, Logger: log, Scale: scale,
		Events: func(e upgrade.Event) { out.say("events", fmt.Sprintf("%+v", e)); progress(e) }})
	out.say("error", err, fmt.Sprintf("%+v %#v", err, err))
	if rep == nil {
		t.Fatal(err)
	}
	out.say("report", rep)
	raw, err := json.Marshal(rep)
	if err != nil {
		t.Fatal(err)
	}
	out.say("report as JSON", string(raw))
	out.say("procedure", fmt.Sprintf("%+v %#v", p, book))
	for _, look := range []func() error{
		func() error { _, err := c.Info(t.Context()); return err },
		func() error { _, err := c.Slots(t.Context()); return err },
		func() error { _, err := c.TestFirmware(t.Context(), sps.MustVersion("7.0.2.1")); return err },
		func() error { _, err := c.UploadFirmware(t.Context(), images, image, nil); return err },
		func() error {
			saved, err := c.SaveSupportBundle(t.Context(), filepath.Join(dir, "bundle"), func(done, total int64) { out.say("progress of a file", done, total) })
			out.say("what was saved", fmt.Sprintf("%+v", saved))
			return err
		},
	} {
		err := look()
		e, _ := errors.AsType[*sps.Error](err)
		out.say("errors of the client", err, fmt.Sprintf("%+v", e))
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		out.say("names of files", path)
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		out.say("files", string(data))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// lockedWriter writes to one of the outputs.
type lockedWriter struct {
	o     *outputs
	where string
}

func (w lockedWriter) Write(p []byte) (int, error) {
	w.o.mu.Lock()
	defer w.o.mu.Unlock()
	return w.o.to(w.where).Write(p)
}
