package transfer_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/changeover-sdk/changeover/internal/transfer"
)

func TestTrapHTTP1ForBulk(t *testing.T) {
	var proto string
	c, u, s := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { proto = r.Proto }))
	if resp, err := s.Client().Get(s.URL); err != nil || resp.ProtoMajor != 2 {
		t.Fatalf("the server does not speak HTTP/2 to those who want it: %v", err)
	}
	if _, err := c.Upload(t.Context(), transfer.Upload{Method: "PUT", URL: u, Source: file(random(2, 1000))}); err != nil || proto != "HTTP/1.1" {
		t.Errorf("sent over %q, %v", proto, err)
	}
}

// The body arrives in larger pieces than TLS records, on new and on kept connections, and nothing stays behind in the buffer.
func TestTrapGatheredRecords(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(sumOf))
	var writes, largest atomic.Int64
	s.StartTLS()
	defer s.Close()
	base := s.Client().Transport.(*http.Transport).Clone()
	var dials atomic.Int64
	base.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		dials.Add(1)
		c, err := new(net.Dialer).DialContext(ctx, network, addr)
		return &sizes{c, &writes, &largest}, err
	}
	c := transfer.New(base)
	defer c.CloseIdleConnections()
	u, _ := url.Parse(s.URL)
	for i, size := range []int{4 << 20, 4<<20 + 1, 1, 17 << 10} {
		data := random(uint64(i), size)
		writes.Store(0)
		largest.Store(0)
		sent, err := c.Upload(t.Context(), transfer.Upload{Method: "PUT", URL: u, Source: file(data)})
		if err != nil || string(sent.Body) != hexSum(data) {
			t.Fatalf("size %d: %+v, %v", size, sent, err)
		}
		if size >= 4<<20 && (largest.Load() < 128<<10 || writes.Load() > 60) {
			t.Errorf("size %d: %d writes, the largest of %d bytes: they are not gathered", size, writes.Load(), largest.Load())
		}
	}
	if dials.Load() != 1 {
		t.Errorf("%d connections: kept ones were not used", dials.Load())
	}
}

type sizes struct {
	net.Conn
	writes, largest *atomic.Int64
}

func (s *sizes) Write(p []byte) (int, error) {
	s.writes.Add(1)
	s.largest.Store(max(s.largest.Load(), int64(len(p))))
	return s.Conn.Write(p)
}

// A file that comes more slowly than the wire takes it is not held back.
func TestTrapGatheringHoldsNothingBack(t *testing.T) {
	arrived := make(chan int, 100)
	c, u, _ := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		buf := make([]byte, 64<<10)
		for {
			n, err := r.Body.Read(buf)
			if n > 0 {
				arrived <- n
			}
			if err != nil {
				return
			}
		}
	}))
	const first = 256 << 10 // a block of the ring
	pr, pw := io.Pipe()
	frame := random(4, 100_000) // so that what there is makes no whole number of gathered writes
	src := transfer.Source{Size: first + 1, Before: frame, Open: func() (io.ReadCloser, error) { return pr, nil }}
	done := make(chan error, 1)
	go func() {
		_, err := c.Upload(t.Context(), transfer.Upload{Method: "PUT", URL: u, Source: src})
		done <- err
	}()
	pw.Write(random(3, first))
	for got := 0; got < len(frame)+first; { // before the last byte is written
		got += <-arrived
	}
	pw.Write([]byte("x"))
	pw.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// With a DialTLSContext of our own, the name is still asked for and verified, a pinned configuration is still called, and trust is still refused.
func TestTrapOwnHandshakeVerifies(t *testing.T) {
	var name string
	s := httptest.NewUnstartedServer(http.HandlerFunc(sumOf))
	s.TLS = &tls.Config{GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) { name = h.ServerName; return nil, nil }}
	s.StartTLS()
	defer s.Close()
	good := s.Client().Transport.(*http.Transport)
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, s.Listener.Addr().String())
	}
	refuse := good.Clone()
	refuse.TLSClientConfig.VerifyConnection = func(tls.ConnectionState) error { return errors.New("not pinned") }
	tests := map[string]struct {
		t    *http.Transport
		host string
		want string // in the error
	}{
		"right name":           {good, "example.com", ""},
		"wrong name":           {good, "other.test", "not other.test"},
		"system roots":         {&http.Transport{}, "example.com", "unknown authority"},
		"VerifyConnection":     {refuse, "example.com", "not pinned"},
		"a port does not hurt": {good, "example.com:8443", ""},
	}
	for what, tt := range tests {
		t.Run(what, func(t *testing.T) {
			base := tt.t.Clone()
			base.DialContext = dial
			c := transfer.New(base)
			defer c.CloseIdleConnections()
			_, err := c.Upload(t.Context(), transfer.Upload{Method: "PUT", URL: &url.URL{Scheme: "https", Host: tt.host, Path: "/"}, Source: file([]byte("x"))})
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("err = %v, want %q", err, tt.want)
			}
			if host, _, _ := strings.Cut(tt.host, ":"); name != host {
				t.Errorf("asked for the name %q", name)
			}
		})
	}
}

// Through a proxy, TLS is made inside the tunnel by net/http: nothing is gathered, everything arrives.
func TestTrapProxyTunnelPassesThrough(t *testing.T) {
	var connects atomic.Int64
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		connects.Add(1)
		up, err := net.Dial("tcp", r.Host)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer up.Close()
		down, _, _ := w.(http.Hijacker).Hijack()
		defer down.Close()
		io.WriteString(down, "HTTP/1.1 200 OK\r\n\r\n")
		var both sync.WaitGroup
		both.Go(func() { io.Copy(up, down); up.(*net.TCPConn).CloseWrite() })
		io.Copy(down, up)
		both.Wait()
	}))
	defer proxy.Close()
	s := httptest.NewTLSServer(http.HandlerFunc(sumOf))
	defer s.Close()
	base := s.Client().Transport.(*http.Transport).Clone()
	at, _ := url.Parse(proxy.URL)
	base.Proxy = http.ProxyURL(at)
	c := transfer.New(base)
	u, _ := url.Parse(s.URL)
	data := random(4, 1<<20)
	sent, err := c.Upload(t.Context(), transfer.Upload{Method: "PUT", URL: u, Source: file(data)})
	if err != nil || string(sent.Body) != hexSum(data) || connects.Load() != 1 {
		t.Errorf("%d tunnels; %v, %v", connects.Load(), sent, err)
	}
	c.CloseIdleConnections()
}
