package transfer_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/internal/transfer"
)

// Into a writer, a file goes on where its connection broke, is never begun anew behind the writer's back, and nothing is asked for twice without need.
func TestDownloadInto(t *testing.T) {
	const size = 5<<20 + 77
	data, other := random(60, size), random(61, size)
	full := errors.New("the writer is full")
	tests := map[string]struct {
		first, then *origin // then: what the server has after the first request
		writer      func(io.Writer) io.Writer
		look        error
		asked       int
		err         error
		whole       bool
		written     bool // something
	}{
		"whole":                        {first: &origin{data: data}, asked: 1, whole: true},
		"chunked":                      {first: &origin{data: data, noLength: true}, asked: 1, whole: true},
		"cut, with a validator":        {first: &origin{data: data, tag: `"v1"`, cuts: []int{3<<20 + 5}}, asked: 2, whole: true},
		"cut in what is looked at":     {first: &origin{data: data, tag: `"v1"`, cuts: []int{100}}, asked: 2, whole: true},
		"cut there again and again":    {first: &origin{data: data, tag: `"v1"`, cuts: []int{100, 200, 300, 400, 500, 600}}, asked: 4, err: transfer.ErrCut},
		"cut, without a validator":     {first: &origin{data: data, cuts: []int{3 << 20}}, asked: 1, err: transfer.ErrCut, written: true},
		"cut, with a weak validator":   {first: &origin{data: data, tag: `W/"v1"`, cuts: []int{3 << 20}}, asked: 1, err: transfer.ErrCut, written: true},
		"cut early, no validator":      {first: &origin{data: data, cuts: []int{100}}, asked: 1, err: transfer.ErrCut},
		"changed under a resume":       {first: &origin{data: data, tag: `"v1"`, cuts: []int{3 << 20}}, then: &origin{data: other, tag: `"v2"`}, asked: 2, err: transfer.ErrChanged, written: true},
		"shorter under a resume":       {first: &origin{data: data, tag: `"v1"`, cuts: []int{3 << 20}}, then: &origin{data: other[:100], tag: `"v2"`}, asked: 2, err: transfer.ErrChanged, written: true},
		"changed, nothing written yet": {first: &origin{data: other, tag: `"v2"`, cuts: []int{100}}, then: &origin{data: data, tag: `"v1"`}, asked: 2, whole: true},
		"not what was looked for":      {first: &origin{data: data, tag: `"v1"`}, look: errors.New("a page"), asked: 1},
		"the writer fails":             {first: &origin{data: data, tag: `"v1"`}, asked: 1, err: full, writer: func(w io.Writer) io.Writer { return &brim{w, 2 << 20, full} }, written: true},
		"the writer writes less":       {first: &origin{data: data, tag: `"v1"`}, asked: 1, err: io.ErrShortWrite, writer: func(io.Writer) io.Writer { return short{} }},
	}
	for what, tt := range tests {
		t.Run(what, func(t *testing.T) {
			var asked int
			c, u := inMemoryPlain(t, func(w http.ResponseWriter, r *http.Request) {
				if asked++; asked > 1 && tt.then != nil {
					tt.then.ServeHTTP(w, r)
					return
				}
				tt.first.ServeHTTP(w, r)
			})
			var out bytes.Buffer
			d := transfer.Download{URL: u, Into: &out, Pause: time.Nanosecond, Look: func(_ http.Header, head []byte) error {
				if out.Len() > 0 || len(head) != transfer.LookAt {
					t.Errorf("%d bytes are shown, after %d were written", len(head), out.Len())
				}
				return tt.look
			}}
			if tt.writer != nil {
				d.Into = tt.writer(&out)
			}
			got, err := c.Download(t.Context(), d)
			if tt.look != nil {
				tt.err = tt.look
			}
			if !errors.Is(err, tt.err) || (err == nil) != tt.whole || asked != tt.asked {
				t.Fatalf("err = %v after %d requests, want %v after %d", err, asked, tt.err, tt.asked)
			}
			if tt.whole && (!bytes.Equal(out.Bytes(), data) || got.SHA256 != hexSum(data) || got.Size != size || got.Path != "") {
				t.Errorf("%d bytes, %+v", out.Len(), got)
			}
			if !tt.whole && (out.Len() > 0) != tt.written {
				t.Errorf("%d bytes were written", out.Len())
			}
		})
	}
}

