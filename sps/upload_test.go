package sps_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"mime/multipart"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/sps"
	"github.com/changeover-sdk/changeover/sps/spstest"
)

const iso = "sps-7.0.2.1.iso"

func TestUpload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 5<<20 + 17
		images := spstest.Image("7.0.2.1", size)
		c := node(t, &spstest.Node{Switches: spstest.Switches{SayAfterReboot: true, UploadStatus: 201}})
		var told []int64
		up, err := c.UploadFirmware(t.Context(), images, iso, func(sent, total int64) {
			if total != size {
				t.Errorf("progress of %d bytes, want %d", total, size)
			}
			told = append(told, sent)
		})
		if err != nil {
			t.Fatal(err)
		}
		img, err := sps.HashFirmware(t.Context(), images, iso)
		if err != nil || up.SHA256 != img.SHA256 || up.Size != size || img.Size != size {
			t.Errorf("uploaded %d bytes, %s; hashed %+v, %v", up.Size, up.SHA256, img, err)
		}
		if up.Slot.Key != "2" || !up.Slot.Version.Same(v7021) || up.Slot.AfterReboot || up.Slot.Current || up.Slot.Notes == "" {
			t.Errorf("slot = %+v; want 2 with its notes, not selected", up.Slot)
		}
		if len(told) != 6 || told[5] != size {
			t.Errorf("progress = %v; want about every MiB and the end", told)
		}
		notes, err := c.UpgradeNotes(t.Context(), v7021)
		if err != nil || notes.NotesHash() != up.Slot.NotesHash() {
			t.Errorf("UpgradeNotes = %+v, %v", notes, err)
		}
	})
}

func TestUploadOnTheWire(t *testing.T) {
	image := bytes.Repeat([]byte("ISO"), 1000)
	f := &fake{answers: slots("", "1 7.0.2 c", "2", "3 7.0.2.1")}
	f.handle = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/api/upload/firmware" {
			return false
		}
		mediaType, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if err != nil || mediaType != "multipart/form-data" || len(r.TransferEncoding) > 0 {
			t.Errorf("%s, %v, %v", mediaType, r.TransferEncoding, err)
		}
		body, err := io.ReadAll(r.Body)
		if err != nil || int64(len(body)) != r.ContentLength {
			t.Errorf("%d bytes, length says %d, %v", len(body), r.ContentLength, err)
		}
		form := multipart.NewReader(bytes.NewReader(body), params["boundary"])
		part, err := form.NextPart()
		if err != nil || part.FormName() != "firmware" || part.FileName() != `o"dd.iso` {
			t.Fatalf("part %+v, %v", part, err)
		}
		got, err := io.ReadAll(part)
		if err != nil || !bytes.Equal(got, image) {
			t.Errorf("%d bytes of image, %v", len(got), err)
		}
		if _, err := form.NextPart(); err != io.EOF {
			t.Errorf("a second part: %v", err)
		}
		io.WriteString(w, `{"key": "3", "body": {"version": "7.0.2.1"}}`)
		return true
	}
	up, err := f.client(t).UploadFirmware(t.Context(), fstest.MapFS{`dir/o"dd.iso`: {Data: image}}, `dir/o"dd.iso`, nil)
	if err != nil || up.Slot.Key != "3" || up.SHA256 != fmt.Sprintf("%x", sha256.Sum256(image)) {
		t.Errorf("UploadFirmware = %+v, %v", up, err)
	}
}

