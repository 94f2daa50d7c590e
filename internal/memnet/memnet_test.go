package memnet

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/nettest"
)

// The suite that checks the standard library's own connections.
func TestConn(t *testing.T) {
	nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
		var n Network
		l, err := n.Listen("a")
		if err != nil {
			return nil, nil, nil, err
		}
		c1, err = n.DialContext(t.Context(), "tcp", "a:443")
		if err != nil {
			return nil, nil, nil, err
		}
		c2, err = l.Accept()
		return c1, c2, func() { c1.Close(); c2.Close(); l.Close() }, err
	})
}

func TestBackPressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := Pipe("a", "b")
		sent := bytes.Repeat([]byte("0123456789abcdef"), 5*bufferSize/16)
		done := false
		go func() {
			defer a.Close()
			if n, err := a.Write(sent); n != len(sent) || err != nil {
				t.Errorf("Write = %d, %v", n, err)
			}
			done = true
		}()
		synctest.Wait() // durably: otherwise this never returns
		if done {
			t.Error("a writer got five buffers' worth into one buffer")
		}
		got, err := io.ReadAll(b)
		if err != nil || !bytes.Equal(got, sent) {
			t.Errorf("read %d bytes, %v; want the %d sent, in order", len(got), err, len(sent))
		}
	})
}

func TestEnds(t *testing.T) {
	tests := map[string]struct {
		end         func(near *Conn)
		read        string // what the far side still reads
		err         error  // and the error after it; nil means EOF
		write       error  // what the far side's write gives
		nearRead    string // what the near side reads of the far side's write
		nearReadErr error
	}{
		"close: what was written arrives, then EOF; writing back is useless": {
			end: func(c *Conn) { c.Close() }, read: "last words", write: syscall.EPIPE, nearReadErr: net.ErrClosed},
		"half close: the far side may still answer": {
			end: func(c *Conn) { c.CloseWrite() }, read: "last words", nearRead: "answer"},
		"reset: what was not read is lost": {
			end: func(c *Conn) { c.Reset() }, err: syscall.ECONNRESET, write: syscall.ECONNRESET, nearReadErr: net.ErrClosed},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			near, far := Pipe("near", "far")
			near.Write([]byte("last words"))
			tt.end(near)
			select {
			case <-far.Done():
				if tt.nearReadErr == nil {
					t.Error("the far side is told that it is over after a half close")
				}
			default:
				if tt.nearReadErr != nil {
					t.Error("the far side is not told that it is over")
				}
			}
			got, err := io.ReadAll(far)
			if string(got) != tt.read || !errors.Is(err, tt.err) {
				t.Errorf("far reads %q, %v; want %q, %v", got, err, tt.read, tt.err)
			}
			if _, err := far.Write([]byte("answer")); !errors.Is(err, tt.write) {
				t.Errorf("far writes: %v, want %v", err, tt.write)
			}
			far.Close()
			got, err = io.ReadAll(near)
			if string(got) != tt.nearRead || !errors.Is(err, tt.nearReadErr) {
				t.Errorf("near reads %q, %v; want %q, %v", got, err, tt.nearRead, tt.nearReadErr)
			}
		})
	}
}

func TestDeadlineInBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := Pipe("a", "b")
		start := time.Now()
		a.SetReadDeadline(start.Add(2 * time.Hour))
		_, err := a.Read(make([]byte, 1))
		if !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != 2*time.Hour {
			t.Errorf("Read = %v after %v, want the deadline after 2h", err, time.Since(start))
		}
		a.SetDeadline(time.Time{})
		a.SetWriteDeadline(time.Now().Add(time.Hour))
		if _, err := a.Write(make([]byte, bufferSize+1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Write = %v, want the deadline", err)
		}
	})
}

func TestDial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n Network
		if _, err := n.DialContext(t.Context(), "tcp", "nobody:443"); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("nobody listens: %v, want ECONNREFUSED", err)
		}
		l, err := n.Listen("box")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := n.Listen("box:443"); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("second listener: %v, want EADDRINUSE", err)
		}
		n.Silence("box", true)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := n.DialContext(ctx, "tcp", "box:443"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a silent host: %v, want the context's end", err)
		}
		begin := time.Now()
		if _, err := n.DialContext(t.Context(), "tcp", "box:443"); !errors.Is(err, syscall.ETIMEDOUT) || time.Since(begin) != dialPatience {
			t.Errorf("a silent host: %v after %v, want ETIMEDOUT after %v", err, time.Since(begin), dialPatience)
		}
		time.AfterFunc(time.Minute, func() { n.Silence("box", false) }) // and the dial goes on
		c, err := n.DialContext(t.Context(), "tcp", "box:443")
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("dialled, never accepted, listener closed: %v, want ECONNRESET", err)
		}
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Accept after Close = %v", err)
		}
		if _, err := n.Listen("box"); err != nil {
			t.Errorf("listening again after Close: %v", err)
		}
	})
}

func TestListenerReset(t *testing.T) {
	var n Network
	l, _ := n.Listen("box")
	near, _ := n.DialContext(t.Context(), "tcp", "box:443")
	far, _ := l.Accept()
	far.Write([]byte("half an ans"))
	l.Reset()
	if got, err := io.ReadAll(near); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("after the host lost power: read %q, %v; want ECONNRESET", got, err)
	}
	if len(l.host.conns) != 0 {
		t.Errorf("%d connections remembered after Reset", len(l.host.conns))
	}
}

// Several hosts, one network, no listener left running: a bubble ends by itself.
func TestHTTP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n Network
		for _, name := range []string{"one", "two"} {
			h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				time.Sleep(time.Hour)
				io.Copy(w, r.Body)
				io.WriteString(w, " from "+name)
			})
			stop, err := n.Serve(name, func(c *Conn) { ServeHTTP(c, h) })
			if err != nil {
				t.Fatal(err)
			}
			defer stop()
		}
		for _, name := range []string{"one", "two"} {
			resp, err := n.HTTPClient().Post("https://"+name+"/x", "text/plain", bytes.NewReader([]byte("hello")))
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if string(got) != "hello from "+name || err != nil {
				t.Errorf("%s answers %q, %v", name, got, err)
			}
		}
	})
}

// A hijacked connection lives as long as its handler.
func TestHijack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n Network
		stop, _ := n.Serve("box", func(c *Conn) {
			ServeHTTP(c, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				c, _, err := http.NewResponseController(w).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				time.Sleep(time.Hour)
				io.WriteString(c, "HTTP/1.1 204 late\r\n\r\n")
			}))
		})
		defer stop()
		resp, err := n.HTTPClient().Get("https://box/")
		if err != nil || resp.StatusCode != 204 {
			t.Fatalf("%v, %v; want 204", resp, err)
		}
		resp.Body.Close()
	})
}

func TestServeStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n Network
		stop, _ := n.Serve("box", func(c *Conn) { io.Copy(io.Discard, c) })
		c, err := n.DialContext(t.Context(), "tcp", "box:443")
		if err != nil {
			t.Fatal(err)
		}
		stop()
		if _, err := c.Write([]byte("x")); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("after stop: %v, want ECONNRESET", err)
		}
		if _, err := n.DialContext(t.Context(), "tcp", "box:443"); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("dial after stop: %v, want ECONNREFUSED", err)
		}
	})
}

func BenchmarkConn(b *testing.B) {
	near, far := Pipe("a", "b")
	go io.Copy(io.Discard, far)
	buf := make([]byte, 32<<10)
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := near.Write(buf); err != nil {
			b.Fatal(err)
		}
	}
	near.Close()
}
