package rest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/internal/act"
	"github.com/changeover-sdk/changeover/internal/rest"
	"github.com/changeover-sdk/changeover/internal/transfer"
)

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// answer makes a response without a network.
func answer(r *http.Request, status int, header http.Header, body string) *http.Response {
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: r}
}

var somewhere = &url.URL{Scheme: "https", Host: "sps1.example.test", Path: "/api/info", RawQuery: "token=geheim"}

func TestWhatIsSentAgain(t *testing.T) {
	reset := &net.OpError{Op: "read", Err: syscall.ECONNRESET}
	tests := map[string]struct {
		intent rest.Intent
		method string
		status int   // of every answer
		err    error // instead of an answer
		sent   int
	}{
		"a read answered 200":             {rest.Read, "GET", 200, nil, 1},
		"a read answered 503":             {rest.Read, "GET", 503, nil, 3},
		"a read answered 429":             {rest.Read, "GET", 429, nil, 3},
		"a read answered 500":             {rest.Read, "GET", 500, nil, 1},
		"a read answered 401":             {rest.Read, "GET", 401, nil, 1},
		"a read whose connection breaks":  {rest.Read, "GET", 0, reset, 3},
		"a look answered 503":             {rest.Look, "GET", 503, nil, 1},
		"a look whose connection breaks":  {rest.Look, "GET", 0, reset, 1},
		"an act answered 503":             {rest.Act, "POST", 503, nil, 1},
		"an act answered 429":             {rest.Act, "DELETE", 429, nil, 1},
		"an act whose connection breaks":  {rest.Act, "POST", 0, reset, 1},
		"an act by GET, connection broke": {rest.Act, "GET", 0, reset, 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sent := 0
				c := client(t, rest.Config{HTTPClient: &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
					sent++
					if tt.err != nil {
						return nil, tt.err
					}
					return answer(r, tt.status, nil, "busy"), nil
				})}})
				resp, err := c.Do(t.Context(), rest.Request{Intent: tt.intent, Method: tt.method, URL: somewhere, Body: []byte("x")})
				if sent != tt.sent {
					t.Errorf("sent %d times, want %d", sent, tt.sent)
				}
				if tt.err == nil && (err != nil || resp.Status != tt.status || string(resp.Body) != "busy") {
					t.Errorf("Do = %+v, %v; want the last answer, status %d", resp, err, tt.status)
				}
				if tt.err != nil && !errors.Is(err, rest.ErrCut) {
					t.Errorf("err = %v, want class ErrCut", err)
				}
				if errors.Is(err, act.ErrNotSent) {
					t.Errorf("err = %v says that nothing was sent, and cannot know", err)
				}
			})
		})
	}
}

func TestRetryAfterIsObeyedUpToACap(t *testing.T) {
	tests := map[string]struct {
		header http.Header
		want   time.Duration // of both pauses
	}{
		"none":                          {nil, 1500 * time.Millisecond},
		"three seconds":                 {http.Header{"Retry-After": {"3"}}, 6 * time.Second},
		"a day":                         {http.Header{"Retry-After": {"86400"}}, 20 * time.Second},
		"nonsense":                      {http.Header{"Retry-After": {"soon"}}, 1500 * time.Millisecond},
		"a date by the appliance's own": {http.Header{"Retry-After": {"Mon, 02 Jan 2006 15:04:09 GMT"}, "Date": {"Mon, 02 Jan 2006 15:04:05 GMT"}}, 8 * time.Second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := client(t, rest.Config{HTTPClient: &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
					return answer(r, 503, tt.header, ""), nil
				})}})
				start := time.Now()
				if _, err := get(t.Context(), c, somewhere); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(start); took != tt.want {
					t.Errorf("waited %v, want %v", took, tt.want)
				}
			})
		})
	}
}

