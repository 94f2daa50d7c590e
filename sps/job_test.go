package sps_test

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

	"github.com/changeover-sdk/changeover/sps"
	"github.com/changeover-sdk/changeover/sps/spstest"
)

const mirror = "https://mirror.example.test/sps-7.0.2.1.iso"

// fetching is a node that can download an image, and the image's hash.
func fetching(t *testing.T, n *spstest.Node, img spstest.ImageFile) (*sps.Client, string) {
	t.Helper()
	n.Downloads = spstest.Mirror(map[string]spstest.ImageFile{mirror: img})
	sum, err := sps.HashFirmware(t.Context(), spstest.Images(img), spstest.ImageName(img.Version))
	if err != nil {
		t.Fatal(err)
	}
	return node(t, n), sum.SHA256
}

// left counts the records of downloads on the appliance.
func left(t *testing.T, n *spstest.Node) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", n.URL()+"/api/authentication", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("admin", "simulated")
	resp, err := n.HTTPClient().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	list, err := http.NewRequestWithContext(t.Context(), "GET", n.URL()+"/api/firmware/fetch", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range resp.Cookies() {
		list.AddCookie(c)
	}
	resp, err = n.HTTPClient().Do(list)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(body), `"status"`)
}

func TestFetch(t *testing.T) {
	for name, word := range map[string]string{"finished": "", "in a word nobody knows": "installed-fine"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &spstest.Node{Switches: spstest.Switches{FetchDone: word, FetchNeedsChecksum: true}}
				c, sum := fetching(t, n, spstest.ImageFile{Version: "7.0.2.1"})
				if err := c.FetchFirmware(t.Context(), mirror, strings.ToUpper(sum)); err != nil {
					t.Fatal(err)
				}
				slots, err := c.Slots(t.Context())
				if s, missing := slots.Find(v7021); err != nil || missing != nil || s.Key != "2" {
					t.Errorf("Slots = %+v, %v", slots, err)
				}
				if k := left(t, n); k != 0 {
					t.Errorf("%d records of downloads left", k)
				}
			})
		})
	}
}

func TestFaultFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &spstest.Node{}
		c, _ := fetching(t, n, spstest.ImageFile{Version: "7.0.2.1"})
		mustBe(t, c.FetchFirmware(t.Context(), mirror, strings.Repeat("ab", 32)), sps.ErrFailed)
		err := c.FetchFirmware(t.Context(), "https://mirror.example.test/gone.iso", strings.Repeat("ab", 32))
		mustBe(t, err, sps.ErrFailed)
		if k := left(t, n); k != 0 {
			t.Errorf("%d records of downloads left", k)
		}
		for _, bad := range []string{"", "ftp://x/y", "mirror/x.iso", "https://user:geheim@mirror.example.test/x.iso", "://"} {
			err := c.FetchFirmware(t.Context(), bad, strings.Repeat("ab", 32))
			mustBe(t, err, sps.ErrNotSent)
			if strings.Contains(err.Error(), "geheim") {
				t.Errorf("err = %v repeats a password", err)
			}
		}
		mustBe(t, c.FetchFirmware(t.Context(), mirror, "abc"), sps.ErrNotSent)
	})
	// A connection that breaks while the appliance works is waited out.
	synctest.Test(t, func(t *testing.T) {
		n := &spstest.Node{UploadSpeed: 1 << 10}
		c, sum := fetching(t, n, spstest.ImageFile{Version: "7.0.2.1"})
		n.Inject("GET /api/firmware/fetch/{key}", spstest.Fault{Kind: spstest.FaultReset, Times: 20})
		if err := c.FetchFirmware(t.Context(), mirror, sum); err != nil {
			t.Errorf("FetchFirmware = %v", err)
		}
	})
	// Without the endpoint.
	synctest.Test(t, func(t *testing.T) {
		n := &spstest.Node{Version: "6.13.1", Unknown: func(*http.Request) {}}
		c, sum := fetching(t, n, spstest.ImageFile{Version: "7.0.2.1"})
		mustBe(t, c.FetchFirmware(t.Context(), mirror, sum), sps.ErrNotFound)
	})
}

func TestFetchIsCancelledWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &spstest.Node{UploadSpeed: 1}
		c, sum := fetching(t, n, spstest.ImageFile{Version: "7.0.2.1"})
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		err := c.FetchFirmware(ctx, mirror, sum)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "still works on it") {
			t.Errorf("err = %v, want the context's end and what was seen last", err)
		}
		if k := left(t, n); k != 0 {
			t.Errorf("%d records of downloads left", k)
		}
		time.Sleep(500 * time.Hour)
		if got, err := c.Slots(t.Context()); err != nil || len(got.List) != 1 {
			t.Errorf("Slots = %+v, %v; want the download to be gone", got, err)
		}
	})
}

// A word that nobody knows, and no image: neither success nor a wait without end.
func TestFetchThatSaysSomethingStrange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{answers: slots("", "1 7.0.2 c", "2")}
		f.answers["POST /api/firmware/fetch"] = `202 {"key": "k1", "body": {"status": "queued"}}`
		f.answers["GET /api/firmware/fetch/k1"] = `{"key": "k1", "body": {"status": "contemplating simulated"}}`
		start := time.Now()
		err := f.client(t).FetchFirmware(t.Context(), mirror, strings.Repeat("ab", 32))
		mustBe(t, err, sps.ErrFailed)
		if took := time.Since(start); took < 30*time.Minute || took > 31*time.Minute || !strings.Contains(err.Error(), "contemplating REDACTED") {
			t.Errorf("err = %v after %v", err, took)
		}
	})
	f := &fake{answers: slots("", "1 7.0.2 c", "2")}
	for _, answer := range []string{`202 {}`, `202 {"key": "../../x"}`, `202 `} {
		f.answers["POST /api/firmware/fetch"] = answer
		mustBe(t, f.client(t).FetchFirmware(t.Context(), mirror, strings.Repeat("ab", 32)), sps.ErrBadAnswer)
	}
}

