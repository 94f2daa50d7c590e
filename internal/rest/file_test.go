package rest_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/internal/act"
	"github.com/changeover-sdk/changeover/internal/memnet"
	"github.com/changeover-sdk/changeover/internal/rest"
	"github.com/changeover-sdk/changeover/internal/transfer"
)

// slow is a file of n bytes of which one comes after each pause.
func slow(n int, pause time.Duration) transfer.Source {
	return transfer.Source{Size: int64(n), Open: func() (io.ReadCloser, error) { return io.NopCloser(&drip{n, pause}), nil }}
}

type drip struct {
	n     int
	pause time.Duration
}

func (s *drip) Read(p []byte) (int, error) {
	if s.n == 0 {
		return 0, io.EOF
	}
	time.Sleep(s.pause)
	s.n--
	p[0] = 'x'
	return 1, nil
}

func file(b []byte) transfer.Source { return transfer.File(bytes.NewReader(b), int64(len(b))) }

// overMemnet serves h in memory and returns a client for https://box.example.test.
func overMemnet(t *testing.T, h http.HandlerFunc) *rest.Client {
	t.Helper()
	var n memnet.Network
	l, err := n.Listen("box.example.test:443")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: h}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return client(t, rest.Config{HTTPClient: n.HTTPClient()})
}

func TestUploadsThatMoveAreLeftAloneAndThoseThatStandStillEnd(t *testing.T) {
	u, err := rest.Base("https://box.example.test")
	if err != nil {
		t.Fatal(err)
	}
	take := func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) }
	sip := func(w http.ResponseWriter, r *http.Request) { // slower than a TCP window is patient, and moves
		for {
			if _, err := io.CopyN(io.Discard, r.Body, 100<<10); err != nil {
				return
			}
			time.Sleep(50 * time.Second)
		}
	}
	deaf := func(w http.ResponseWriter, r *http.Request) { // reads a little and no more
		io.CopyN(io.Discard, r.Body, 1<<10)
		select {
		case <-time.After(time.Hour):
		case <-r.Context().Done():
		}
	}
	hang := func(d time.Duration) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			select {
			case <-time.After(d):
			case <-r.Context().Done():
			}
		}
	}
	tests := map[string]struct {
		handler http.HandlerFunc
		src     transfer.Source
		want    error
		least   time.Duration
		most    time.Duration
	}{
		"an upload that is slow but moves": {sip, file(make([]byte, 16<<20)), nil, time.Hour, 3 * time.Hour},
		"an upload that stands still":      {deaf, file(make([]byte, 16<<20)), rest.ErrStalled, time.Minute, time.Minute},
		"a file that does not come":        {take, slow(10, time.Hour), rest.ErrStalled, time.Minute, 2 * time.Minute},
		"an answer that takes its time":    {hang(9 * time.Minute), file([]byte("x")), nil, 9 * time.Minute, 9 * time.Minute},
		"an answer that never comes":       {hang(time.Hour), file([]byte("x")), rest.ErrStalled, 10 * time.Minute, 10 * time.Minute},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := overMemnet(t, tt.handler)
				start := time.Now()
				_, _, err := c.Upload(t.Context(), transfer.Upload{Method: "POST", URL: u, Source: tt.src, Stall: time.Minute, Answer: 10 * time.Minute})
				if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) || errors.Is(err, act.ErrNotSent) {
					t.Errorf("err = %v, want %v", err, tt.want)
				}
				if took := time.Since(start); took < tt.least || took > tt.most {
					t.Errorf("took %v, want %v to %v", took, tt.least, tt.most)
				}
				time.Sleep(20 * time.Hour) // whatever still runs must end, or the bubble complains
			})
		})
	}
}

