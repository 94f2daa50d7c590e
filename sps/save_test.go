package sps_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/sps"
	"github.com/changeover-sdk/changeover/sps/spstest"
)

const bundleDownload = "GET /api/troubleshooting/support-bundle/{key}/download"

// A support bundle on the disk is whole or not there, and what breaks is gone on with where the appliance offers that.
func TestSaveSupportBundle(t *testing.T) {
	tests := map[string]struct {
		ranges bool
		fault  spstest.Fault
		class  error // of what comes back; nil: the bundle
	}{
		"whole":                      {},
		"cut, with ranges":           {ranges: true, fault: spstest.Fault{Kind: spstest.FaultCut, After: 60}},
		"cut three times":            {ranges: true, fault: spstest.Fault{Kind: spstest.FaultCut, After: 60, Times: 3}},
		"cut, without ranges":        {fault: spstest.Fault{Kind: spstest.FaultCut, After: 60, Times: 9}, class: sps.ErrNotReady},
		"a page":                     {fault: spstest.Fault{Kind: spstest.FaultPage}, class: sps.ErrBadAnswer},
		"forbidden":                  {fault: spstest.Fault{Kind: spstest.FaultAnswer, Status: 403}, class: sps.ErrForbidden},
		"stands still":               {fault: spstest.Fault{Kind: spstest.FaultHang, Times: 9}, class: sps.ErrStalled},
		"stands still, with a range": {ranges: true, fault: spstest.Fault{Kind: spstest.FaultHang, Times: 9}, class: sps.ErrStalled},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &spstest.Node{Switches: spstest.Switches{BundleRanges: tt.ranges}}
				c := node(t, n)
				if tt.fault.Kind != "" {
					n.Inject(bundleDownload, tt.fault)
				}
				dir := t.TempDir()
				to := filepath.Join(dir, "bundle.tar.gz")
				var told int64
				got, err := c.SaveSupportBundle(t.Context(), to, func(done, total int64) {
					if total < done {
						t.Errorf("progress %d of %d", done, total)
					}
					told = done
				})
				entries, _ := os.ReadDir(dir)
				if tt.class != nil {
					if !errors.Is(err, tt.class) || len(entries) != 0 {
						t.Errorf("err = %v, left %v; want class %q and nothing", err, entries, tt.class)
					}
					return
				}
				file, _ := os.ReadFile(to)
				if err != nil || !bytes.HasPrefix(file, []byte{0x1f, 0x8b}) || got != (sps.Saved{Path: to, Size: int64(len(file)), SHA256: fmt.Sprintf("%x", sha256.Sum256(file))}) {
					t.Errorf("SaveSupportBundle = %+v, %v; the file has %d bytes", got, err, len(file))
				}
				if info, err := os.Stat(to); err != nil || info.Mode().Perm() != 0o600 || len(entries) != 1 || told != got.Size {
					t.Errorf("%v, %v, left %v, told of %d bytes", info, err, entries, told)
				}
				if k := bundles(t, n); k != 0 {
					t.Errorf("%d bundles left on the appliance", k)
				}
			})
		})
	}
	t.Run("what cannot be gone on with is not left behind", func(t *testing.T) {
		const path = "/api/troubleshooting/support-bundle"
		synctest.Test(t, func(t *testing.T) {
			f := &fake{answers: map[string]string{"GET " + path: `{"items": [], "meta": {}}`, "POST " + path: `{"key": "k", "meta": {}}`,
				"GET " + path + "/k": `{"key": "k", "body": {"status": "finished"}}`}}
			f.handle = func(w http.ResponseWriter, r *http.Request) bool { // announces more than comes, every time
				if r.URL.Path != path+"/k/download" {
					return false
				}
				w.Header().Set("ETag", `"v1"`)
				w.Header().Set("Content-Length", strconv.Itoa(2<<20))
				w.Write(append([]byte{0x1f, 0x8b}, make([]byte, 1<<20)...))
				return true
			}
			dir := t.TempDir()
			_, err := f.client(t).SaveSupportBundle(t.Context(), filepath.Join(dir, "a"), nil)
			if entries, _ := os.ReadDir(dir); !errors.Is(err, sps.ErrNotReady) || len(entries) != 0 || f.count("GET "+path+"/k/download") < 2 {
				t.Errorf("err = %v, left %v, asked %d times", err, entries, f.count("GET "+path+"/k/download"))
			}
		})
	})
	t.Run("never over another file", func(t *testing.T) {
		f := &fake{}
		to := filepath.Join(t.TempDir(), "a")
		os.WriteFile(to, []byte("older"), 0o600)
		_, err := f.client(t).SaveSupportBundle(t.Context(), to, nil)
		if text, _ := os.ReadFile(to); !errors.Is(err, fs.ErrExist) || !errors.Is(err, sps.ErrNotSent) || string(text) != "older" || len(f.asked) != 0 {
			t.Errorf("err = %v, the file holds %q, asked %v", err, text, f.asked)
		}
	})
}

// What an appliance makes of being asked before an image is sent is not documented: every answer is lived with, and a refusal costs nothing.
func TestUploadThatAsksFirst(t *testing.T) {
	for name, tt := range map[string]struct {
		sw     spstest.Switches
		fault  spstest.Fault
		status int // of the refusal
	}{
		"it says go on":             {},
		"it says so late":           {sw: spstest.Switches{UploadAsked: "late"}},
		"it refuses to be asked":    {sw: spstest.Switches{UploadAsked: "refused"}},
		"no connection at first":    {fault: spstest.Fault{Kind: spstest.FaultReset}},
		"the image is too large":    {sw: spstest.Switches{UploadLimit: 1 << 20}, status: 413},
		"401":                       {fault: spstest.Fault{Kind: spstest.FaultAnswer, Status: 401}, status: 401},
		"403":                       {fault: spstest.Fault{Kind: spstest.FaultAnswer, Status: 403}, status: 403},
		"413, from something ahead": {fault: spstest.Fault{Kind: spstest.FaultAnswer, Status: 413, Body: "<title>Too large</title>"}, status: 413},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &spstest.Node{Switches: tt.sw}
				c := node(t, n)
				if tt.fault.Kind != "" {
					n.Inject("POST /api/upload/firmware", tt.fault)
				}
				opened := 0
				images := counted{spstest.Image("7.0.2.1", 4<<20), &opened}
				start := time.Now()
				up, err := c.UploadFirmware(t.Context(), images, iso, func(sent, _ int64) {
					if tt.status != 0 {
						t.Errorf("%d bytes were sent into a refusal", sent)
					}
				})
				if tt.status != 0 {
					if e, ok := errors.AsType[*sps.Error](err); !ok || e.Status != tt.status || opened != 1 {
						t.Errorf("err = %v, want status %d; opened %d times, want once, to know the size", err, tt.status, opened)
					}
					return
				}
				if err != nil || !up.Slot.Version.Same(v7021) || opened != 2 {
					t.Errorf("%+v, %v after %v, opened %d times", up, err, time.Since(start), opened)
				}
			})
		})
	}
}

// counted counts how often its file is opened.
type counted struct {
	fs.FS
	n *int
}

func (c counted) Open(name string) (fs.File, error) { *c.n++; return c.FS.Open(name) }