// The law of ErrNotSent: said when the server can have got no complete request head, never when it may have.
func TestFaultNotSent(t *testing.T) {
	refused, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused.Close()
	plain := httptest.NewServer(http.HandlerFunc(ok)) // no TLS
	defer plain.Close()
	cutters := map[string]func(*testing.T) (addr string, cfg rest.Config){
		"connection refused": func(*testing.T) (string, rest.Config) { return "https://" + refused.Addr().String(), rest.Config{} },
		"no such name": func(*testing.T) (string, rest.Config) {
			return "https://no.such.name.invalid", rest.Config{HTTPClient: &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
				return nil, &net.OpError{Op: "dial", Err: &net.DNSError{IsNotFound: true}}
			})}}
		},
		"the server speaks no TLS": func(*testing.T) (string, rest.Config) {
			return "https://" + plain.Listener.Addr().String(), rest.Config{}
		},
		"the certificate is unknown": func(t *testing.T) (string, rest.Config) {
			s, _ := serve(t, http.HandlerFunc(ok), nil)
			return s.URL, rest.Config{}
		},
		"cut off in the handshake": func(t *testing.T) (string, rest.Config) { return "https://" + cutter(t, 0), rest.Config{} },
	}
	for name, setUp := range cutters {
		t.Run(name, func(t *testing.T) {
			addr, cfg := setUp(t)
			u, err := rest.Base(addr)
			if err != nil {
				t.Fatal(err)
			}
			_, err = client(t, cfg).Do(t.Context(), rest.Request{Method: http.MethodPost, URL: u, Body: []byte("{}")})
			if !errors.Is(err, act.ErrNotSent) {
				t.Errorf("err = %v, want class ErrNotSent", err)
			}
			_, _, err = client(t, cfg).Upload(t.Context(), transfer.Upload{Method: http.MethodPost, URL: u, Source: transfer.File(strings.NewReader("{}"), 2)})
			if !errors.Is(err, act.ErrNotSent) {
				t.Errorf("an upload: err = %v, want class ErrNotSent", err)
			}
		})
	}

	arrivals := map[string]http.HandlerFunc{
		"the act happened, the connection broke": func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			panic(http.ErrAbortHandler)
		},
		"half of the answer came": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, `{"body"`)
		},
	}
	for name, h := range arrivals {
		t.Run(name, func(t *testing.T) {
			var arrived atomic.Int32
			s, pool := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { arrived.Add(1); h(w, r) }), nil)
			_, err := client(t, rest.Config{CA: pool}).Do(t.Context(), rest.Request{Method: http.MethodPost, URL: at(t, s, "/"), Body: []byte("{}")})
			if !errors.Is(err, rest.ErrCut) || errors.Is(err, act.ErrNotSent) || arrived.Load() != 1 {
				t.Errorf("err = %v after %d arrivals; want class ErrCut, not ErrNotSent, 1", err, arrived.Load())
			}
		})
	}

	t.Run("the context had ended before", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := client(t, rest.Config{}).Do(ctx, rest.Request{Method: http.MethodPost, URL: somewhere})
		if !errors.Is(err, act.ErrNotSent) || !errors.Is(err, context.Canceled) {
			t.Errorf("err = %v, want ErrNotSent and context.Canceled", err)
		}
	})
	t.Run("a transport that reports nothing proves nothing", func(t *testing.T) {
		c := client(t, rest.Config{HTTPClient: &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF })}})
		if _, err := c.Do(t.Context(), rest.Request{Method: http.MethodPost, URL: somewhere}); errors.Is(err, act.ErrNotSent) {
			t.Errorf("err = %v, want no ErrNotSent", err)
		}
	})
}

// cutter accepts connections, reads n bytes and hangs up.
func cutter(t *testing.T, n int64) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			io.CopyN(io.Discard, c, n)
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String()
}

// A kept-alive connection that the server has closed must neither eat an act nor make net/http send it twice.
func TestFaultActsHaveAConnectionOfTheirOwn(t *testing.T) {
	var conns, acts atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/act" {
			acts.Add(1)
			panic(http.ErrAbortHandler) // it acted; the answer is lost
		}
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			conns.Add(1)
		}
	}
	s.StartTLS()
	defer s.Close()
	c := client(t, rest.Config{HTTPClient: s.Client()})
	for range 3 {
		if _, err := get(t.Context(), c, at(t, s, "/read")); err != nil {
			t.Fatal(err)
		}
	}
	if n := conns.Load(); n != 1 {
		t.Errorf("three reads opened %d connections, want 1", n)
	}
	// GET without a body is what net/http would send again on a reused connection.
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		if _, err := c.Do(t.Context(), rest.Request{Intent: rest.Act, Method: method, URL: at(t, s, "/act")}); err == nil || errors.Is(err, act.ErrNotSent) {
			t.Errorf("%s err = %v, want one that leaves open what happened", method, err)
		}
	}
	if n := acts.Load(); n != 2 {
		t.Errorf("two acts arrived %d times", n)
	}
	if n := conns.Load(); n != 3 {
		t.Errorf("%d connections, want one for the reads and one for each act", n)
	}
}

