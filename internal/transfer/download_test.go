package transfer_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/internal/transfer"
)

// origin serves one file the way a web server does, and breaks when it is told to.
type origin struct {
	data     []byte
	tag      string     // its ETag
	cuts     []int      // after how many bytes of an answer's body the connection breaks; none left: never again
	noLength bool       // chunked
	mu       sync.Mutex // one request after another, over different connections
	asked    []string
}

func (o *origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked = append(o.asked, r.Header.Get("Range"))
	if r.Header.Get("Accept-Encoding") != "identity" {
		w.WriteHeader(http.StatusNotAcceptable)
		return
	}
	if o.tag != "" {
		w.Header().Set("ETag", o.tag)
	}
	cut := -1
	if len(o.cuts) > 0 {
		cut, o.cuts = o.cuts[0], o.cuts[1:]
	}
	out := &cutting{w, cut}
	if o.noLength {
		io.Copy(out, struct{ io.Reader }{bytes.NewReader(o.data)})
		return
	}
	http.ServeContent(out, r, "", time.Time{}, bytes.NewReader(o.data))
}

// cutting breaks the connection after so many bytes; negative: never.
type cutting struct {
	http.ResponseWriter
	left int
}

func (c *cutting) Write(p []byte) (int, error) {
	if c.left < 0 {
		return c.ResponseWriter.Write(p)
	}
	if len(p) > c.left {
		c.ResponseWriter.Write(p[:c.left])
		c.ResponseWriter.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	n, err := c.ResponseWriter.Write(p)
	c.left -= n
	return n, err
}

// left lists what is in a folder.
func left(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func same(t testing.TB, path string, want []byte) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s: %d bytes, %v; want %d", path, len(got), err, len(want))
	}
	if st, err := os.Stat(path); err == nil && st.Mode().Perm() != 0o600 {
		t.Errorf("%s has mode %o", path, st.Mode().Perm())
	}
}

func TestDownload(t *testing.T) {
	for _, size := range []int{0, 1, 4095, 4096, 1 << 20, 1<<20 + 1, 7<<20 + 4097} {
		for _, chunked := range []bool{false, true} {
			t.Run(fmt.Sprint(size, chunked), func(t *testing.T) {
				o := &origin{data: random(20, size), tag: `"v1"`, noLength: chunked}
				c, u, _ := start(t, o)
				dir := t.TempDir()
				to := filepath.Join(dir, "backup")
				var told []int64
				got, err := c.Download(t.Context(), transfer.Download{URL: u, To: to, SHA256: hexSum(o.data), Progress: func(n, _ int64) { told = append(told, n) }})
				if err != nil || got.Size != int64(size) || got.SHA256 != hexSum(o.data) || got.Moved != int64(size) {
					t.Fatalf("Download = %+v, %v", got, err)
				}
				same(t, to, o.data)
				if names := left(t, dir); len(names) != 1 {
					t.Errorf("left: %v", names)
				}
				if !chunked && size > 0 && (len(told) == 0 || told[len(told)-1] != int64(size) || !slices.IsSorted(told)) {
					t.Errorf("told %v", told)
				}
			})
		}
	}
}

// A download that is cut at random points, within one process or over several, moves its own size and at most a buffer for each cut.
func TestCrashDownloadCutAtRandomPoints(t *testing.T) {
	for seed := range uint64(100) {
		if excess, cuts := cutAtRandomPoints(t, seed); excess < 0 || excess > int64(cuts)<<20 {
			t.Errorf("seed %d: %d bytes too many over %d cuts", seed, excess, cuts)
		}
	}
}

// cutAtRandomPoints downloads a file over connections that break where the seed says, and returns how many bytes more than its size were moved, and over how many
// cuts. It fails unless the file is there and right.
func cutAtRandomPoints(t testing.TB, seed uint64) (excess int64, cuts int) {
	t.Helper()
	const size = 3<<20 + 12345
	data := random(seed, size)
	rnd := rand.New(rand.NewPCG(seed, 1))
	o := &origin{data: data, tag: `"v1"`}
	cuts = 1 + rnd.IntN(6)
	for range cuts {
		o.cuts = append(o.cuts, rnd.IntN(size/cuts))
	}
	c, u := inMemoryPlain(t, o.ServeHTTP)
	defer c.CloseIdleConnections()
	to := filepath.Join(t.TempDir(), "backup")
	tries := []int{-1, 10}[rnd.IntN(2)]
	var got transfer.Got
	var err error
	for range cuts + 1 {
		got, err = c.Download(t.Context(), transfer.Download{URL: u, To: to, Tries: tries, Pause: time.Nanosecond})
		excess += got.Moved
		if err == nil {
			break
		}
	}
	if err != nil || got.SHA256 != hexSum(data) {
		t.Fatalf("seed %d: %+v, %v", seed, got, err)
	}
	same(t, to, data)
	return excess - size, cuts
}