func TestSupportBundle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &spstest.Node{BundleTime: 8 * time.Minute}
		c := node(t, n)
		var out bytes.Buffer
		if err := c.SupportBundle(t.Context(), &out); err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(out.Bytes(), []byte{0x1f, 0x8b}) || out.Len() < 100 {
			t.Errorf("%d bytes, not a .tar.gz", out.Len())
		}
		if n := bundles(t, n); n != 0 {
			t.Errorf("%d bundles left on the appliance", n)
		}
	})
}

// bundles counts what a second client sees.
func bundles(t *testing.T, n *spstest.Node) int {
	t.Helper()
	f := &countingTransport{next: n.HTTPClient().Transport}
	c, err := sps.NewClient(n.URL(), admin, &sps.Options{HTTPClient: &http.Client{Transport: f}})
	if err != nil {
		t.Fatal(err)
	}
	f.stop = "POST"
	c.SupportBundle(t.Context(), io.Discard) // asks for the list first, and is stopped then
	return strings.Count(f.list, `"in-progress"`) + strings.Count(f.list, `"finished"`)
}

type countingTransport struct {
	next http.RoundTripper
	stop string
	list string
}

func (c *countingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == c.stop {
		return nil, errors.New("stopped")
	}
	resp, err := c.next.RoundTrip(r)
	if err == nil && strings.HasSuffix(r.URL.Path, "/support-bundle") {
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		c.list = string(body)
		resp.Body = io.NopCloser(bytes.NewReader(body))
	}
	return resp, err
}

func TestFaultSupportBundle(t *testing.T) {
	const path = "/api/troubleshooting/support-bundle"
	tests := map[string]struct {
		what  string
		fault spstest.Fault
		want  []error
	}{
		"it cannot be begun":        {"POST " + path, spstest.Fault{Kind: spstest.FaultAnswer, Status: 500, Body: `{"error": {"type": "InternalError"}}`}, []error{}},
		"its download is a page":    {"GET " + path + "/{key}/download", spstest.Fault{Kind: spstest.FaultPage}, []error{sps.ErrBadAnswer, sps.ErrNotReady}},
		"its download is JSON":      {"GET " + path + "/{key}/download", spstest.Fault{Kind: spstest.FaultJSON}, nil},
		"its download is cut":       {"GET " + path + "/{key}/download", spstest.Fault{Kind: spstest.FaultCut, After: 20}, nil},
		"its download hangs":        {"GET " + path + "/{key}/download", spstest.Fault{Kind: spstest.FaultHang}, []error{sps.ErrStalled}},
		"its download is forbidden": {"GET " + path + "/{key}/download", spstest.Fault{Kind: spstest.FaultAnswer, Status: 403}, []error{sps.ErrForbidden}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &spstest.Node{}
				c := node(t, n)
				n.Inject(tt.what, tt.fault)
				var out bytes.Buffer
				err := c.SupportBundle(t.Context(), &out)
				if tt.want != nil {
					mustBe(t, err, tt.want...)
				}
				if err == nil || errors.Is(err, sps.ErrNotSent) {
					t.Errorf("err = %v, want one, and not that nothing was sent", err)
				}
				if strings.Contains(out.String(), "<") {
					t.Errorf("a page lies about as a bundle: %q", out.String())
				}
				if k := bundles(t, n); k != 0 {
					t.Errorf("%d bundles left on the appliance", k)
				}
			})
		})
	}
	// The connection breaks for a while in the middle of the job.
	synctest.Test(t, func(t *testing.T) {
		n := &spstest.Node{}
		n.Inject("GET "+path+"/{key}", spstest.Fault{Kind: spstest.FaultReset, Times: 12})
		if err := node(t, n).SupportBundle(t.Context(), io.Discard); err != nil {
			t.Errorf("SupportBundle = %v", err)
		}
	})
	// The disk it is written to is full.
	synctest.Test(t, func(t *testing.T) {
		n := &spstest.Node{}
		full := errors.New("no space left")
		if err := node(t, n).SupportBundle(t.Context(), failing{full}); !errors.Is(err, full) {
			t.Errorf("SupportBundle = %v, want %v", err, full)
		}
		if k := bundles(t, n); k != 0 {
			t.Errorf("%d bundles left on the appliance", k)
		}
	})
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestSupportBundleThatSomebodyElseMakes(t *testing.T) {
	for name, twice := range map[string]string{"it is waited for": "", "it is refused": "conflict"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &spstest.Node{BundleTime: 10 * time.Minute, Switches: spstest.Switches{BundleTwice: twice}}
				mine, theirs := node(t, n), node(t, n, func(o *sps.Options) { o.Poll = 7 * time.Second })
				done := make(chan error)
				go func() { done <- theirs.SupportBundle(t.Context(), io.Discard) }()
				time.Sleep(5 * time.Minute)
				err := mine.SupportBundle(t.Context(), io.Discard)
				if twice == "conflict" {
					if e, ok := errors.AsType[*sps.Error](err); !ok || e.Status != 409 || e.Advice == "" {
						t.Errorf("err = %v, want a 409 with what to do", err)
					}
				} else if err != nil {
					t.Errorf("SupportBundle = %v, want one of my own", err)
				}
				if err := <-done; err != nil {
					t.Errorf("theirs = %v", err)
				}
				if k := bundles(t, n); k != 0 {
					t.Errorf("%d bundles left on the appliance", k)
				}
			})
		})
	}
}