func TestUploadOfWhatIsNoImage(t *testing.T) {
	files := fstest.MapFS{"dir/a": {Data: []byte("x")}, "empty": {}}
	f := &fake{answers: slots("", "1 7.0.2 c", "2")}
	for name, class := range map[string]error{"gone": fs.ErrNotExist, "dir": nil, "empty": nil, "../x": fs.ErrNotExist} {
		_, err := f.client(t).UploadFirmware(t.Context(), files, name, nil)
		if err == nil || !errors.Is(err, sps.ErrNotSent) || (class != nil && !errors.Is(err, class)) {
			t.Errorf("UploadFirmware(%q) = %v, want ErrNotSent and %v", name, err, class)
		}
		if _, err := sps.HashFirmware(t.Context(), files, name); err == nil {
			t.Errorf("HashFirmware(%q) has no error", name)
		}
	}
	if len(f.asked) != 0 {
		t.Errorf("the appliance was asked %v", f.asked)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := sps.HashFirmware(ctx, files, "dir/a"); !errors.Is(err, context.Canceled) {
		t.Errorf("HashFirmware = %v, want context.Canceled", err)
	}
}

// A file that is not as long as it said must not become a request that waits for the rest, or an image without its end.
func TestUploadOfAnImageThatChanges(t *testing.T) {
	for name, says := range map[string]int64{"it shrank": 5000, "it grew": 100} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &spstest.Node{}
				c := node(t, n)
				lying := lyingFS{fstest.MapFS{"a": {Data: make([]byte, 1000)}}, says}
				_, err := c.UploadFirmware(t.Context(), lying, "a", nil)
				if err == nil || !strings.Contains(err.Error(), "changed while it was read") {
					t.Errorf("err = %v, want that the image changed", err)
				}
				if got, err := c.Slots(t.Context()); err != nil || len(got.List) != 1 {
					t.Errorf("Slots = %+v, %v; want none filled", got, err)
				}
				if _, err := sps.HashFirmware(t.Context(), lying, "a"); err == nil {
					t.Error("HashFirmware took it")
				}
			})
		})
	}
}

type lyingFS struct {
	fs.FS
	says int64
}

func (l lyingFS) Open(name string) (fs.File, error) {
	f, err := l.FS.Open(name)
	return lyingFile{f, l.says}, err
}

type lyingFile struct {
	fs.File
	says int64
}

func (l lyingFile) Stat() (fs.FileInfo, error) {
	info, err := l.File.Stat()
	return lyingInfo{info, l.says}, err
}

type lyingInfo struct {
	fs.FileInfo
	says int64
}

func (l lyingInfo) Size() int64 { return l.says }

func TestUploadWithoutAFreeSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &spstest.Node{Stored: []string{"6.0.1", "6.13.1", "7.0.0", "7.0.1"}}
		c := node(t, n)
		_, err := c.UploadFirmware(t.Context(), spstest.Image("7.0.2.1", 1<<20), iso, nil)
		mustBe(t, err, sps.ErrNoFreeSlot, sps.ErrNotSent)
		mustBe(t, c.FetchFirmware(t.Context(), "https://mirror.example.test/a.iso", strings.Repeat("ab", 32)), sps.ErrNoFreeSlot, sps.ErrNotSent)
		if ups := append(n.Record().Of(spstest.Upload), n.Record().Of(spstest.Fetch)...); len(ups) > 0 {
			t.Errorf("something was sent: %v", ups)
		}
	})
}

// What goes wrong in the middle of an upload gets a clear error, and the next attempt succeeds.
func TestFaultUpload(t *testing.T) {
	tests := map[string]struct {
		fault spstest.Fault
		want  []error
		text  string
		whole bool // the image is there all the same
	}{
		"the session ends in the middle": {spstest.Fault{Kind: spstest.FaultLogout, After: 4 << 20}, []error{sps.ErrAuth}, "the session ended during the upload", false},
		"the connection breaks":          {spstest.Fault{Kind: spstest.FaultReset, After: 4 << 20}, []error{sps.ErrNotReady}, "broke", false},
		"it breaks before the answer":    {spstest.Fault{Kind: spstest.FaultReset, Acts: true}, []error{sps.ErrNotReady}, "broke", true},
		"a page comes back":              {spstest.Fault{Kind: spstest.FaultPage, Acts: true}, []error{sps.ErrNotReady}, "page", true},
		"half of the answer":             {spstest.Fault{Kind: spstest.FaultCut, After: 5}, nil, "", true},
		"413":                            {spstest.Fault{Kind: spstest.FaultAnswer, Status: 413, Body: "<title>Too large</title>"}, nil, "413", false},
		"it stands still":                {spstest.Fault{Kind: spstest.FaultHang, After: 4 << 20}, []error{sps.ErrStalled}, "stands still", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &spstest.Node{}
				c := node(t, n)
				n.Inject("POST /api/upload/firmware", tt.fault)
				images := spstest.Image("7.0.2.1", 16<<20)
				_, err := c.UploadFirmware(t.Context(), images, iso, nil)
				if tt.want != nil {
					mustBe(t, err, tt.want...)
				}
				if err == nil || errors.Is(err, sps.ErrNotSent) || !strings.Contains(err.Error(), tt.text) {
					t.Errorf("err = %v, want one that says %q", err, tt.text)
				}
				time.Sleep(time.Hour)
				got, err := c.Slots(t.Context())
				if _, missing := got.Find(v7021); err != nil || (missing == nil) != tt.whole {
					t.Errorf("Slots = %+v, %v; want the image there: %t", got, err, tt.whole)
				}
				if tt.whole {
					return
				}
				if up, err := c.UploadFirmware(t.Context(), images, iso, nil); err != nil || !up.Slot.Version.Same(v7021) {
					t.Errorf("once more: %+v, %v", up, err)
				}
			})
		})
	}
}

