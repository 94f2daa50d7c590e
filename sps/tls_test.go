package sps_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/sps"
	"github.com/changeover-sdk/changeover/sps/spstest"
)

// The smoke test of trust: a real listener with TLS on loopback.
func TestTrust(t *testing.T) {
	n := &spstest.Node{T: t}
	addr, err := n.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	other := &spstest.Node{T: t}
	defer other.Close()
	tests := map[string]struct {
		opts sps.Options
		want error
	}{
		"the appliance's CA":             {sps.Options{CA: n.CA()}, nil},
		"its fingerprint":                {sps.Options{Fingerprint: n.Fingerprint()}, nil},
		"both":                           {sps.Options{CA: n.CA(), Fingerprint: strings.ToUpper(n.Fingerprint())}, nil},
		"nothing but the system's roots": {sps.Options{}, sps.ErrUntrusted},
		"no CA at all":                   {sps.Options{CA: x509.NewCertPool()}, sps.ErrUntrusted},
		"another appliance's CA":         {sps.Options{CA: other.CA()}, sps.ErrUntrusted},
		"another fingerprint":            {sps.Options{Fingerprint: strings.Repeat("ab", 32)}, sps.ErrUntrusted},
		"its CA, another fingerprint":    {sps.Options{CA: n.CA(), Fingerprint: strings.Repeat("ab", 32)}, sps.ErrUntrusted},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, err := sps.NewClient(addr, admin, &tt.opts)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Logout()
			info, err := c.Info(t.Context())
			if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
				t.Fatalf("Info = %v, want %v", err, tt.want)
			}
			reach, perr := c.Probe(t.Context())
			if tt.want != nil {
				mustBe(t, err, sps.ErrUntrusted) // and not ErrNotReady: waiting cures nothing
				if reach.Kind != sps.ReachUntrusted || perr != nil {
					t.Errorf("Probe = %+v, %v; want untrusted", reach, perr)
				}
				if _, err := c.Certificates(t.Context()); !errors.Is(err, sps.ErrUntrusted) {
					t.Errorf("Certificates = %v", err)
				}
				return
			}
			if info.Fingerprint != n.Fingerprint() || reach.Fingerprint != n.Fingerprint() || !reach.Ready() {
				t.Errorf("fingerprints seen %q, %q; want %q", info.Fingerprint, reach.Fingerprint, n.Fingerprint())
			}
			chain, err := c.Certificates(t.Context())
			if err != nil || len(chain) == 0 || len(sps.WeakCertificate(chain[0])) > 0 {
				t.Errorf("Certificates = %d, %v", len(chain), err)
			}
		})
	}
}

// A redirect to another host is neither followed nor waited out.
func TestFaultRedirectToAnotherHost(t *testing.T) {
	n := &spstest.Node{}
	c := node(t, n)
	if _, err := c.Info(t.Context()); err != nil {
		t.Fatal(err)
	}
	n.Inject("GET /api/info", spstest.Fault{Kind: spstest.FaultRedirect, Times: -1, Target: "https://evil.example.test/?session_id=geheim"})
	_, err := c.Info(t.Context())
	mustBe(t, err, sps.ErrRedirect)
	if !strings.Contains(err.Error(), "https://evil.example.test:443") || strings.Contains(err.Error(), "geheim") {
		t.Errorf("err = %v, want the host and no query", err)
	}
	if reach, err := c.Probe(t.Context()); err != nil || reach.Kind != sps.ReachRedirect || reach.Status != 302 {
		t.Errorf("Probe = %+v, %v", reach, err)
	}
}

// A login by client certificate, on a real listener.
func TestCertificateLogin(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "upgrade-bot"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	n := &spstest.Node{T: t, ClientCAs: pool, NoPasswordLogin: true}
	addr, err := n.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	c, err := sps.NewClient(addr, sps.Login{Certificate: &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, Method: "local"}, &sps.Options{CA: n.CA()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Logout()
	if info, err := c.Info(t.Context()); err != nil || info.Firmware.IsZero() {
		t.Errorf("Info = %+v, %v", info, err)
	}
	byPassword, err := sps.NewClient(addr, admin, &sps.Options{CA: n.CA()})
	if err != nil {
		t.Fatal(err)
	}
	defer byPassword.Logout()
	if _, err := byPassword.Info(t.Context()); !errors.Is(err, sps.ErrAuth) && !errors.Is(err, sps.ErrForbidden) {
		t.Errorf("by password: %v, want a refusal", err)
	}
}
