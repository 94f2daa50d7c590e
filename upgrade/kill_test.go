package upgrade_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/upgrade"
	"github.com/changeover-sdk/changeover/upgrade/upgradetest"
)

// killScale makes the toy's three minutes 30 ms of the child's life.
const killScale = 1.0 / 6000

// Killed at random moments, by SIGKILL, with the toy in a process of its own: no act twice, and it comes to its end.
func TestCrashKilledAtRandom(t *testing.T) {
	for kills := 0; kills < 20 && !t.Failed(); {
		kills += killToy(t, 20-kills)
	}
}

func killToy(t *testing.T, times int) (killed int) {
	b := newToy(3 * time.Minute)
	trial := everything(b)
	b.lag = time.Duration(float64(b.lag) * killScale)
	alive := make(chan struct{}, 1)
	srv := httptest.NewServer(b.serve(alive))
	defer srv.Close()
	journal := filepath.Join(t.TempDir(), "j")
	killed, err := upgradetest.Kill{Times: times, Alive: alive, Within: 100 * time.Millisecond, Command: func() *exec.Cmd {
		cmd := exec.Command(os.Args[0], "-test.run=^$")
		cmd.Env = append(os.Environ(), childEnv+"=toy", childPath+"="+journal, childURL+"="+srv.URL)
		cmd.Stderr = os.Stderr
		return cmd
	}}.Run(t)
	if err != nil {
		t.Fatalf("after %d kills it ended: %v", killed, err)
	}
	records, err := upgrade.ReadJournal(journal)
	if err != nil {
		t.Fatal(err)
	}
	rep := upgrade.ReportOf(records)
	if err := trial.Truth(rep, nil); err != nil {
		t.Errorf("after %d kills: %v\n%s", killed, err, rep)
	}
	t.Logf("%d kills, %d runs, %d records", killed, len(rep.Runs), len(records))
	return killed
}

// runToy is the child: it goes on with the journal until the procedure has ended.
func runToy(path, url string) error {
	b := remoteToy(url)
	p := procedure(b, 3*time.Minute)
	patient(p.Steps)
	for {
		j, err := upgrade.OpenJournal(path)
		if err != nil {
			return err
		}
		_, err = upgrade.Run(context.Background(), p, &upgrade.Options{Journal: j, Operator: person(b), Scale: killScale})
		if err := errors.Join(err, j.Close()); !errors.Is(err, upgrade.ErrHeld) {
			return err
		}
	}
}

// patient gives steps a limit that no slow machine reaches.
func patient(steps []upgrade.Step) {
	for i := range steps {
		if steps[i].Limit = 1000 * time.Hour; len(steps[i].Steps) > 0 {
			steps[i].Limit = 0
			patient(steps[i].Steps)
		}
		if restore := steps[i].Restore; restore != nil {
			steps[i].Restore = func(since upgrade.Mark) upgrade.Step {
				s := restore(since)
				s.Limit = 1000 * time.Hour
				return s
			}
		}
	}
}

// serve lets another process press the toy.
func (b *toy) serve(alive chan<- struct{}) http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, do func(q url.Values) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			select {
			case alive <- struct{}{}:
			default:
			}
			answer, err := do(r.URL.Query())
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			json.NewEncoder(w).Encode(answer)
		})
	}
	handle("POST /press", func(q url.Values) (any, error) { return nil, b.press(q.Get("name")) })
	handle("POST /set", func(q url.Values) (any, error) { return nil, b.set(q.Get("name"), q.Get("value")) })
	handle("GET /value", func(q url.Values) (any, error) { return b.get(q.Get("name")) })
	handle("GET /was", func(q url.Values) (any, error) { return b.was(q.Get("name")) })
	handle("GET /state", func(q url.Values) (any, error) {
		shown, since, err := b.state(q.Get("name"))
		return toyState{shown, time.Duration(float64(since) / killScale)}, err
	})
	return mux
}

type toyState struct {
	Shown bool
	Since time.Duration
}

// remoteToy is the toy of another process, by its address.
type remoteToy string

func (b remoteToy) call(method, path, name, value string, answer any) error {
	req, err := http.NewRequest(method, fmt.Sprintf("%s/%s?%s", b, path, url.Values{"name": {name}, "value": {value}}.Encode()), nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	return json.NewDecoder(resp.Body).Decode(answer)
}

func (b remoteToy) press(name string) error { return b.call("POST", "press", name, "", new(any)) }

func (b remoteToy) set(key, value string) error { return b.call("POST", "set", key, value, new(any)) }

func (b remoteToy) get(key string) (v string, err error) {
	err = b.call("GET", "value", key, "", &v)
	return v, err
}

func (b remoteToy) was(name string) (pressed bool, err error) {
	err = b.call("GET", "was", name, "", &pressed)
	return pressed, err
}

func (b remoteToy) state(name string) (bool, time.Duration, error) {
	var s toyState
	err := b.call("GET", "state", name, "", &s)
	return s.Shown, s.Since, err
}