func TestDownloads(t *testing.T) {
	u, err := rest.Base("https://box.example.test")
	if err != nil {
		t.Fatal(err)
	}
	drip := func(n int, pause time.Duration) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100")
			for range n {
				io.WriteString(w, "x")
				w.(http.Flusher).Flush()
				select {
				case <-time.After(pause):
				case <-r.Context().Done():
					return
				}
			}
		}
	}
	late := func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(9 * time.Minute)
		drip(100, 0)(w, r)
	}
	tests := map[string]struct {
		handler http.HandlerFunc
		want    error
	}{
		"slow but moving":                 {drip(100, 50*time.Second), nil},
		"standing still":                  {drip(100, 2*time.Minute), rest.ErrStalled},
		"ending too early":                {drip(40, time.Second), rest.ErrCut},
		"one that takes its time to come": {late, nil},
		"one that never comes":            {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, rest.ErrStalled},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := overMemnet(t, tt.handler)
				var out bytes.Buffer
				got, err := c.Download(t.Context(), transfer.Download{URL: u, Into: &out, Stall: time.Minute, Answer: 10 * time.Minute})
				if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
					t.Errorf("after %d bytes: err = %v, want %v", got.Moved, err, tt.want)
				}
				if err == nil && (out.Len() != 100 || got.Size != 100) {
					t.Errorf("%d bytes, %+v", out.Len(), got)
				}
			})
		})
	}
}

func TestTransfersEndWithTheirContext(t *testing.T) {
	u, err := rest.Base("https://box.example.test")
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		c := overMemnet(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100")
			w.(http.Flusher).Flush()
			io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		})
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		_, _, err := c.Upload(ctx, transfer.Upload{Method: "POST", URL: u, Source: slow(1000, time.Second)})
		if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, rest.ErrStalled) || errors.Is(err, act.ErrNotSent) {
			t.Errorf("err = %v, want the context's end", err)
		}
		_, _, err = c.Upload(ctx, transfer.Upload{Method: "POST", URL: u, Source: slow(1000, time.Second)})
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, act.ErrNotSent) {
			t.Errorf("err = %v, want the context's end and that nothing was sent", err)
		}
		ctx, cancel = context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		_, err = c.Download(ctx, transfer.Download{URL: u, Into: io.Discard})
		if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, rest.ErrStalled) {
			t.Errorf("err = %v, want the context's end", err)
		}
	})
}

// A file is asked for and sent as what we are, over TLS that is verified, to the host that was named and to no other.
func TestTransfersGoWhereTheyShould(t *testing.T) {
	var there atomic.Int32
	other, _ := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { there.Add(1) }), nil)
	s, pool := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.UserAgent() != rest.Agent {
			t.Errorf("User-Agent %q", r.UserAgent())
		}
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		case "/moved":
			http.Redirect(w, r, "/here", http.StatusTemporaryRedirect)
		case "/no":
			http.Error(w, "no such file", http.StatusNotFound)
		default:
			if r.Method == "POST" && (r.ContentLength != 5 || len(r.TransferEncoding) > 0) {
				t.Errorf("length %d, encoding %v", r.ContentLength, r.TransferEncoding)
			}
			if n, _ := io.Copy(w, r.Body); n == 0 {
				io.WriteString(w, "hello")
			}
		}
	}), nil)
	c := client(t, rest.Config{CA: pool})
	up := func(c *rest.Client, path string) (*rest.Response, *transfer.Sent, error) {
		return c.Upload(t.Context(), transfer.Upload{Method: "POST", URL: at(t, s, path), Source: file([]byte("hello")), Again: 2})
	}
	down := func(c *rest.Client, path string) (string, error) {
		var out strings.Builder
		_, err := c.Download(t.Context(), transfer.Download{URL: at(t, s, path), Into: &out})
		return out.String(), err
	}
	if resp, sent, err := up(c, "/here"); err != nil || resp.Status != 200 || string(resp.Body) != "hello" || !sent.Whole {
		t.Errorf("Upload = %+v, %+v, %v", resp, sent, err)
	}
	if text, err := down(c, "/moved"); err != nil || text != "hello" {
		t.Errorf("Download = %q, %v; want it followed on the same host", text, err)
	}
	if resp, sent, err := up(c, "/moved"); err != nil || resp.Status != http.StatusTemporaryRedirect || sent.Whole {
		t.Errorf("Upload = %+v, %+v, %v; want the redirect itself", resp, sent, err)
	}
	if _, _, err := up(c, "/away"); !errors.Is(err, rest.ErrRedirect) {
		t.Errorf("Upload = %v, want ErrRedirect", err)
	}
	if _, err := down(c, "/away"); !errors.Is(err, rest.ErrRedirect) || there.Load() != 0 {
		t.Errorf("Download = %v, want ErrRedirect, and nobody asked (%d were)", err, there.Load())
	}
	_, err := down(c, "/no")
	if resp, ok := rest.Refusal(err); !ok || resp.Status != 404 || string(resp.Body) != "no such file\n" {
		t.Errorf("Refusal(%v) = %+v", err, resp)
	}
	for name, stranger := range map[string]*rest.Client{
		"another pin": client(t, rest.Config{Fingerprint: strings.Repeat("ab", 32)}),
		"no CA":       client(t, rest.Config{}),
	} {
		if _, _, err := up(stranger, "/here"); !errors.Is(err, rest.ErrUntrusted) || !errors.Is(err, act.ErrNotSent) {
			t.Errorf("%s: Upload = %v, want ErrUntrusted", name, err)
		}
		if _, err := down(stranger, "/here"); !errors.Is(err, rest.ErrUntrusted) {
			t.Errorf("%s: Download = %v, want ErrUntrusted", name, err)
		}
	}
	if text, err := down(client(t, rest.Config{Fingerprint: rest.Fingerprint(s.Certificate())}), "/here"); err != nil || text != "hello" {
		t.Errorf("the right pin: Download = %q, %v", text, err)
	}
}

