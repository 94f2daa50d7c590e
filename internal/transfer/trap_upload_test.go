package transfer_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/changeover-sdk/changeover/internal/transfer"
)

func file(b []byte) transfer.Source { return transfer.File(bytes.NewReader(b), int64(len(b))) }

func TestTrapKnownLengthNotChunked(t *testing.T) {
	for _, size := range []int{0, 1, 300<<10 + 7, 5 << 20} {
		for _, framed := range []bool{false, true} {
			t.Run(fmt.Sprint(size, framed), func(t *testing.T) {
				data := random(1, size)
				var got []byte
				var length int64
				var chunked []string
				c, u, _ := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					length, chunked = r.ContentLength, r.TransferEncoding
					var in io.Reader = r.Body
					if framed {
						f, h, err := r.FormFile("firmware")
						if err != nil || h.Filename != "image.iso" {
							t.Errorf("FormFile: %v", err)
							return
						}
						in = f
					}
					got, _ = io.ReadAll(in)
				}))
				src, header := file(data), http.Header{}
				if framed {
					var kind string
					src, kind = transfer.Multipart(src, "firmware", "image.iso")
					header.Set("Content-Type", kind)
				}
				sent, err := c.Upload(t.Context(), transfer.Upload{Method: "POST", URL: u, Header: header, Source: src})
				if err != nil || !sent.Whole || sent.SHA256 != hexSum(data) || sent.Status != 200 {
					t.Fatalf("Upload = %+v, %v", sent, err)
				}
				src.Unhashed = true
				if sent, err := c.Upload(t.Context(), transfer.Upload{Method: "POST", URL: u, Header: header, Source: src}); err != nil || !sent.Whole || sent.SHA256 != "" {
					t.Errorf("unhashed: %+v, %v", sent, err)
				}
				if !bytes.Equal(got, data) || length != src.Length() || chunked != nil {
					t.Errorf("the server got %d bytes, Content-Length %d, Transfer-Encoding %v", len(got), length, chunked)
				}
			})
		}
	}
}

// A refusal costs no byte of the body, counted on the wire, and the file is not even opened.
func TestTrapAskFirst(t *testing.T) {
	for _, status := range []int{401, 403, 413} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			if n := bodyBytesInto(t, status); n != 0 {
				t.Errorf("%d bytes of the body were sent", n)
			}
		})
	}
}

// bodyBytesInto uploads a file to a server that answers with status at once, and returns how many bytes came behind the head of the request.
func bodyBytesInto(t testing.TB, status int) int {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(status) }))
	plain := httptest.NewTLSServer(nil) // only for its certificate
	defer plain.Close()
	l := &hearing{Listener: s.Listener, conf: plain.TLS}
	s.Listener = l
	s.Start() // whose TLS is below the counting
	defer s.Close()
	c := transfer.New(plain.Client().Transport)
	defer c.CloseIdleConnections()
	u, _ := url.Parse("https" + strings.TrimPrefix(s.URL, "http"))
	opened := false
	src := transfer.Source{Size: 64 << 20, Open: func() (io.ReadCloser, error) { opened = true; return io.NopCloser(zeros{}), nil }}
	sent, err := c.Upload(t.Context(), transfer.Upload{Method: "POST", URL: u, Source: src, Progress: func(n, _ int64) { t.Errorf("progress says %d bytes", n) }})
	if err != nil || sent.Status != status || sent.Whole || sent.SHA256 != "" || opened {
		t.Fatalf("Upload = %+v, %v; the file was opened: %v", sent, err, opened)
	}
	c.CloseIdleConnections()
	s.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	head, body, ok := strings.Cut(string(l.heard), "\r\n\r\n")
	if !ok || !strings.HasPrefix(head, "POST / ") && !strings.HasPrefix(head, "POST  ") {
		t.Fatalf("what came begins with %.40q", head)
	}
	return len(body)
}

// hearing keeps what comes in over TLS.
type hearing struct {
	net.Listener
	conf  *tls.Config
	mu    sync.Mutex
	heard []byte
}

func (h *hearing) Accept() (net.Conn, error) {
	c, err := h.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &heardConn{tls.Server(c, h.conf), h}, nil
}

type heardConn struct {
	net.Conn
	h *hearing
}

func (c *heardConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	c.h.heard = append(c.h.heard, p[:n]...)
	return n, err
}