func TestRedirects(t *testing.T) {
	var landed atomic.Int32
	elsewhere, pool := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { landed.Add(1) }), nil)
	s, pool2 := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, elsewhere.URL+"/login?session_id=geheim", http.StatusFound)
		case "/here":
			http.Redirect(w, r, "/landed", http.StatusTemporaryRedirect)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/plain":
			http.Redirect(w, r, strings.Replace("http://"+r.Host, "https", "http", 1)+"/x", http.StatusFound)
		case "/landed":
			landed.Add(1)
		}
	}), nil)
	_ = pool
	c := client(t, rest.Config{CA: pool2})
	for _, intent := range []rest.Intent{rest.Read, rest.Look, rest.Act} {
		for _, path := range []string{"/away", "/plain"} {
			_, err := c.Do(t.Context(), rest.Request{Intent: intent, Method: http.MethodGet, URL: at(t, s, path)})
			e, is := errors.AsType[*rest.RedirectError](err)
			if !is || !errors.Is(err, rest.ErrRedirect) || e.Status != http.StatusFound || strings.Contains(err.Error(), "geheim") {
				t.Errorf("%s, intent %d: err = %v, want a RedirectError with status 302 and no query", path, intent, err)
			}
		}
	}
	if landed.Load() != 0 {
		t.Fatal("a redirect to another host was followed")
	}
	if resp, err := get(t.Context(), c, at(t, s, "/here")); err != nil || landed.Load() != 1 || resp.URL.Path != "/landed" {
		t.Errorf("a read on the same host: %v, %v, landed %d times; want to be led to /landed", resp, err, landed.Load())
	}
	resp, err := c.Do(t.Context(), rest.Request{Method: http.MethodPost, URL: at(t, s, "/here")})
	if err != nil || resp.Status != http.StatusTemporaryRedirect || landed.Load() != 1 {
		t.Errorf("an act: %v, %v, landed %d times; want the redirect itself", resp, err, landed.Load())
	}
	if resp, err := get(t.Context(), c, at(t, s, "/loop")); err != nil || resp.Status != http.StatusFound {
		t.Errorf("a loop: %v, %v; want the last redirect", resp, err)
	}
}

// What is no HTTP is an appliance in some state, and its bytes are nobody's to print.
func TestFaultNoHTTP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Read(make([]byte, 1<<10))
			io.WriteString(c, "geheim, not HTTP\r\n\r\n")
			c.Close()
		}
	}()
	defer func() { l.Close(); <-done }()
	plain := &http.Client{Transport: &http.Transport{DialTLSContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, addr)
	}}}
	u, err := rest.Base("https://" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_, err = client(t, rest.Config{HTTPClient: plain, Retries: -1}).Do(t.Context(), rest.Request{Method: "POST", URL: u})
	if !errors.Is(err, rest.ErrCut) || errors.Is(err, act.ErrNotSent) || strings.Contains(err.Error(), "geheim") {
		t.Errorf("err = %v, want class ErrCut, not ErrNotSent, and none of the bytes", err)
	}
}

func TestAnswersAreBounded(t *testing.T) {
	s, pool := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write(bytes.Repeat([]byte("x"), 1000)) }), nil)
	c := client(t, rest.Config{CA: pool})
	for limit, long := range map[int64]bool{999: true, 1000: false} {
		resp, err := c.Do(t.Context(), rest.Request{Intent: rest.Read, Method: "GET", URL: at(t, s, "/"), Limit: limit})
		if errors.Is(err, rest.ErrTooLong) != long || resp == nil || int64(len(resp.Body)) != limit {
			t.Errorf("limit %d: %d bytes, %v; want too long: %t", limit, len(resp.Body), err, long)
		}
	}
}