// A transfer is asked for over HTTP/1.1 also where the server and the given client speak HTTP/2, asks first, shows our certificate, and reaches one address
// in another's name: everything a small call does.
func TestTransfersKeepWhatTheClientWasTold(t *testing.T) {
	ca := newAuthority(t)
	mine := ca.leaf(t, time.Hour, "me")
	var expect atomic.Pointer[string]
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if small := r.URL.Path == "/small"; (r.ProtoMajor == 2) != small {
			t.Errorf("%s %s by %s", r.Method, r.URL.Path, r.Proto)
		}
		if len(r.TLS.PeerCertificates) != 1 || r.TLS.ServerName != "box.example.test" || r.Host != "box.example.test" {
			t.Errorf("%d certificates, asked as %q, Host %q", len(r.TLS.PeerCertificates), r.TLS.ServerName, r.Host)
		}
		said := r.Header.Get("Expect")
		expect.Store(&said)
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, "ok")
	}))
	s.EnableHTTP2 = true
	s.TLS = &tls.Config{Certificates: []tls.Certificate{ca.leaf(t, time.Hour, "box.example.test")}, ClientAuth: tls.RequireAnyClientCert}
	s.StartTLS()
	t.Cleanup(s.Close)
	var largest atomic.Int64
	given := &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true, DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		return &measured{conn, &largest}, err
	}}}
	c := client(t, rest.Config{CA: ca.pool, Certificate: &mine, Dial: s.Listener.Addr().String(), HTTPClient: given})
	u, err := rest.Base("https://box.example.test")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := get(t.Context(), c, u.JoinPath("small")); err != nil {
		t.Error(err)
	}
	if _, sent, err := c.Upload(t.Context(), transfer.Upload{Method: "POST", URL: u.JoinPath("image"), Source: file(make([]byte, 4<<20))}); err != nil || !sent.Whole || *expect.Load() != "100-continue" {
		t.Errorf("Upload: %+v, %v, Expect %q", sent, err, *expect.Load())
	}
	if n := largest.Load(); n < 100<<10 {
		t.Errorf("the largest write has %d bytes: TLS records were not gathered", n)
	}
	var out strings.Builder
	if _, err := c.Download(t.Context(), transfer.Download{URL: u.JoinPath("backup"), Into: &out}); err != nil || out.String() != "ok" {
		t.Errorf("Download: %q, %v", out.String(), err)
	}
}

// measured remembers its largest write.
type measured struct {
	net.Conn
	largest *atomic.Int64
}

func (m *measured) Write(p []byte) (int, error) {
	m.largest.Store(max(m.largest.Load(), int64(len(p))))
	return m.Conn.Write(p)
}
