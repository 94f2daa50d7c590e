package browser_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image/color"
	"image/png"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/internal/browser"
	"github.com/changeover-sdk/changeover/internal/browser/axtree"
	"github.com/changeover-sdk/changeover/internal/browser/browsertest"
)

// big is a file of a size, all of one pattern, that is nowhere.
type big int64

func (b big) Open(name string) (fs.File, error) { return &bigFile{name: name, left: int64(b)}, nil }

type bigFile struct {
	name string
	left int64
}

func (f *bigFile) Stat() (fs.FileInfo, error) { return nil, fs.ErrInvalid }
func (f *bigFile) Close() error               { return nil }
func (f *bigFile) Read(p []byte) (int, error) {
	if f.left == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(int64(len(p)), f.left)], pattern)
	f.left -= int64(n)
	return n, nil
}

var pattern = bytes.Repeat([]byte("changeover"), 3277)

// A file passes both ways whole and in constant memory. One of 1 GiB passes through the pages of a simulated appliance in package praweb.
func TestPeerFile(t *testing.T) {
	const size = 128 << 20
	a := browsertest.NewAppliance(t)
	a.Page("/page", page(`<form method="post" enctype="multipart/form-data" action="/press/upload"><label>Browse <input type="file" name="f"></label><button>Upload</button></form><form action="/file"><button>Download Backup</button></form>`))
	a.Page("/done", page(""))
	var got atomic.Value
	a.Handle("/press/upload", func(w http.ResponseWriter, r *http.Request) {
		m, err := r.MultipartReader()
		if err == nil {
			part, perr := m.NextPart()
			if err = perr; err == nil {
				h := sha256.New()
				n, _ := io.Copy(h, part)
				got.Store(fmt.Sprintf("%s %d %x", part.FileName(), n, h.Sum(nil)))
			}
		}
		http.Redirect(w, r, "/done", http.StatusSeeOther)
	})
	sum := sha256.New()
	if _, err := io.Copy(sum, &bigFile{left: size}); err != nil {
		t.Fatal(err)
	}
	want := hex.EncodeToString(sum.Sum(nil))
	a.Handle("/file", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Disposition", `attachment; filename="../../evil name.nsb"`)
		w.Header().Set("Content-Length", fmt.Sprint(size))
		io.Copy(w, &bigFile{left: size})
	})
	b := start(t, a, func(c *browser.Config) { c.Answer = 2 * time.Minute })
	p := open(t, b, "/page")
	browsertest.Peak(t)
	before := browsertest.Peak(t)
	up, err := p.Attach(t.Context(), axtree.Query{Label: axtree.Label{"Browse"}}, big(size), "site.bin")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Press(t.Context(), axtree.Query{Label: axtree.Label{"Upload"}}, browser.Proof{Answer: true}); err != nil {
		t.Fatal(err)
	}
	if arrived := got.Load(); arrived != fmt.Sprintf("site.bin %d %s", size, want) || up.SHA256 != want || up.Size != size {
		t.Errorf("uploaded %+v, arrived %v, want %s", up, arrived, want)
	}
	uploaded := browsertest.Peak(t)
	p = open(t, b, "/page")
	h := sha256.New()
	down, err := p.Save(t.Context(), axtree.Query{Label: axtree.Label{"Download Backup"}}, nil, h)
	if err != nil {
		t.Fatal(err)
	}
	if down.Size != size || down.SHA256 != want || hex.EncodeToString(h.Sum(nil)) != want || strings.Contains(down.Name, "/") {
		t.Errorf("downloaded %+v, want %d bytes of %s", down, size, want)
	}
	downloaded := browsertest.Peak(t)
	t.Logf("memory above %d MiB: upload +%d MiB, download +%d MiB", before>>20, (uploaded-before)>>20, (downloaded-before)>>20)
	if most := max(uploaded, downloaded) - before; most > 32<<20 {
		t.Errorf("a file of 128 MiB took %d MiB of memory, want less than 32", most>>20)
	}
}