// What a resume may meet. Before it, 3 MiB of the old file came, in a call of its own.
func TestTrapResumeOnlyWithAStrongValidator(t *testing.T) {
	const size, first = 5 << 20, 3 << 20
	old, now := random(30, size), random(31, size)
	shorter := now[:first-1]
	tests := map[string]struct {
		tag     string // before
		then    *origin
		tamper  func(t *testing.T, part string)
		ranged  bool // whether it is asked for the rest
		want    []byte
		reused  int64
		content func(w http.ResponseWriter, r *http.Request) bool
	}{
		"the same file":                    {tag: `"v1"`, then: &origin{data: old, tag: `"v1"`}, ranged: true, want: old, reused: first},
		"a weak ETag":                      {tag: `W/"v1"`, then: &origin{data: old, tag: `W/"v1"`}, want: old},
		"no ETag":                          {then: &origin{data: old}, want: old},
		"a changed file under a resume":    {tag: `"v1"`, then: &origin{data: now, tag: `"v2"`}, ranged: true, want: now, reused: first},
		"a changed and shorter file":       {tag: `"v1"`, then: &origin{data: shorter, tag: `"v2"`}, ranged: true, want: shorter, reused: first},
		"a server that ignores ranges":     {tag: `"v1"`, then: &origin{data: old, tag: `"v1"`, noLength: true}, ranged: true, want: old, reused: first},
		"a part that somebody changed":     {tag: `"v1"`, then: &origin{data: old, tag: `"v1"`}, want: old, tamper: func(t *testing.T, part string) { poke(t, part) }},
		"a part that is shorter":           {tag: `"v1"`, then: &origin{data: old, tag: `"v1"`}, want: old, tamper: func(t *testing.T, part string) { os.Truncate(part, 1<<20) }},
		"bytes that were never flushed":    {tag: `"v1"`, then: &origin{data: old, tag: `"v1"`}, ranged: true, want: old, reused: first, tamper: func(t *testing.T, part string) { extend(t, part) }},
		"a state that is no JSON":          {tag: `"v1"`, then: &origin{data: old, tag: `"v1"`}, want: old, tamper: func(t *testing.T, part string) { os.WriteFile(part+".json", []byte("{"), 0o600) }},
		"a state of nothing":               {tag: `"v1"`, then: &origin{data: old, tag: `"v1"`}, want: old, tamper: func(t *testing.T, part string) { os.Remove(part + ".json") }},
		"a server that sends another part": {tag: `"v1"`, then: &origin{data: old, tag: `"v1"`}, ranged: true, want: old, reused: first, content: shifted},
	}
	for what, tt := range tests {
		t.Run(what, func(t *testing.T) {
			o := &origin{data: old, tag: tt.tag, cuts: []int{first}}
			var use http.Handler = o
			c, u := inMemoryPlain(t, func(w http.ResponseWriter, r *http.Request) {
				if use != http.Handler(o) && tt.content != nil && tt.content(w, r) {
					return
				}
				use.ServeHTTP(w, r)
			})
			dir := t.TempDir()
			d := transfer.Download{URL: u, To: filepath.Join(dir, "backup"), Tries: -1, Pause: time.Nanosecond}
			if _, err := c.Download(t.Context(), d); !errors.Is(err, transfer.ErrCut) {
				t.Fatalf("the first call: %v", err)
			}
			part := d.To + ".part"
			if strong := strings.HasPrefix(tt.tag, `"`); strong != (len(left(t, dir)) == 2) {
				t.Errorf("left after the first call: %v", left(t, dir))
			}
			if tt.tamper != nil {
				tt.tamper(t, part)
			}
			use, d.Tries = tt.then, 3
			got, err := c.Download(t.Context(), d)
			if err != nil || got.SHA256 != hexSum(tt.want) || got.Reused != tt.reused {
				t.Fatalf("the second call: %+v, %v", got, err)
			}
			same(t, d.To, tt.want)
			if tt.content == nil && (len(tt.then.asked) != 1 || (tt.then.asked[0] != "") != tt.ranged) {
				t.Errorf("asked for %q", tt.then.asked)
			}
			if names := left(t, dir); len(names) != 1 {
				t.Errorf("left: %v", names)
			}
		})
	}
}