// brim takes some bytes and then no more.
type brim struct {
	io.Writer
	left int
	err  error
}

func (b *brim) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, b.err
	}
	return b.Writer.Write(p)
}

type short struct{}

func (short) Write(p []byte) (int, error) { return len(p) - 1, nil }

// Only a GET is gone on with, and what must leave nothing leaves nothing.
func TestDownloadThatLeavesNothing(t *testing.T) {
	data := random(62, 3<<20)
	for what, d := range map[string]transfer.Download{
		"a POST":           {Method: "POST", Body: []byte(`{"password":"x"}`)},
		"of fresh content": {Fresh: true},
		"refused":          {Look: func(http.Header, []byte) error { return errors.New("a page") }},
	} {
		t.Run(what, func(t *testing.T) {
			o := &origin{data: data, tag: `"v1"`, cuts: []int{2 << 20}}
			var sent string
			c, u := inMemoryPlain(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				sent = r.Method + string(body)
				r.Method = "GET" // what the file server knows
				o.ServeHTTP(w, r)
			})
			dir := t.TempDir()
			d.URL, d.To, d.Tries = u, filepath.Join(dir, "backup"), -1
			if _, err := c.Download(t.Context(), d); err == nil {
				t.Fatal("no error")
			}
			if names := left(t, dir); len(names) != 0 {
				t.Errorf("left: %v", names)
			}
			d.Look = nil
			got, err := c.Download(t.Context(), d)
			if want := map[bool]string{true: `POST{"password":"x"}`, false: "GET"}[d.Method == "POST"]; err != nil || got.Reused != 0 || sent != want {
				t.Errorf("%+v, %v, sent %q", got, err, sent)
			}
			same(t, d.To, data)
		})
	}
}

// A file system that hangs does not keep an upload that has ended.
func TestTrapSourceThatHangs(t *testing.T) {
	c, u, _ := start(t, http.HandlerFunc(sumOf))
	hang := make(chan struct{})
	defer close(hang)
	src := transfer.Source{Size: 1 << 20, Open: func() (io.ReadCloser, error) { return io.NopCloser(hanging(hang)), nil }}
	began := time.Now()
	_, err := c.Upload(t.Context(), transfer.Upload{Method: "PUT", URL: u, Source: src, Stall: 50 * time.Millisecond})
	if !errors.Is(err, transfer.ErrStalled) || time.Since(began) > 20*time.Second {
		t.Errorf("err = %v after %v", err, time.Since(began))
	}
}

type hanging chan struct{}

func (h hanging) Read([]byte) (int, error) { <-h; return 0, io.EOF }

// What comes slowly is handed on as it comes, and told: a buffer that waits to be full looks like standing still.
func TestDownloadThatIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const pieces, every = 30, 4 * time.Second
		c, u := inMemory(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for range pieces {
				time.Sleep(every)
				w.Write(make([]byte, 1<<10))
				w.(http.Flusher).Flush()
			}
		}))
		began := time.Now()
		var written, told []time.Duration
		d := transfer.Download{URL: u, Into: writeFunc(func(p []byte) (int, error) {
			written = append(written, time.Since(began))
			return len(p), nil
		}), Progress: func(int64, int64) { told = append(told, time.Since(began)) }}
		if _, err := c.Download(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		if len(written) < pieces/2 || written[0] > 3*every {
			t.Errorf("written %d times, first after %v", len(written), written[0])
		}
		if len(told) < pieces/4 || len(told) > pieces {
			t.Errorf("told %d times of %d pieces", len(told), pieces)
		}
	})
}

type writeFunc func([]byte) (int, error)

func (f writeFunc) Write(p []byte) (int, error) { return f(p) }