// Our own patience must not look like the end of the caller's context.
func TestNoAnswer(t *testing.T) {
	hang := roundTripper(func(r *http.Request) (*http.Response, error) { <-r.Context().Done(); return nil, r.Context().Err() })
	synctest.Test(t, func(t *testing.T) {
		c := client(t, rest.Config{HTTPClient: &http.Client{Transport: hang}, Retries: -1})
		start := time.Now()
		_, err := c.Do(t.Context(), rest.Request{Method: "POST", URL: somewhere, Timeout: 7 * time.Second})
		if !errors.Is(err, rest.ErrNoAnswer) || errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 7*time.Second {
			t.Errorf("err = %v after %v; want ErrNoAnswer after 7s, and no DeadlineExceeded", err, time.Since(start))
		}
		mine := errors.New("the window closes")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, mine)
		defer cancel()
		_, err = c.Do(ctx, rest.Request{Method: "POST", URL: somewhere})
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, mine) || errors.Is(err, rest.ErrNoAnswer) {
			t.Errorf("err = %v; want the context's end and its cause", err)
		}
		if text := err.Error(); !strings.HasPrefix(text, "POST /api/info: context deadline exceeded: the window closes") {
			t.Errorf("text = %q, want the context's end first", text)
		}
	})
}

func TestCanaryLogAndErrors(t *testing.T) {
	var log bytes.Buffer
	fail := roundTripper(func(r *http.Request) (*http.Response, error) {
		return nil, fmt.Errorf("cannot reach %s", r.URL.Host)
	})
	good := roundTripper(func(r *http.Request) (*http.Response, error) {
		return answer(r, 200, http.Header{"Set-Cookie": {"session_id=geheim"}}, "geheim"), nil
	})
	synctest.Test(t, func(t *testing.T) {
		for _, rt := range []roundTripper{fail, good} {
			c := client(t, rest.Config{HTTPClient: &http.Client{Transport: rt}, Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
			_, err := c.Do(t.Context(), rest.Request{Intent: rest.Read, Method: "GET", URL: somewhere, Header: http.Header{"Authorization": {"Basic geheim"}}, Body: []byte("geheim")})
			for _, text := range []string{log.String(), fmt.Sprint(err), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err), fmt.Sprintf("%+v %#v", c, *c)} {
				if strings.Contains(text, "geheim") {
					t.Errorf("a secret shows in %q", text)
				}
			}
		}
	})
	if n := strings.Count(log.String(), "path=/api/info"); n != 4 {
		t.Errorf("log has %d requests, want each of 4 attempts:\n%s", n, log.String())
	}
}

func TestUserAgentLooksLikeNoBrowser(t *testing.T) {
	var agents []string
	rt := roundTripper(func(r *http.Request) (*http.Response, error) {
		agents = append(agents, r.UserAgent())
		return answer(r, 200, nil, ""), nil
	})
	for _, name := range []string{"", "nightly/7"} {
		c := client(t, rest.Config{HTTPClient: &http.Client{Transport: rt}, UserAgent: name})
		if _, err := get(t.Context(), c, somewhere); err != nil {
			t.Fatal(err)
		}
	}
	if agents[0] != rest.Agent || agents[1] != "nightly/7 "+rest.Agent || strings.Contains(rest.Agent, "Mozilla") {
		t.Errorf("agents = %q", agents)
	}
}

// A POST without a body carries its length: SPS answers 411 to one that does not.
func TestPostWithoutBodyHasALength(t *testing.T) {
	var head []string
	s, pool := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		head = append(head, r.Header.Get("Content-Length"), fmt.Sprint(r.ContentLength))
	}), nil)
	if _, err := client(t, rest.Config{CA: pool}).Do(t.Context(), rest.Request{Method: "POST", URL: at(t, s, "/"), Body: []byte{}}); err != nil {
		t.Fatal(err)
	}
	if head[0] != "0" && head[1] != "0" {
		t.Errorf("Content-Length header %q, length %s; want 0", head[0], head[1])
	}
}
