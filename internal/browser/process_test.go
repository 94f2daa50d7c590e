package browser_test

import (
	"bufio"
	"context"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/internal/act"
	"github.com/changeover-sdk/changeover/internal/browser"
	"github.com/changeover-sdk/changeover/internal/browser/axtree"
	"github.com/changeover-sdk/changeover/internal/browser/browsertest"
)

// none waits until no process of the directory is left.
func none(t *testing.T, dir string) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for len(browsertest.Processes(dir)) > 0 {
		if time.Now().After(deadline) {
			t.Fatalf("processes are left: %v", browsertest.Processes(dir))
		}
		time.Sleep(20 * time.Millisecond) // another process ends: there is nothing to wait on
	}
}

func TestPeerNothingLeft(t *testing.T) {
	a := browsertest.NewAppliance(t)
	a.Page("/page", page(button("activate", "Activate Slave")))
	b := start(t, a, nil)
	open(t, b, "/page")
	info, err := os.Stat(b.Dir())
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Fatalf("private directory: %v, %v; want mode 0700", info.Mode(), err)
	}
	if os.Geteuid() == 0 {
		if uid := info.Sys().(*syscall.Stat_t).Uid; uid == 0 {
			t.Error("the browser runs as root")
		}
	}
	for _, pid := range browsertest.Processes(b.Dir()) {
		line, _ := os.ReadFile("/proc/" + pid + "/cmdline")
		for _, never := range []string{"--no-sandbox", "--remote-debugging-port", "ignore-certificate-errors"} {
			if strings.Contains(string(line), never) {
				t.Errorf("process %s was started with %s", pid, never)
			}
		}
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	none(t, b.Dir())
	if _, err := os.Stat(b.Dir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the private directory is left: %v", err)
	}
}

// The child of TestPeerKilled: it starts a browser, says where, and waits to be killed.
func TestChild(t *testing.T) {
	if os.Getenv("CHANGEOVER_TEST_CHILD") == "" {
		t.Skip("not a test by itself: TestPeerKilled starts it")
	}
	a := browsertest.NewAppliance(t)
	remembering(a)
	b := start(t, a, nil)
	signedIn(t, b)
	if os.Getenv("CHANGEOVER_TEST_CHILD") == "frozen" {
		_ = syscall.Kill(b.Pid(), syscall.SIGSTOP) // it cannot see that the pipe is closed
	}
	os.Stdout.WriteString("dir " + b.Dir() + "\n")
	select {}
}

func TestPeerKilled(t *testing.T) {
	for _, how := range []string{"running", "frozen"} {
		t.Run("the browser is "+how, func(t *testing.T) { killed(t, how) })
	}
}

func killed(t *testing.T, how string) {
	browsertest.Need(t)
	cmd := exec.Command(os.Args[0], "-test.run=^TestChild$")
	cmd.Env = append(os.Environ(), "CHANGEOVER_TEST_CHILD="+how)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	dir := ""
	for lines := bufio.NewScanner(out); dir == "" && lines.Scan(); {
		if d, ok := strings.CutPrefix(lines.Text(), "dir "); ok {
			dir = d
		}
	}
	if dir == "" || len(browsertest.Processes(dir)) == 0 {
		t.Fatalf("the child started no browser in %q", dir)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	none(t, dir)
	searchProfile(t, dir) // what a killed program leaves until the next one starts
	a := browsertest.NewAppliance(t)
	start(t, a, nil)
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory of a killed program is left after the next start: %v", err)
	}
}

