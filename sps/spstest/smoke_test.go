package spstest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net/http"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/changeover-sdk/changeover/sps"
)

// client is the SDK's own, over a node.
func client(t *testing.T, n *Node, o sps.Options) *sps.Client {
	t.Helper()
	user, password := n.Login()
	c, err := sps.NewClient(n.URL(), sps.Login{User: user, Password: password}, &o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The SDK's client and the simulator agree, over real sockets and TLS; a boot resets connections, and nothing is left behind.
func TestSmokeTLS(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	n := &Node{Scale: 1.0 / 2000, T: t}
	if _, err := n.Start(); err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for name, o := range map[string]sps.Options{"ca": {CA: n.CA()}, "fingerprint": {Fingerprint: n.Fingerprint()}} {
		c := client(t, n, o)
		if info, err := c.Info(ctx); err != nil || info.FirmwareText != "7.0.2" {
			t.Fatalf("%s: %+v, %v", name, info, err)
		}
		defer c.Logout()
	}
	if _, err := client(t, n, sps.Options{}).Info(ctx); !errors.Is(err, sps.ErrUntrusted) {
		t.Errorf("without the CA: %v, want ErrUntrusted", err)
	}
	c := client(t, n, sps.Options{CA: n.CA()})
	if _, err := c.UploadFirmware(ctx, Image("7.0.2.1", 8<<20), ImageName("7.0.2.1"), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := c.UpgradeFirmware(ctx, sps.MustVersion("7.0.2.1"), "smoke"); err != nil {
		t.Fatal(err)
	}
	seen := map[sps.ReachKind]bool{}
	for n.Running() != "7.0.2.1" || !seen[sps.ReachAPI] || !seen[sps.ReachPage] {
		r, err := c.Probe(ctx)
		if err != nil {
			t.Fatalf("%v; seen %v", err, seen)
		}
		seen[r.Kind] = true
	}
	if !seen[sps.ReachBroken] && !seen[sps.ReachTLS] && !seen[sps.ReachRefused] {
		t.Errorf("no outage was seen: %v", seen)
	}
	if v := n.Violations(); len(v) != 0 {
		t.Error(v)
	}
}

// Certificates and the client's own TLS work in a bubble too.
func TestCertificateLogin(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bot"}, NotBefore: validFrom, NotAfter: validTo,
		IsCA: true, BasicConstraintsValid: true, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	cert := sign(tmpl, tmpl, &key.PublicKey, key)
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	synctest.Test(t, func(t *testing.T) {
		for name, with := range map[string]bool{"with the certificate": true, "without": false} {
			n := &Node{ClientCAs: pool, NoPasswordLogin: true}
			config := &tls.Config{RootCAs: n.CA()}
			if with {
				config.Certificates = []tls.Certificate{{Certificate: [][]byte{cert.Raw}, PrivateKey: key}}
			}
			hc := &http.Client{Transport: &http.Transport{DialContext: n.DialContext, TLSClientConfig: config, DisableKeepAlives: true}}
			resp, err := hc.Get(n.URL() + "/api/authentication?type=x509")
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if want := map[bool]int{true: 200, false: 401}[with]; resp.StatusCode != want {
				t.Errorf("%s: %d, want %d", name, resp.StatusCode, want)
			}
			n.Close()
		}
	})
}

func TestCertificateChangesOnUpgrade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &Node{Stored: []string{"7.0.3"}, Switches: Switches{CertificateChanges: true}}
		defer n.Close()
		before := n.Fingerprint()
		n.Change(func() { n.next = 1 })
		n.PowerCycle()
		time.Sleep(time.Hour)
		if n.Running() != "7.0.3" || n.Fingerprint() == before {
			t.Errorf("runs %s, and the certificate is the same: %t", n.Running(), n.Fingerprint() == before)
		}
	})
}

