package beyondtrust_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/internal/memnet"
)

// hostile is what comes instead of an answer, byte by byte as it is written: some of it no server would ever say on purpose.
var hostile = map[string]func(w io.Writer){
	"nothing":                  func(w io.Writer) { rest(w, 10*time.Hour) },
	"the end":                  func(io.Writer) {},
	"no HTTP":                  func(w io.Writer) { io.WriteString(w, "SSH-2.0-dropbear "+secret+"\r\n") },
	"a head that never ends":   func(w io.Writer) { loris(w, "HTTP/1.1 200 OK\r\nX-Padding: ", "a", 5*time.Second) },
	"a head of gigabytes":      func(w io.Writer) { flood(w, "HTTP/1.1 200 OK\r\n", "X-Padding: "+strings.Repeat("a", 4000)+"\r\n") },
	"a body that never ends":   func(w io.Writer) { loris(w, head(""), " ", 5*time.Second) },
	"a body of gigabytes":      func(w io.Writer) { flood(w, head(""), strings.Repeat(" ", 4096)) },
	"a body that breaks off":   func(w io.Writer) { io.WriteString(w, head("Content-Length: 4000\r\n")+`[{"id":1,`) },
	"a length below zero":      func(w io.Writer) { io.WriteString(w, head("Content-Length: -1\r\n")+"[]") },
	"two lengths":              func(w io.Writer) { io.WriteString(w, head("Content-Length: 2\r\nContent-Length: 9\r\n")+"[]") },
	"a bad chunk":              func(w io.Writer) { io.WriteString(w, head("Transfer-Encoding: chunked\r\n")+"zz\r\n[]") },
	"a hundred 103s":           func(w io.Writer) { io.WriteString(w, strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 100)+head("")) },
	"a gzip bomb":              func(w io.Writer) { io.WriteString(w, head("Content-Encoding: gzip\r\n")+bomb) },
	"zero bytes":               func(w io.Writer) { io.WriteString(w, head("")+strings.Repeat("\x00", 1<<20)) },
	"half a character":         func(w io.Writer) { io.WriteString(w, head("")+"[\"\xf0\x9f\"") },
	"a tower of arrays":        func(w io.Writer) { io.WriteString(w, head("")+strings.Repeat("[", 1<<20)) },
	"a tower of elements":      func(w io.Writer) { io.WriteString(w, head("")+strings.Repeat("<a>", 300_000)) },
	"a million empty items":    func(w io.Writer) { io.WriteString(w, head("")+"["+strings.Repeat("{},", 5_000_000)+"{}]") },
	"a million empty elements": func(w io.Writer) { io.WriteString(w, head("")+"<a>"+strings.Repeat("<b/>", 3_000_000)+"</a>") },
	"an error of a million fields": func(w io.Writer) {
		io.WriteString(w, "HTTP/1.1 422 Unprocessable\r\nConnection: close\r\n\r\n"+fields())
	},
	"an error of one endless word": func(w io.Writer) {
		io.WriteString(w, "HTTP/1.1 500 Oops\r\nConnection: close\r\n\r\n<html>"+secret+strings.Repeat("\x1b[2Ja", 100_000))
	},
	"a redirect to itself": func(w io.Writer) {
		io.WriteString(w, "HTTP/1.1 302 Found\r\nLocation: "+"https://"+site+"/again\r\nContent-Length: 0\r\n\r\n")
	},
	"a redirect to elsewhere": func(w io.Writer) {
		io.WriteString(w, "HTTP/1.1 302 Found\r\nLocation: https://evil.example.test/\r\nContent-Length: 0\r\n\r\n")
	},
	"come back in a century": func(w io.Writer) {
		io.WriteString(w, "HTTP/1.1 429 Slow\r\nRetry-After: 3155760000\r\nX-RateLimit-Remaining: 0\r\nContent-Length: 0\r\n\r\n")
	},
}

// bomb is 64 MiB of spaces in a few kilobytes.
var bomb = func() string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.Copy(z, io.LimitReader(spaces{}, 64<<20))
	z.Close()
	return b.String()
}()