func TestPeerEnds(t *testing.T) {
	tests := map[string]struct {
		end  func(t *testing.T, b *browser.Browser, p *browser.Page)
		want browser.Reason
	}{
		"renderer crash": {func(t *testing.T, _ *browser.Browser, p *browser.Page) { _ = p.Crash(t.Context()) }, browser.Crashed},
		"browser killed": {func(t *testing.T, b *browser.Browser, _ *browser.Page) { _ = syscall.Kill(-b.Pid(), syscall.SIGKILL) }, browser.Gone},
		"browser frozen": {func(t *testing.T, b *browser.Browser, _ *browser.Page) { _ = syscall.Kill(-b.Pid(), syscall.SIGSTOP) }, browser.Failed},
	}
	a := browsertest.NewAppliance(t)
	remembering(a)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := start(t, a, nil)
			p := signedIn(t, b)
			tt.end(t, b, p)
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			_, err := p.Press(ctx, axtree.Query{Label: axtree.Label{"Activate Slave"}}, browser.Proof{Answer: true})
			if got, ok := errors.AsType[*browser.Error](err); !ok || got.Reason != tt.want && got.Reason != browser.Late || !errors.Is(err, act.ErrNotPressed) {
				t.Errorf("Press() = %v, want %q and nothing pressed", err, tt.want)
			}
			searchProfile(t, b.Dir())
			if err := b.Close(); err != nil {
				t.Error(err)
			}
			none(t, b.Dir())
		})
	}
	if got := a.Pressed(); len(got) > 0 {
		t.Errorf("pressed %q", got)
	}
}

// Which certificates a browser is started for, and which it goes on with: where it is refused not one request arrives.
func TestPeerCertificate(t *testing.T) {
	from, to := browsertest.Now()
	a := browsertest.NewAppliance(t)
	a.Page("/page", page(""))
	genuine := a.Leaf()
	other := browsertest.NewAuthority(t, "Test CA") // of the same name
	stolen := other.Leaf(t, browsertest.Host, from, to)
	attack := stolen
	attack.Certificate = [][]byte{stolen.Certificate[0], genuine.Certificate[0], a.CA.Cert.Raw} // both public
	tests := map[string]struct{ leaf func() }{
		"another CA of the same name":                {func() { a.Show(stolen) }},
		"attacker's chain with the genuine appended": {func() { a.Show(attack) }},
		"another certificate of the same CA":         {func() { a.Show(a.CA.Leaf(t, browsertest.Host, from, to)) }},
		"expired, of the same CA":                    {func() { a.Show(a.CA.Leaf(t, browsertest.Host, from.Add(-time.Hour), from)) }},
		"for another name, of the same CA":           {func() { a.Show(a.CA.Leaf(t, "other.example.test", from, to)) }},
	}
	for name, tt := range tests {
		t.Run("swapped in mid-run: "+name, func(t *testing.T) {
			a.Show(genuine)
			b := start(t, a, nil)
			p := open(t, b, "/page")
			tt.leaf()
			a.Requests()
			_, err := p.Goto(t.Context(), "/page", heading)
			wantReason(t, err, browser.Certificate)
			if n := a.Requests(); n != 0 {
				t.Errorf("%d requests reached it", n)
			}
		})
	}
	for _, name := range []string{"another CA of the same name", "attacker's chain with the genuine appended", "expired, of the same CA", "for another name, of the same CA"} {
		t.Run("at the start: "+name, func(t *testing.T) {
			browsertest.Need(t)
			tests[name].leaf()
			a.Requests()
			b, err := browser.Start(t.Context(), browser.Config{Site: a.Site(), Dial: a.Dial(), CA: a.CA.Pool()})
			if err == nil {
				b.Close()
				t.Fatal("a browser was started")
			}
			if n := a.Requests(); n != 0 {
				t.Errorf("%d requests reached it", n)
			}
		})
	}
}

func TestPeerElsewhere(t *testing.T) {
	a, other := browsertest.NewAppliance(t), browsertest.NewAppliance(t)
	other.Page("/page", page(""))
	b := start(t, a, nil)
	a.Handle("/named", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://other.example.test/page", http.StatusFound)
	})
	a.Handle("/numbered", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://"+other.Dial()+"/page", http.StatusFound)
	})
	reached := 0
	bare := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached++ })) // no certificate stands in the way
	defer bare.Close()
	a.Handle("/bare", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, bare.URL+"/page", http.StatusFound) })
	a.Handle("/localhost", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, strings.Replace(bare.URL, "127.0.0.1", "localhost", 1)+"/page", http.StatusFound)
	})
	a.Page("/page", page(`<img src="https://`+other.Dial()+`/i.png"><img src="`+bare.URL+`/i.png"><script>fetch("https://localhost/").catch(() => 0)</script>`))
	for _, path := range []string{"/named", "/numbered", "/bare", "/localhost"} {
		p, err := b.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Goto(t.Context(), path, heading); err == nil || !errors.Is(err, act.ErrNotPressed) {
			t.Errorf("Goto(%s) = %v, want an error", path, err)
		}
	}
	open(t, b, "/page")
	if n := other.Requests() + reached; n != 0 {
		t.Errorf("%d requests reached another host", n)
	}
}