// Success that comes before the image has gone out is none.
func TestUploadThatIsAnsweredTooEarly(t *testing.T) {
	f := &fake{answers: slots("", "1 7.0.2 c", "2", "3 7.0.2.1")}
	f.answers["POST /api/upload/firmware"] = `{"key": "3", "body": {"version": "7.0.2.1"}}`
	_, err := f.client(t).UploadFirmware(t.Context(), spstest.Image("7.0.2.1", 1<<20), iso, nil)
	mustBe(t, err, sps.ErrBadAnswer)
}

// An appliance that hangs up on a session that has ended leaves no answer: the session is asked about.
func TestUploadThatIsCutOffBecauseTheSessionEnded(t *testing.T) {
	for name, ended := range map[string]bool{"the session has ended": true, "the session stands": false} {
		t.Run(name, func(t *testing.T) {
			f := &fake{answers: slots("", "1 7.0.2 c", "2")}
			f.answers["GET /api/info"] = info
			if ended {
				f.answers["GET /api/info"] = `401 {"error": {"type": "Unauthenticated"}}`
			}
			cut := cutting{f, "/api/upload/firmware"}
			c, err := sps.NewClient("https://sps1", admin, &sps.Options{HTTPClient: &http.Client{Transport: cut}, Retries: -1})
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.UploadFirmware(t.Context(), spstest.Image("7.0.2.1", 1<<20), iso, nil)
			if errors.Is(err, sps.ErrAuth) != ended || strings.Contains(err.Error(), "the session ended during the upload") != ended {
				t.Errorf("err = %v, want class ErrAuth: %t", err, ended)
			}
		})
	}
}

type cutting struct {
	*fake
	path string
}

func (c cutting) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == c.path {
		r.Body.Close()
		return nil, io.ErrUnexpectedEOF
	}
	return c.fake.RoundTrip(r)
}

// Whether an upload under way counts as activity is not documented, so the session is used meanwhile.
func TestUploadKeepsItsSessionAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{answers: slots("", "1 7.0.2 c", "2", "3 7.0.2.1")}
		f.answers["GET /api/info"] = info
		f.handle = func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != "/api/upload/firmware" {
				return false
			}
			for {
				if n, err := r.Body.Read(make([]byte, 1<<20)); n == 0 && err != nil {
					break
				}
				time.Sleep(time.Minute)
			}
			io.WriteString(w, `{"key": "3", "body": {"version": "7.0.2.1"}}`)
			return true
		}
		start := time.Now()
		if _, err := f.client(t).UploadFirmware(t.Context(), zeros{100 << 20}, iso, nil); err != nil {
			t.Fatal(err)
		}
		minutes := int(time.Since(start) / time.Minute)
		if n := f.count("GET /api/info"); minutes < 90 || n < minutes/6 || n > minutes/5 {
			t.Errorf("the session was used %d times in %d minutes, want every 5", n, minutes)
		}
	})
}