// A server that ignores the question costs the limit, once, and nothing else.
func TestTrapAskIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		data := random(5, 300<<10)
		c, u := inMemory(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			conn, rw, err := w.(http.Hijacker).Hijack() // before it could say "go on"
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			got := make([]byte, len(data))
			if _, err := io.ReadFull(rw, got); err != nil || !bytes.Equal(got, data) {
				t.Errorf("got %v", err)
			}
			io.WriteString(conn, "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
		}))
		began := time.Now()
		sent, err := c.Upload(t.Context(), transfer.Upload{Method: "PUT", URL: u, Source: file(data)})
		if err != nil || sent.Status != 201 || time.Since(began) != transfer.AskLimit {
			t.Errorf("%+v, %v after %v", sent, err, time.Since(began))
		}
	})
}

// A request is begun again, from the file's first byte, only while nobody asked for one: then nobody can have acted on it.
func TestTrapRetryReopensTheBody(t *testing.T) {
	data := random(6, 2<<20)
	abort := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	tests := map[string]struct {
		first         http.HandlerFunc // what the first request meets
		again         int
		tries, opened int64
		err           error
	}{
		"cut before the body, sent once":  {abort, 0, 1, 0, transfer.ErrCut},
		"cut before the body, sent again": {abort, 2, 2, 1, nil},
		"cut in the middle": {func(_ http.ResponseWriter, r *http.Request) {
			io.CopyN(io.Discard, r.Body, 1<<20)
			panic(http.ErrAbortHandler)
		}, 2, 1, 1, transfer.ErrCut},
		"cut after the last byte": {func(_ http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			panic(http.ErrAbortHandler)
		}, 2, 1, 1, transfer.ErrCut},
		"the question is refused":                {refuseToBeAsked(false), 0, 2, 1, nil},
		"the question is refused after the body": {refuseToBeAsked(true), 0, 1, 1, nil},
	}
	for what, tt := range tests {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var tries, opened atomic.Int64
				c, u := inMemory(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if tries.Add(1) == 1 {
						tt.first(w, r)
						return
					}
					sumOf(w, r)
				}))
				src := transfer.Source{Size: int64(len(data)), Open: func() (io.ReadCloser, error) {
					opened.Add(1)
					return io.NopCloser(bytes.NewReader(data)), nil
				}}
				sent, err := c.Upload(t.Context(), transfer.Upload{Method: "POST", URL: u, Source: src, Again: tt.again})
				if !errors.Is(err, tt.err) || tries.Load() != tt.tries || opened.Load() != tt.opened {
					t.Errorf("err = %v, %d tries, opened %d times", err, tries.Load(), opened.Load())
				}
				if tt.tries > 1 && (sent == nil || string(sent.Body) != hexSum(data) || sent.SHA256 != hexSum(data) || sent.Tries != 2) {
					t.Errorf("Upload = %+v", sent)
				}
				if tt.tries == 1 && tt.err == nil && (sent == nil || sent.Status != http.StatusExpectationFailed) {
					t.Errorf("Upload = %+v, want the refusal", sent)
				}
			})
		})
	}
}

// refuseToBeAsked answers 417 to whoever asks first (RFC 9110, 10.1.1), before or after it took the body.
func refuseToBeAsked(taken bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Expect") == "" {
			panic("was not asked")
		}
		if taken {
			io.Copy(io.Discard, r.Body)
		}
		w.WriteHeader(http.StatusExpectationFailed)
	}
}

// A kept connection that the server has closed meanwhile is replaced by net/http, which asks for the body anew.
func TestTrapKeptConnectionGone(t *testing.T) {
	c, u, s := start(t, http.HandlerFunc(sumOf))
	data := random(7, 1<<20)
	for range 5 {
		sent, err := c.Upload(t.Context(), transfer.Upload{Method: "PUT", URL: u, Source: file(data)})
		if err != nil || string(sent.Body) != hexSum(data) {
			t.Fatalf("%+v, %v", sent, err)
		}
		s.CloseClientConnections()
	}
}

// A retrying client takes a body that it does not know into memory, whole. So none is on the way of a file: neither is it linked, nor does memory grow.
func TestTrapNoRetryingClientOnTheFilePath(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	if err != nil {
		t.Skipf("go list: %v", err)
	}
	if slices.ContainsFunc(strings.Fields(string(out)), func(p string) bool { return strings.Contains(p, "retryablehttp") }) {
		t.Error("the package links a client that reads bodies into memory")
	}
}

