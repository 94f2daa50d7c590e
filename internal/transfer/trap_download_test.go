package transfer_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/internal/transfer"
)

func TestTrapNeverOverwrites(t *testing.T) {
	c, u := inMemoryPlain(t, func(http.ResponseWriter, *http.Request) { t.Error("asked") })
	to := filepath.Join(t.TempDir(), "backup")
	os.WriteFile(to, []byte("older"), 0o600)
	if _, err := c.Download(t.Context(), transfer.Download{URL: u, To: to}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("err = %v", err)
	}
	same(t, to, []byte("older"))
}

func TestTrapTwoDownloadsOfOneFile(t *testing.T) {
	inside, goOn := make(chan bool), make(chan bool)
	data := random(36, 1<<20)
	c, u := inMemoryPlain(t, func(w http.ResponseWriter, r *http.Request) {
		inside <- true
		<-goOn
		w.Write(data)
	})
	d := transfer.Download{URL: u, To: filepath.Join(t.TempDir(), "backup")}
	done := make(chan error, 1)
	go func() { _, err := c.Download(t.Context(), d); done <- err }()
	<-inside
	if _, err := c.Download(t.Context(), d); !errors.Is(err, transfer.ErrBusy) {
		t.Errorf("the second: %v", err)
	}
	close(goOn)
	if err := <-done; err != nil {
		t.Errorf("the first: %v", err)
	}
	same(t, d.To, data)
}

// No total limit, but one for standing still; and what came before it is kept.
func TestTrapStallNotTimeoutDownload(t *testing.T) {
	for what, tt := range map[string]struct {
		pause time.Duration
		err   error
	}{"slow": {50 * time.Second, nil}, "stands still": {70 * time.Second, transfer.ErrStalled}} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				data := random(37, 2<<20)
				c, u := inMemory(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Content-Length", strconv.Itoa(len(data)))
					for rest := data; len(rest) > 0; rest = rest[16<<10:] {
						if _, err := w.Write(rest[:16<<10]); err != nil {
							return
						}
						w.(http.Flusher).Flush()
						time.Sleep(tt.pause)
					}
				}))
				began := time.Now()
				_, err := c.Download(t.Context(), transfer.Download{URL: u, To: filepath.Join(t.TempDir(), "backup"), Stall: time.Minute, Tries: -1})
				if !errors.Is(err, tt.err) || tt.err == nil && time.Since(began) < time.Hour {
					t.Errorf("err = %v after %v", err, time.Since(began))
				}
				time.Sleep(tt.pause)
			})
		})
	}
}

// Nothing of an address's query, a header or a body is in an error or in the state.
func TestCanaryNoSecretInErrorsAndState(t *testing.T) {
	const secret = "pl4nted-secret"
	data := random(38, 3<<20)
	var step atomic.Int64
	c, u := inMemoryPlain(t, func(w http.ResponseWriter, r *http.Request) {
		switch step.Add(1) {
		case 1:
			(&origin{data: data, tag: `"v1"`, cuts: []int{1 << 20}}).ServeHTTP(w, r)
		case 2:
			w.Header().Set("X-Echo", secret)
			w.WriteHeader(http.StatusForbidden)
			io.WriteString(w, secret)
		default: // net/http may ask a second time over a kept connection
			panic(http.ErrAbortHandler)
		}
	})
	u.RawQuery = "token=" + secret
	dir := t.TempDir()
	d := transfer.Download{URL: u, To: filepath.Join(dir, "backup"), Header: http.Header{"Authorization": {secret}}, Tries: -1}
	for i := range 3 {
		_, err := c.Download(t.Context(), d)
		if err == nil || strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), secret) {
			t.Errorf("call %d: %#v", i, err)
		}
		if e, ok := errors.AsType[*transfer.StatusError](err); i == 1 && (!ok || e.Status != 403 || string(e.Body) != secret) {
			t.Errorf("call %d: %v", i, err)
		}
	}
	raw, err := os.ReadFile(d.To + ".part.json")
	if err != nil || strings.Contains(string(raw), secret) {
		t.Errorf("state: %s, %v", raw, err)
	}
	_, err = c.Upload(t.Context(), transfer.Upload{Method: "PUT", URL: u, Header: d.Header, Source: file(data)})
	if err == nil || strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), secret) {
		t.Errorf("upload: %#v", err)
	}
}

// TLS hands out 16 KiB at most: what is stored is gathered before.
func TestTrapFullBuffers(t *testing.T) {
	data := random(50, 8<<20)
	c, u, _ := start(t, (&origin{data: data}))
	var w sizedWriter
	if _, err := c.Download(t.Context(), transfer.Download{URL: u, Into: &w}); err != nil {
		t.Fatal(err)
	}
	if w.n != len(data) || w.writes > 2*len(data)>>20 { // a machine that pauses may cut some in two
		t.Errorf("%d bytes in %d writes", w.n, w.writes)
	}
}

type sizedWriter struct{ n, writes int }

func (w *sizedWriter) Write(p []byte) (int, error) {
	w.n += len(p)
	w.writes++
	return len(p), nil
}

// A server that could compress is told not to, so that lengths, ranges and hashes mean the file's own bytes.
func TestTrapIdentityEncoding(t *testing.T) {
	data := bytes.Repeat([]byte("text that could be compressed "), 1<<15)
	c, u, _ := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			z.Write(data)
			z.Close()
			return
		}
		w.Write(data)
	}))
	got, err := c.Download(t.Context(), transfer.Download{URL: u, To: filepath.Join(t.TempDir(), "backup")})
	if err != nil || got.SHA256 != hexSum(data) || got.Moved != int64(len(data)) {
		t.Errorf("%+v, %v; want %d bytes as they are", got, err, len(data))
	}
}