// An image takes no memory, however large it is.
func TestLargeImage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := new(Node)
		c := client(t, n, sps.Options{HTTPClient: n.HTTPClient()})
		size := int64(96 << 20)
		if testing.Short() {
			size = 64 << 20
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := c.UploadFirmware(t.Context(), Image("7.0.2.1", size), ImageName("7.0.2.1"), nil); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > 32<<20 {
			t.Errorf("%d MiB were allocated for %d MiB", got>>20, size>>20)
		}
	})
}

func TestImageFS(t *testing.T) {
	for _, img := range []ImageFile{{Version: "7.0.2.1"}, {Version: "8.0.0", Size: 10}, {Version: "8.0.0", Size: 200000, Notes: "n", News: "w", Boots: "dead"}} {
		f, err := Images(img).Open(ImageName(img.Version))
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(f)
		info, _ := f.Stat()
		if err != nil || int64(len(b)) != info.Size() {
			t.Errorf("%+v: read %d bytes of %d, %v", img, len(b), info.Size(), err)
		}
		f.(io.Seeker).Seek(5, io.SeekStart)
		if again, _ := io.ReadAll(f); string(again) != string(b[5:]) {
			t.Errorf("%+v: reads differently from the middle", img)
		}
		check := new(imageCheck)
		for i := 0; i < len(b); i += 7 { // in pieces: the header is cut where it hurts
			check.Write(b[i:min(i+7, len(b))])
		}
		s, err := check.slot()
		if img.Size == 10 { // smaller than its own header: says another size than it has
			if err == nil {
				t.Errorf("%+v: taken", img)
			}
			continue
		}
		if err != nil || s.version != img.Version || s.news != img.News {
			t.Errorf("%+v: %+v, %v", img, s, err)
		}
	}
}

func TestPower(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := new(Node)
		defer n.Close()
		b := n.Button()
		console := n.Serial()
		text := make(chan string)
		go func() {
			got, _ := io.ReadAll(console)
			text <- string(got)
		}()
		state := func(want string) {
			t.Helper()
			if got, err := b.State(t.Context()); got != want || err != nil {
				t.Errorf("State = %q, %v; want %q", got, err, want)
			}
		}
		state("on")
		b.PowerOff(t.Context())
		state("off")
		if err := b.PowerOn(t.Context()); err != nil {
			t.Error(err)
		}
		state("on")
		time.Sleep(5 * time.Minute)
		n.Fail("power off", 500)
		if err := b.PowerOff(t.Context()); err == nil || !n.PowerState() {
			t.Errorf("a BMC that fails: %v", err)
		}
		console.Close()
		if got := <-text; !strings.Contains(got, "System halted") || !strings.Contains(got, "Starting core firmware 7.0.2") || !strings.Contains(got, "login:") {
			t.Errorf("console:\n%s", got)
		}
		if got := n.Console(); strings.Contains(got, "halted") || !strings.HasSuffix(got, "sps1 login:\r\n") {
			t.Errorf("console since the last boot:\n%s", got)
		}
	})
}

func TestScale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &Node{Scale: 1.0 / 600, Stored: []string{"7.0.3"}}
		n.Change(func() { n.next = 1 })
		n.PowerCycle()
		time.Sleep(1100 * time.Millisecond) // 11 minutes of the appliance
		if n.Running() != "7.0.2" {
			t.Error("too early")
		}
		time.Sleep(200 * time.Millisecond)
		if n.Running() != "7.0.3" {
			t.Error("too late")
		}
	})
}

// Close ends what hangs, in the middle of everything.
func TestCloseInTheMiddle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := new(Node)
		u := loggedIn(t, n)
		n.Inject("GET /api/info", Fault{Kind: FaultHang})
		done := make(chan error)
		go func() {
			_, _, err := u.do("GET", "/api/info", "")
			done <- err
		}()
		time.Sleep(time.Hour)
		n.Close()
		if err := <-done; err == nil {
			t.Error("an answer after Close")
		}
		if _, _, err := u.do("GET", "/api/info", ""); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("after Close: %v, want refused", err)
		}
		n.Close()
	})
}