func TestPeerDownloadFails(t *testing.T) {
	a := browsertest.NewAppliance(t)
	handlers := map[string]struct {
		h    http.HandlerFunc
		want browser.Reason
	}{
		"cut half-way": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Disposition", "attachment; filename=x.nsb")
			w.Header().Set("Content-Length", "1000000")
			io.Copy(w, &bigFile{left: 500000})
		}, browser.Download},
		"refused": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, page("No."))
		}, browser.Refused},
		"a page": {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, page("Invalid credentials")) }, browser.NoAnswer},
	}
	b := start(t, a, nil)
	for name, tt := range handlers {
		t.Run(name, func(t *testing.T) {
			a.Page("/page", page(`<form action="/file"><button>Download Backup</button></form>`))
			a.Handle("/file", tt.h)
			p := open(t, b, "/page")
			var out bytes.Buffer
			_, err := p.Save(t.Context(), axtree.Query{Label: axtree.Label{"Download Backup"}}, nil, &out)
			wantReason(t, err, tt.want)
			if out.Len() > 0 {
				t.Errorf("%d bytes of a file that did not come whole", out.Len())
			}
			if left, _ := os.ReadDir(b.Dir() + "/downloads"); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func TestPeerFields(t *testing.T) {
	a := browsertest.NewAppliance(t)
	var got atomic.Value
	a.Page("/page", page(`<form method="post" action="/press/save"><table><tr><td>Host Name or IP Address:</td><td><input name="host" value="old"></td></tr></table>
		<label>Port <input type="number" name="port"></label><label>Key <input type="password" name="key"></label>
		<label>Mode <select name="mode"><option>Off</option><option>Temporarily&nbsp;on</option></select></label>
		<label><input type="checkbox" name="box"> Enabled</label><label><input type="radio" name="r" value="1">One</label><label><input type="radio" name="r" value="2">Two</label>
		<input name="fixed" aria-label="Fixed" value="x" onbeforeinput="event.preventDefault()"><button>Save</button></form>`))
	a.Page("/done", page(""))
	a.Handle("/press/save", func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		got.Store(r.PostForm.Encode())
		http.Redirect(w, r, "/done", http.StatusSeeOther)
	})
	b := start(t, a, nil)
	p := open(t, b, "/page")
	at := func(s string) axtree.Query { return axtree.Query{Label: axtree.Label{s}} }
	ctx := t.Context()
	for _, err := range []error{
		p.Set(ctx, at("Host name or IP address"), "192.0.2.7"), p.Set(ctx, at("Port"), "443"), p.Set(ctx, at("Key"), "a b&c"),
		p.Choose(ctx, at("Mode"), axtree.Label{"Temporarily on"}), p.Tick(ctx, at("Enabled"), true), p.Tick(ctx, at("Enabled"), true), p.Pick(ctx, at("Two")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	wantReason(t, p.Set(ctx, at("Fixed"), "secret-text"), browser.NotTaken)
	wantReason(t, p.Choose(ctx, at("Mode"), axtree.Label{"On"}), browser.NotFound)
	if err := p.Set(ctx, at("Fixed"), "secret-text"); strings.Contains(err.Error(), "secret-text") {
		t.Errorf("the text is in %q", err)
	}
	if _, err := p.Press(ctx, at("Save"), browser.Proof{Answer: true}); err != nil {
		t.Fatal(err)
	}
	if want := "box=on&fixed=x&host=192.0.2.7&key=a+b%26c&mode=Temporarily%C2%A0on&port=443&r=2"; got.Load() != want {
		t.Errorf("the form sent %v, want %s", got.Load(), want)
	}
}

// What is secret is black on a screenshot, wherever it stands; a page that keeps changing gets none.
func TestPeerScreenshot(t *testing.T) {
	const secret = "free-text-key-0815"
	a := browsertest.NewAppliance(t)
	a.Page("/page", `<style>body{margin:0}input,p,iframe{position:absolute;left:20px;width:300px;height:30px;margin:0;border:0;background:#0f0}</style><h1>High Availability</h1>
		<input type="password" aria-label="Password" value="x" style="top:100px"><input aria-label="Inter-appliance Communication Pre-shared Key" value="k" style="top:200px">
		<input aria-label="Name" value="`+secret+`" style="top:300px"><input aria-label="Harmless" value="y" style="top:400px"><p style="top:500px;font-size:24px">`+secret+`</p>
		<input type="password" aria-label="Far down" style="top:2500px"><p style="top:2900px"></p>
		<iframe srcdoc='<style>body{margin:0}p{margin:50px 0 0;width:280px;height:30px;background:#0f0;font-size:24px}</style><p>`+secret+`</p>' style="top:700px;width:300px;height:100px"></iframe>
		<dl><dt>Appliance Download Key</dt><dd style="position:absolute;margin:0;left:20px;top:600px;width:300px;height:30px;background:#0f0">SIM-1</dd></dl>`)
	a.Page("/restless", page(`<p id="c"></p><script>setInterval(() => c.textContent = Math.random(), 1)</script>`))
	b := start(t, a, func(c *browser.Config) {
		c.Secret, c.Secrets = axtree.Label{"Inter-appliance Communication Pre-shared Key", "Appliance Download Key"}, func() []string { return []string{secret} }
	})
	p := open(t, b, "/page")
	shot, err := p.Shot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if dir := os.Getenv("SHOTS"); dir != "" {
		_ = os.WriteFile(dir+"/masked.png", shot, 0o600)
	}
	img, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		t.Fatal(err)
	}
	black := func(y int) bool {
		for _, x := range []int{22, 60, 150, 200} {
			if color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y != 0 {
				return false
			}
		}
		return true
	}
	for y, want := range map[int]bool{115: true, 215: true, 315: true, 415: false, 515: true, 615: true, 735: false, 765: true, 2515: true, 2905: false} {
		if black(y) != want {
			t.Errorf("black at %d: %t, want %t", y, !want, want)
		}
	}
	p = open(t, b, "/restless")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if shot, err := p.Shot(ctx); err == nil || len(shot) > 0 {
		t.Errorf("Shot() of a page that changes all the time = %v, a picture of %d bytes; want none", err, len(shot))
	}
}