// An upload that takes hours but moves is left alone, and the session lives as long.
func TestScenarioUploadSlowButMoving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &spstest.Node{UploadSpeed: 8 << 10, InstallTime: 15 * time.Minute}
		c := node(t, n)
		start := time.Now()
		up, err := c.UploadFirmware(t.Context(), spstest.Image("7.0.2.1", 64<<20), iso, nil)
		if err != nil || !up.Slot.Version.Same(v7021) {
			t.Fatalf("UploadFirmware = %+v, %v", up, err)
		}
		if took := time.Since(start); took < 2*time.Hour {
			t.Errorf("took %v: not the slow upload this test is about", took)
		}
		if n := len(n.Record().Of(spstest.Login)); n != 1 {
			t.Errorf("%d logins, want one session for all of it", n)
		}
	})
}

func TestUploadEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := node(t, &spstest.Node{UploadSpeed: 8 << 10})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		_, err := c.UploadFirmware(ctx, spstest.Image("7.0.2.1", 8<<20), iso, nil)
		if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, sps.ErrNotSent) {
			t.Errorf("err = %v, want the context's end", err)
		}
	})
}

// A large image passes through in constant memory. It is not written anywhere, and the other side throws it away.
func TestUploadIsStreamedInConstantMemory(t *testing.T) {
	const size = 1 << 30
	f := &fake{answers: slots("", "1 7.0.2 c", "2", "3 7.0.2.1")}
	f.handle = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/api/upload/firmware" {
			return false
		}
		if n, err := io.Copy(io.Discard, r.Body); err != nil || n < size {
			t.Errorf("%d bytes came, %v", n, err)
		}
		io.WriteString(w, `{"key": "3", "body": {"version": "7.0.2.1"}}`)
		return true
	}
	c := f.client(t)
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var mu sync.Mutex
	var peak uint64
	up, err := c.UploadFirmware(t.Context(), zeros{size}, iso, func(sent, _ int64) {
		if sent%(64<<20) != 0 {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		runtime.ReadMemStats(&now)
		peak = max(peak, now.HeapInuse)
	})
	if err != nil || up.Size != size {
		t.Fatalf("UploadFirmware = %+v, %v", up, err)
	}
	const most = 16 << 20
	if peak == 0 || peak > before.HeapInuse+most {
		t.Errorf("the heap grew from %d to %d KiB while %d MiB were sent; want less than %d KiB more", before.HeapInuse>>10, peak>>10, size>>20, most>>10)
	}
}

// zeros is a file system of one file of so many zeros.
type zeros struct{ size int64 }

func (z zeros) Open(string) (fs.File, error) { return &zeroFile{size: z.size, left: z.size}, nil }

type zeroFile struct{ size, left int64 }

func (z *zeroFile) Read(p []byte) (int, error) {
	if z.left == 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), z.left)
	clear(p[:n])
	z.left -= n
	return int(n), nil
}

func (z *zeroFile) Close() error               { return nil }
func (z *zeroFile) Stat() (fs.FileInfo, error) { return z, nil }
func (z *zeroFile) Name() string               { return iso }
func (z *zeroFile) Size() int64                { return z.size }
func (z *zeroFile) Mode() fs.FileMode          { return 0o444 }
func (z *zeroFile) ModTime() time.Time         { return time.Time{} }
func (z *zeroFile) IsDir() bool                { return false }
func (z *zeroFile) Sys() any                   { return nil }

// BenchmarkUpload sends a 1 GiB image to a server that throws it away: what hashing and the envelope cost.
func BenchmarkUpload(b *testing.B) {
	const size = 1 << 30
	f := &fake{answers: slots("", "1 7.0.2 c", "2", "3 7.0.2.1")}
	f.handle = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/api/upload/firmware" {
			return false
		}
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, `{"key": "3", "body": {"version": "7.0.2.1"}}`)
		return true
	}
	c := f.client(b)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.UploadFirmware(b.Context(), zeros{size}, iso, nil); err != nil {
			b.Fatal(err)
		}
	}
}
