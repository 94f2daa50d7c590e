package runbook_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/sps"
	"github.com/changeover-sdk/changeover/sps/spstest"
	"github.com/changeover-sdk/changeover/upgrade"
	"github.com/changeover-sdk/changeover/upgrade/runbook"
	"github.com/changeover-sdk/changeover/upgrade/upgradetest"
)

// killScale is how fast the killed program's world goes: twelve minutes of a boot are 1.2 s.
const killScale = 1.0 / 600

// TestCrashKill ends the program with SIGKILL at random moments while it upgrades a node that lives in this process, until it comes to its end: 100 times
// here, 10,000 in the soak.
func TestCrashKill(t *testing.T) {
	if desk := os.Getenv("CHANGEOVER_KILL_DESK"); desk != "" {
		os.Exit(killed(desk))
	}
	t.Parallel()
	kills := 100
	if soak() {
		kills = 10000
	}
	for done := 0; done < kills; {
		done += killOne(t, kills-done)
		if t.Failed() {
			return
		}
	}
}

// killOne upgrades one node, killing the program up to most times on the way. It returns how often it did.
func killOne(t *testing.T, most int) int {
	n := &spstest.Node{Scale: killScale}
	defer n.Close()
	addr, err := n.Start()
	if err != nil {
		t.Fatal(err)
	}
	hand := httptest.NewServer(presses(n))
	defer hand.Close()
	dir := t.TempDir()
	user, password := n.Login()
	desk := killDesk{Addr: addr, Hand: hand.URL, Dir: dir, User: user, Password: password, CA: n.CAPEM()}
	raw, err := json.Marshal(desk)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "desk.json")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	k := upgradetest.Kill{Times: min(most, 12), Within: 400 * time.Millisecond, Command: func() *exec.Cmd {
		out.Reset()
		cmd := exec.Command(os.Args[0], "-test.run=^TestCrashKill$")
		cmd.Env = append(os.Environ(), "CHANGEOVER_KILL_DESK="+path)
		cmd.Stdout, cmd.Stderr = &out, &out
		return cmd
	}}
	killed, err := k.Run(t)
	if err != nil || n.Running() != newVersion {
		t.Errorf("after %d kills: %v; the node runs %s\n%s\n%s", killed, err, n.Running(), out.String(), n.Record())
	}
	for _, what := range []spstest.What{spstest.Reboot, spstest.MarkSlot, spstest.Upload} {
		if times := len(n.Record().Of(what)); times > 1 {
			t.Errorf("%s %d times:\n%s", what, times, n.Record())
		}
	}
	if v := n.Violations(); len(v) > 0 {
		t.Errorf("violations: %v", v)
	}
	return max(killed, 1)
}

// killDesk is what the killed program finds on its desk.
type killDesk struct {
	Addr, Hand, Dir, User, Password string
	CA                              []byte
}

// killed is the program: it goes on where the journal ends.
func killed(desk string) int {
	fail := func(err error) int {
		fmt.Println(err)
		return 1
	}
	raw, err := os.ReadFile(desk)
	if err != nil {
		return fail(err)
	}
	var d killDesk
	if err := json.Unmarshal(raw, &d); err != nil {
		return fail(err)
	}
	pool, err := certPool(d.CA)
	if err != nil {
		return fail(err)
	}
	c, err := sps.NewClient(d.Addr, sps.Login{User: d.User, Password: d.Password}, &sps.Options{CA: pool, Poll: 10 * time.Millisecond})
	if err != nil {
		return fail(err)
	}
	artifacts, err := upgrade.OpenArtifacts(filepath.Join(d.Dir, "artifacts"))
	if err != nil {
		return fail(err)
	}
	images, name := spstest.Image(newVersion, 512<<10), spstest.ImageName(newVersion)
	known, err := sps.HashFirmware(context.Background(), images, name)
	if err != nil {
		return fail(err)
	}
	hand := remoteHand{d.Hand}
	p := runbook.SPSNode{Client: c, Artifacts: artifacts, Version: sps.MustVersion(newVersion), Images: images, Image: name, SHA256: known.SHA256,
		Pages: sps.Pages{Firmwares: hand, System: hand, Export: hand}}.Procedure()
	j, err := upgrade.OpenJournal(filepath.Join(d.Dir, "journal"))
	if err != nil {
		return fail(err)
	}
	defer j.Close()
	person := upgrade.OperatorFunc(func(ctx context.Context, q upgrade.Question) (upgrade.Answer, error) {
		if q.Kind == upgrade.AskDecide {
			return upgrade.Answer{Text: upgrade.AnswerAgain, By: "tester"}, nil
		}
		for _, o := range q.Options {
			if o == notBooted {
				booted, err := hand.booted()
				if err != nil || booted {
					return upgrade.Answer{Text: q.Options[0], By: "tester"}, err
				}
				return upgrade.Answer{Text: notBooted, By: "tester"}, nil
			}
		}
		return upgrade.Answer{Text: q.Options[0], By: "tester"}, nil
	})
	// On a busy machine a limit of milliseconds passes now and then, and the run stops: then it is run again, as a person does.
	var rep *upgrade.Report
	for range 20 {
		rep, err = upgrade.Run(context.Background(), p, &upgrade.Options{Journal: j, Operator: person, Scale: killScale})
		if err == nil {
			return 0
		}
	}
	fmt.Println(rep)
	return fail(err)
}

// presses lets another process press the node's pages.
func presses(n *spstest.Node) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /press", func(w http.ResponseWriter, r *http.Request) {
		// The press is the appliance's from here on: whoever pressed may die.
		name, file, err := n.Press(context.WithoutCancel(r.Context()), r.FormValue("where"), r.FormValue("row"), r.FormValue("button"), nil, "")
		if err != nil {
			http.Error(w, err.Error(), http.StatusConflict)
			return
		}
		w.Header().Set("Name", name)
		if file != nil {
			io.Copy(w, file)
		}
	})
	mux.HandleFunc("GET /booted", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, len(n.Record().Of(spstest.Reboot)) > 0)
	})
	return mux
}

// remoteHand presses pages in another process.
type remoteHand struct{ url string }

func (h remoteHand) press(ctx context.Context, where, row, button string, w io.Writer) (name string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url+"/press", nil)
	if err != nil {
		return "", err
	}
	q := req.URL.Query()
	q.Set("where", where)
	q.Set("row", row)
	q.Set("button", button)
	req.URL.RawQuery = q.Encode()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = errors.New(string(body))
	}
	if err != nil {
		return "", err
	}
	_, err = w.Write(body)
	return resp.Header.Get("Name"), err
}

func (h remoteHand) booted() (bool, error) {
	resp, err := http.Get(h.url + "/booted")
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body) == "true", err
}

func (h remoteHand) AfterReboot(ctx context.Context, v sps.Version) error {
	_, err := h.press(ctx, sps.PageFirmwares, v.String(), sps.ButtonAfterReboot, io.Discard)
	return err
}

func (h remoteHand) Reboot(ctx context.Context) error {
	_, err := h.press(ctx, sps.PageSystemControl, sps.RowThisNode, sps.ButtonReboot, io.Discard)
	return err
}

func (h remoteHand) Shutdown(ctx context.Context) error {
	_, err := h.press(ctx, sps.PageSystemControl, sps.RowThisNode, sps.ButtonShutdown, io.Discard)
	return err
}

func (h remoteHand) Export(ctx context.Context, w io.Writer) (string, error) {
	return h.press(ctx, sps.PageExport, "", "Export", w)
}