func TestTrapConstantMemory(t *testing.T) {
	const size = 128 << 20
	c, u := inMemoryPlain(t, func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) })
	var peak uint64
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	before := m.HeapAlloc
	src := transfer.Source{Size: size, Open: func() (io.ReadCloser, error) { return io.NopCloser(io.LimitReader(zeros{}, size)), nil }}
	_, err := c.Upload(t.Context(), transfer.Upload{Method: "PUT", URL: u, Source: src, Progress: func(n, _ int64) {
		if n%(32<<20) == 0 {
			runtime.ReadMemStats(&m)
			peak = max(peak, m.HeapAlloc)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if grown := int64(peak) - int64(before); grown > 24<<20 {
		t.Errorf("memory grew by %d MiB", grown>>20)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func inMemoryPlain(t testing.TB, h http.HandlerFunc) (*transfer.Client, *url.URL) {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	u, _ := url.Parse(s.URL)
	return transfer.New(s.Client().Transport), u
}

// An upload that stands still ends; one that moves may take for ever.
func TestTrapStallNotTimeout(t *testing.T) {
	for what, tt := range map[string]struct {
		pause time.Duration
		err   error
	}{"slow": {50 * time.Second, nil}, "stands still": {70 * time.Second, transfer.ErrStalled}} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				done := make(chan bool)
				c, u := inMemory(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					for {
						if _, err := io.CopyN(io.Discard, r.Body, 100<<10); err != nil {
							return
						}
						select {
						case <-time.After(tt.pause):
						case <-done:
							return
						}
					}
				}))
				began := time.Now()
				_, err := c.Upload(t.Context(), transfer.Upload{Method: "PUT", URL: u, Source: file(random(8, 10<<20)), Stall: time.Minute, Answer: time.Hour})
				if !errors.Is(err, tt.err) || tt.err == nil && time.Since(began) < time.Hour {
					t.Errorf("err = %v after %v", err, time.Since(began))
				}
				close(done)
				time.Sleep(time.Second)
			})
		})
	}
}

// A file that is not as long as it was said to be never arrives whole.
func TestTrapFileChangesUnderAnUpload(t *testing.T) {
	for what, real := range map[string]int{"shorter": 1<<20 - 1, "longer": 1<<20 + 1, "gone": 0, "shorter, unhashed": 1<<20 - 1, "longer, unhashed": 1<<20 + 1} {
		t.Run(what, func(t *testing.T) {
			var whole atomic.Bool
			c, u, s := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, err := io.Copy(io.Discard, r.Body)
				whole.Store(err == nil)
			}))
			src := transfer.File(bytes.NewReader(random(9, real)), 1<<20)
			src.Unhashed = strings.HasSuffix(what, "unhashed")
			_, err := c.Upload(t.Context(), transfer.Upload{Method: "PUT", URL: u, Source: src, Again: 3})
			if !errors.Is(err, transfer.ErrChanged) {
				t.Errorf("err = %v", err)
			}
			s.Close() // the handler has ended
			if whole.Load() {
				t.Error("the server got a whole body")
			}
		})
	}
}

func TestUploadProgress(t *testing.T) {
	c, u, _ := start(t, http.HandlerFunc(sumOf))
	const size = 3<<20 + 5
	var told []int64
	src, _ := transfer.Multipart(file(random(10, size)), "f", "n")
	if _, err := c.Upload(t.Context(), transfer.Upload{Method: "PUT", URL: u, Source: src, Progress: func(n, total int64) {
		if total != size {
			t.Errorf("total %d", total)
		}
		told = append(told, n)
	}}); err != nil {
		t.Fatal(err)
	}
	if len(told) < 3 || !slices.IsSorted(told) || told[len(told)-1] != size {
		t.Errorf("told %v", told)
	}
	if d := cmp.Diff(told, slices.Compact(slices.Clone(told))); d != "" {
		t.Errorf("told twice: %s", d)
	}
}

func TestUploadEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		done := make(chan bool)
		c, u := inMemory(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.CopyN(io.Discard, r.Body, 1<<20)
			<-done
		}))
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, err := c.Upload(ctx, transfer.Upload{Method: "PUT", URL: u, Source: file(random(11, 4<<20)), Again: 5})
		if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, transfer.ErrStalled) {
			t.Errorf("err = %v", err)
		}
		close(done)
		time.Sleep(time.Second)
	})
}