// What ends while a press is being answered: it was pressed once, and the driver says so.
func TestPeerEndsInThePress(t *testing.T) {
	tests := map[string]struct {
		end  func(b *browser.Browser)
		want []browser.Reason // one of them: which is heard of first is chance
	}{
		"renderer crash": {func(b *browser.Browser) {
			for _, pid := range renderers(b) {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}, []browser.Reason{browser.Crashed, browser.NoAnswer}},
		"browser killed": {func(b *browser.Browser) { _ = syscall.Kill(-b.Pid(), syscall.SIGKILL) }, []browser.Reason{browser.Gone}},
		"browser frozen": {func(b *browser.Browser) { _ = syscall.Kill(-b.Pid(), syscall.SIGSTOP) }, []browser.Reason{browser.Failed, browser.NoAnswer}},
	}
	a := browsertest.NewAppliance(t)
	a.Page("/page", page(button("activate", "Activate Slave")))
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := start(t, a, nil)
			p := open(t, b, "/page")
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			a.Handle("/press/activate", func(_ http.ResponseWriter, r *http.Request) {
				tt.end(b)
				<-r.Context().Done()
			})
			_, err := p.Press(ctx, axtree.Query{Label: axtree.Label{"Activate Slave"}}, browser.Proof{Answer: true})
			if got, ok := errors.AsType[*browser.Error](err); !ok || !slices.Contains(tt.want, got.Reason) || !got.Pressed || errors.Is(err, act.ErrNotPressed) {
				t.Errorf("Press() = %v, want one of %q, and that it was pressed", err, tt.want)
			}
			if got := a.Pressed(); len(got) != 1 {
				t.Errorf("pressed %q, want once", got)
			}
			if err := b.Close(); err != nil {
				t.Error(err)
			}
			none(t, b.Dir())
			a.Server.CloseClientConnections()
		})
	}
}

// The sandbox is on: every process that shows pages may make few system calls and has a user and a file system of its own.
func TestPeerSandbox(t *testing.T) {
	a := browsertest.NewAppliance(t)
	a.Page("/page", page(""))
	b := start(t, a, nil)
	open(t, b, "/page")
	own, _ := os.Readlink("/proc/self/ns/user")
	found := renderers(b)
	for _, id := range found {
		pid := strconv.Itoa(id)
		status, err := os.ReadFile("/proc/" + pid + "/status")
		if err != nil {
			continue // it has ended
		}
		if !strings.Contains(string(status), "Seccomp:\t2") {
			t.Errorf("renderer %s makes system calls as it likes", pid)
		}
		if ns, err := os.Readlink("/proc/" + pid + "/ns/user"); err == nil && ns == own {
			t.Errorf("renderer %s is in our own name space of users", pid)
		}
	}
	if len(found) == 0 {
		t.Error("no process that shows pages was found")
	}
}

// renderers are the processes of a browser that show pages.
func renderers(b *browser.Browser) (pids []int) {
	for _, pid := range browsertest.Processes("--type=renderer") {
		if id, err := strconv.Atoi(pid); err == nil && child(pid, b.Pid()) {
			pids = append(pids, id)
		}
	}
	return pids
}

// child reports whether a process comes from ancestor.
func child(pid string, ancestor int) bool {
	for range 10 {
		status, _ := os.ReadFile("/proc/" + pid + "/status")
		_, rest, ok := strings.Cut(string(status), "PPid:\t")
		if !ok {
			return false
		}
		if pid, _, _ = strings.Cut(rest, "\n"); pid == strconv.Itoa(ancestor) {
			return true
		}
	}
	return false
}