func poke(t *testing.T, path string) {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteAt([]byte("changed"), 100)
		f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

func extend(t *testing.T, path string) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err == nil {
		_, err = f.Write(random(32, 4<<20))
		f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// shifted answers a range with one that begins a byte later.
func shifted(w http.ResponseWriter, r *http.Request) bool {
	start, ok := strings.CutPrefix(r.Header.Get("Range"), "bytes=")
	if !ok {
		return false
	}
	n, _ := strconv.Atoi(strings.TrimSuffix(start, "-"))
	w.Header().Set("ETag", `"v1"`)
	w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", n+1, 5<<20-1, 5<<20))
	w.WriteHeader(http.StatusPartialContent)
	io.Copy(w, io.LimitReader(zeros{}, int64(5<<20-n-1)))
	return true
}

// Everything had come when the process was killed: the server confirms that nothing is missing.
func TestTrapRangeNotSatisfiable(t *testing.T) {
	data := random(33, 3<<20)
	o := &origin{data: data, tag: `"v1"`}
	c, u := inMemoryPlain(t, o.ServeHTTP)
	dir := t.TempDir()
	d := transfer.Download{URL: u, To: filepath.Join(dir, "backup")}
	// The name is taken between the beginning and the end, so the whole part stays behind.
	d.Prove = func(io.ReaderAt, int64) error { return os.WriteFile(d.To, []byte("somebody else's"), 0o600) }
	if _, err := c.Download(t.Context(), d); !errors.Is(err, fs.ErrExist) {
		t.Fatalf("the name was taken: %v", err)
	}
	same(t, d.To, []byte("somebody else's"))
	os.Remove(d.To)
	d.Prove = nil
	got, err := c.Download(t.Context(), d)
	if err != nil || got.Moved != 0 || got.SHA256 != hexSum(data) {
		t.Errorf("%+v, %v", got, err)
	}
	same(t, d.To, data)
}

func TestTrapDateAsValidator(t *testing.T) {
	const size = 4 << 20
	data := random(34, size)
	for what, tt := range map[string]struct {
		age    time.Duration
		ranged bool
	}{"older than the answer": {time.Hour, true}, "as young as the answer": {0, false}} {
		t.Run(what, func(t *testing.T) {
			modified := time.Now().Add(-tt.age)
			var mu sync.Mutex
			var asked []string
			c, u := inMemoryPlain(t, func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				asked = append(asked, r.Header.Get("Range"))
				left := -1
				if len(asked) == 1 {
					left = 2 << 20
				}
				w.Header().Set("Date", time.Now().UTC().Format(http.TimeFormat))
				http.ServeContent(&cutting{w, left}, r, "", modified, bytes.NewReader(data))
			})
			d := transfer.Download{URL: u, To: filepath.Join(t.TempDir(), "backup"), Tries: -1}
			c.Download(t.Context(), d)
			got, err := c.Download(t.Context(), d)
			if err != nil || got.SHA256 != hexSum(data) || (asked[1] != "") != tt.ranged {
				t.Errorf("%+v, %v, asked %q", got, err, asked)
			}
		})
	}
}

// Without a length, an end has to be seen.
func TestTrapEndMustBeProven(t *testing.T) {
	data := random(35, 2<<20)
	closing := func(w http.ResponseWriter, r *http.Request) { // as HTTP/1.0 servers do
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
		conn.Write(data)
	}
	trailer := func(f io.ReaderAt, size int64) error {
		tail := make([]byte, 4)
		if _, err := f.ReadAt(tail, size-4); err != nil || !bytes.Equal(tail, data[len(data)-4:]) {
			return errors.New("no trailer")
		}
		return nil
	}
	tests := map[string]struct {
		h     http.HandlerFunc
		d     transfer.Download
		class error
	}{
		"it merely stops":               {closing, transfer.Download{}, transfer.ErrUnproven},
		"it stops, and has its trailer": {closing, transfer.Download{Prove: trailer}, nil},
		"it stops, and has its hash":    {closing, transfer.Download{SHA256: hexSum(data)}, nil},
		"it stops, with another hash":   {closing, transfer.Download{SHA256: hexSum(data[1:])}, transfer.ErrMismatch},
		"it stops, with another size":   {closing, transfer.Download{Size: 7}, transfer.ErrMismatch},
		"chunks without an end": {func(w http.ResponseWriter, r *http.Request) {
			(&origin{data: data, noLength: true, cuts: []int{1 << 20}}).ServeHTTP(w, r)
		}, transfer.Download{}, transfer.ErrCut},
		"a length that is not reached": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "3000000")
			w.Write(data)
		}, transfer.Download{}, transfer.ErrCut},
		"announced with another size": {(&origin{data: data}).ServeHTTP, transfer.Download{Size: 5}, transfer.ErrMismatch},
	}
	for what, tt := range tests {
		t.Run(what, func(t *testing.T) {
			c, u := inMemoryPlain(t, tt.h)
			dir := t.TempDir()
			tt.d.URL, tt.d.To, tt.d.Tries = u, filepath.Join(dir, "backup"), -1
			_, err := c.Download(t.Context(), tt.d)
			if !errors.Is(err, tt.class) {
				t.Errorf("err = %v", err)
			}
			if names := left(t, dir); err != nil && len(names) != 0 || err == nil && len(names) != 1 {
				t.Errorf("left: %v", names)
			}
		})
	}
}
