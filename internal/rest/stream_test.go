package rest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/internal/memnet"
	"github.com/changeover-sdk/changeover/internal/rest"
)

// slow gives n bytes, one after each pause.
type slow struct {
	n     int
	pause time.Duration
}

func (s *slow) Read(p []byte) (int, error) {
	if s.n == 0 {
		return 0, io.EOF
	}
	time.Sleep(s.pause)
	s.n--
	p[0] = 'x'
	return 1, nil
}

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

func TestTransfersThatMoveAreLeftAloneAndThoseThatStandStillEnd(t *testing.T) {
	u, err := rest.Base("https://box.example.test")
	if err != nil {
		t.Fatal(err)
	}
	upload := func(body io.Reader, length int64) rest.Transfer {
		return rest.Transfer{Intent: rest.Act, Method: "POST", URL: u, Body: body, Length: length, Stall: time.Minute, Answer: 10 * time.Minute}
	}
	take := func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) }
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
		what    rest.Transfer
		want    error
		after   time.Duration
	}{
		"an upload that is slow but moves":        {take, upload(&slow{200, 50 * time.Second}, 200), nil, 200 * 50 * time.Second},
		"an upload that stands still":             {deaf, upload(bytes.NewReader(make([]byte, 16<<20)), 16<<20), rest.ErrStalled, time.Minute},
		"an answer that takes its time":           {hang(9 * time.Minute), upload(strings.NewReader("x"), 1), nil, 9 * time.Minute},
		"an answer that never comes":              {hang(time.Hour), upload(strings.NewReader("x"), 1), rest.ErrStalled, 10 * time.Minute},
		"a download that takes its time to start": {hang(9 * time.Minute), rest.Transfer{Intent: rest.Read, Method: "GET", URL: u, Stall: time.Minute, Answer: 10 * time.Minute}, nil, 9 * time.Minute},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := overMemnet(t, tt.handler)
				start := time.Now()
				resp, err := c.Stream(t.Context(), tt.what)
				if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
					t.Errorf("err = %v, want %v", err, tt.want)
				}
				if took := time.Since(start); took != tt.after {
					t.Errorf("took %v, want %v", took, tt.after)
				}
				if err == nil {
					resp.Body.Close()
				}
				time.Sleep(2 * time.Hour) // whatever still runs must end, or the bubble complains
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
	tests := map[string]struct {
		handler http.HandlerFunc
		want    error
	}{
		"slow but moving":  {drip(100, 50*time.Second), nil},
		"standing still":   {drip(100, 2*time.Minute), rest.ErrStalled},
		"ending too early": {drip(40, time.Second), io.ErrUnexpectedEOF},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := overMemnet(t, tt.handler)
				resp, err := c.Stream(t.Context(), rest.Transfer{Intent: rest.Read, Method: "GET", URL: u, Stall: time.Minute})
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				n, err := io.Copy(io.Discard, resp.Body)
				if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
					t.Errorf("after %d bytes: err = %v, want %v", n, err, tt.want)
				}
			})
		})
	}
}

func TestTransferEndsWithItsContext(t *testing.T) {
	u, err := rest.Base("https://box.example.test")
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		c := overMemnet(t, func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) })
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		_, err := c.Stream(ctx, rest.Transfer{Method: "POST", URL: u, Body: &slow{1000, time.Second}, Length: 1000})
		if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, rest.ErrStalled) {
			t.Errorf("err = %v, want the context's end", err)
		}
	})
}

func TestTransferSendsItsLength(t *testing.T) {
	var length int64
	s, pool := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		length = r.ContentLength
		n, _ := io.Copy(io.Discard, r.Body)
		if n != 5 || len(r.TransferEncoding) > 0 {
			t.Errorf("got %d bytes, encoding %v; want 5, none", n, r.TransferEncoding)
		}
	}), nil)
	resp, err := client(t, rest.Config{CA: pool}).Stream(t.Context(), rest.Transfer{Method: "POST", URL: at(t, s, "/"), Body: strings.NewReader("hello"), Length: 5})
	if err != nil || length != 5 {
		t.Fatalf("length = %d, err = %v; want 5", length, err)
	}
	resp.Body.Close()
}