// fields is what is wrong with a million fields.
var fields = sync.OnceValue(func() string {
	var b strings.Builder
	b.WriteString(`{"errors":{`)
	for i := range 1_200_000 {
		fmt.Fprintf(&b, `"%x":[],`, i)
	}
	b.WriteString(`"":[]}}`)
	return b.String()
})

type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func head(more string) string { return "HTTP/1.1 200 OK\r\nConnection: close\r\n" + more + "\r\n" }

func loris(w io.Writer, begin, piece string, every time.Duration) {
	for _, err := io.WriteString(w, begin); err == nil && rest(w, every); _, err = io.WriteString(w, piece) {
	}
}

// rest waits, and reports whether the other side is still there.
func rest(w io.Writer, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-w.(*memnet.Conn).Done():
		return false
	}
}

func flood(w io.Writer, begin, piece string) {
	for _, err := io.WriteString(w, begin); err == nil; _, err = io.WriteString(w, piece) {
	}
}

// hostiles is an appliance that gives tokens, says which API it has unless that is the question, and says something else to every other one.
func hostiles(t *testing.T, asked string, say func(io.Writer)) *beyondtrust.Client {
	t.Helper()
	n := &memnet.Network{}
	stop, err := n.Serve(site+":443", func(c *memnet.Conn) {
		defer c.Close()
		r, err := http.ReadRequest(bufio.NewReader(c))
		if err != nil {
			return
		}
		body := ""
		switch {
		case r.URL.Path == "/oauth2/token":
			body = `{"access_token":"canary-t0ken","token_type":"Bearer","expires_in":3600}`
		case asked != "info" && strings.HasSuffix(r.URL.Path, "/info"):
			body = infoV2
		}
		if body != "" {
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
			return
		}
		say(c)
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	c, err := beyondtrust.NewClient("https://"+site, beyondtrust.NewCredential(id, beyondtrust.NewSecret(secret)), &beyondtrust.Options{HTTPClient: n.HTTPClient()})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// calls are all that a client can ask, each with the longest it may take when nothing sensible comes: tries, pauses between them, and what the documentation of each says.
var calls = map[string]struct {
	most time.Duration
	call func(ctx context.Context, c *beyondtrust.Client) error
}{
	"health":     {10 * time.Minute, func(ctx context.Context, c *beyondtrust.Client) error { _, err := c.Health(ctx); return err }},
	"identify":   {10 * time.Minute, func(ctx context.Context, c *beyondtrust.Client) error { _, err := c.Identify(ctx); return err }},
	"probe":      {10 * time.Minute, func(ctx context.Context, c *beyondtrust.Client) error { _, err := c.Probe(ctx); return err }},
	"info":       {10 * time.Minute, func(ctx context.Context, c *beyondtrust.Client) error { _, err := c.Info(ctx); return err }},
	"appliances": {10 * time.Minute, func(ctx context.Context, c *beyondtrust.Client) error { _, err := c.Appliances(ctx); return err }},
	"counts":     {10 * time.Minute, func(ctx context.Context, c *beyondtrust.Client) error { _, err := c.ClientCounts(ctx); return err }},
	"connected": {10 * time.Minute, func(ctx context.Context, c *beyondtrust.Client) error {
		_, err := c.ConnectedJumpClients(ctx)
		return err
	}},
	"sessions": {10 * time.Minute, func(ctx context.Context, c *beyondtrust.Client) error { _, err := c.Sessions(ctx); return err }},
	"users":    {10 * time.Minute, func(ctx context.Context, c *beyondtrust.Client) error { _, err := c.Users(ctx); return err }},
	"end session": {10 * time.Minute, func(ctx context.Context, c *beyondtrust.Client) error {
		return c.EndSession(ctx, strings.Repeat("a", 32))
	}},
	"log out": {10 * time.Minute, func(ctx context.Context, c *beyondtrust.Client) error { return c.LogOut(ctx, "7") }},
	"set role": {10 * time.Minute, func(ctx context.Context, c *beyondtrust.Client) error {
		_, err := c.SetFailoverRole(ctx, beyondtrust.RoleChange{Role: beyondtrust.RoleBackup})
		return err
	}},
	"jump clients": {10 * time.Minute, func(ctx context.Context, c *beyondtrust.Client) error { return last(c.JumpClients(ctx)) }},
	"jumpoints":    {10 * time.Minute, func(ctx context.Context, c *beyondtrust.Client) error { return last(c.Jumpoints(ctx)) }},
	"backup":       {time.Hour, func(ctx context.Context, c *beyondtrust.Client) error { return c.Backup(ctx, io.Discard) }},
}

func last[T any](list func(func(T, error) bool)) (err error) {
	for _, e := range list {
		err = e
	}
	return err
}

// TestHostile gives every call something hostile: it ends in bounded time and memory with an error of a class, which shows no secret and fits a line; nothing is taken for an answer.
func TestHostile(t *testing.T) {
	for what, say := range hostile {
		t.Run(what, func(t *testing.T) {
			fields() // made before anything is measured
			big := slices.ContainsFunc([]string{"million", "tower", "gigabytes", "bomb"}, func(w string) bool { return strings.Contains(what, w) })
			for name, k := range calls {
				if big && !slices.Contains([]string{"connected", "sessions", "users", "jump clients", "backup"}, name) {
					continue // the others read with the same functions
				}
				synctest.Test(t, func(t *testing.T) {
					endless := what == "a body that never ends" || what == "a body of gigabytes" || what == "a gzip bomb" || what == "zero bytes"
					if name == "backup" && endless {
						return // as far as anybody can tell, that is a long backup: the caller's context ends it
					}
					c := hostiles(t, name, say)
					var before, after runtime.MemStats
					runtime.ReadMemStats(&before)
					began := time.Now()
					err := k.call(t.Context(), c)
					took := time.Since(began)
					runtime.ReadMemStats(&after)
					if name == "probe" && what == "a hundred 103s" && err == nil {
						return // status 200 in the end, and the sentence is not what matters
					}
					e, ok := errors.AsType[*beyondtrust.Error](err)
					if !ok || e.Class == nil && !errors.Is(err, beyondtrust.ErrNotSent) {
						t.Fatalf("%s: %v", name, err)
					}
					if text := err.Error(); strings.Contains(text, secret) || strings.Contains(text, "canary-t0ken") || strings.ContainsAny(text, "\n\r\x1b\x00") || len(text) > 3000 {
						t.Errorf("%s: the error is not fit to be shown (%d bytes): %.300q", name, len(text), text)
					}
					if took > k.most {
						t.Errorf("%s took %v, want at most %v: %v", name, took, k.most, err)
					}
					if grown := after.TotalAlloc - before.TotalAlloc; grown > 256<<20 {
						t.Errorf("%s took %d MiB of memory in all: %v", name, grown>>20, err)
					}
				})
			}
		})
	}
}

// TestHostileCancelled ends the context of every call while the appliance says nothing, or a little at a time: the call ends at once, and says why.
func TestHostileCancelled(t *testing.T) {
	for _, what := range []string{"nothing", "a head that never ends", "a body that never ends", "come back in a century"} {
		t.Run(what, func(t *testing.T) {
			for name, k := range calls {
				synctest.Test(t, func(t *testing.T) {
					c := hostiles(t, name, hostile[what])
					ctx, cancel := context.WithTimeoutCause(t.Context(), 3*time.Second, errors.New("somebody pressed stop"))
					defer cancel()
					began := time.Now()
					err := k.call(ctx, c)
					if took := time.Since(began); took > 4*time.Second {
						t.Errorf("%s went on for %v", name, took)
					}
					if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, beyondtrust.ErrThrottled) { // what is sent once does not wait
						t.Errorf("%s: %v", name, err)
					}
				})
			}
		})
	}
}

// TestHostileNobody dials where nobody is, and where packets vanish.
func TestHostileNobody(t *testing.T) {
	for name, k := range calls {
		synctest.Test(t, func(t *testing.T) {
			c, err := beyondtrust.NewClient("https://"+site, beyondtrust.NewCredential(id, beyondtrust.NewSecret(secret)), &beyondtrust.Options{HTTPClient: (&memnet.Network{}).HTTPClient()})
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			if err := k.call(t.Context(), c); !errors.Is(err, beyondtrust.ErrUnavailable) {
				t.Errorf("%s: %v", name, err)
			}
			if took := time.Since(began); took > time.Minute {
				t.Errorf("%s took %v", name, took)
			}
		})
	}
}
