package rest_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/internal/act"
	"github.com/changeover-sdk/changeover/internal/rest"
)

func TestTrust(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	good := ca.leaf(t, time.Hour, "127.0.0.1")
	expired := ca.leaf(t, -time.Hour, "127.0.0.1")
	elsewhere := ca.leaf(t, time.Hour, "elsewhere.example.test")
	pinOf := func(c tls.Certificate) string { return rest.Fingerprint(c.Leaf) }
	colons := func(s string) string {
		var b strings.Builder
		for i, r := range strings.ToUpper(s) {
			if i > 0 && i%2 == 0 {
				b.WriteByte(':')
			}
			b.WriteRune(r)
		}
		return "SHA256 Fingerprint=" + b.String()
	}
	tests := map[string]struct {
		cert tls.Certificate
		cfg  rest.Config
		ok   bool
		pin  bool // the error says what was pinned
	}{
		"its CA is given":                               {cert: good, cfg: rest.Config{CA: ca.pool}, ok: true},
		"another CA is given":                           {cert: good, cfg: rest.Config{CA: other.pool}},
		"only the system's roots are":                   {cert: good},
		"its CA is given, but it has expired":           {cert: expired, cfg: rest.Config{CA: ca.pool}},
		"its CA is given, but it names another host":    {cert: elsewhere, cfg: rest.Config{CA: ca.pool}},
		"its fingerprint is pinned":                     {cert: good, cfg: rest.Config{Fingerprint: pinOf(good)}, ok: true},
		"its fingerprint is pinned as openssl prints":   {cert: good, cfg: rest.Config{Fingerprint: colons(pinOf(good))}, ok: true},
		"pinned, expired: the key is known":             {cert: expired, cfg: rest.Config{Fingerprint: pinOf(expired)}, ok: true},
		"pinned, another name: the key is known":        {cert: elsewhere, cfg: rest.Config{Fingerprint: pinOf(elsewhere)}, ok: true},
		"another one's fingerprint is pinned":           {cert: good, cfg: rest.Config{Fingerprint: pinOf(expired)}, pin: true},
		"CA and fingerprint, both hold":                 {cert: good, cfg: rest.Config{CA: ca.pool, Fingerprint: pinOf(good)}, ok: true},
		"CA and fingerprint, only the CA holds":         {cert: good, cfg: rest.Config{CA: ca.pool, Fingerprint: pinOf(expired)}, pin: true},
		"CA and fingerprint, only the fingerprint does": {cert: good, cfg: rest.Config{CA: other.pool, Fingerprint: pinOf(good)}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s, _ := serve(t, http.HandlerFunc(ok), &tls.Config{Certificates: []tls.Certificate{tt.cert}})
			c := client(t, tt.cfg)
			resp, err := get(t.Context(), c, at(t, s, "/api/info"))
			if tt.ok {
				if err != nil {
					t.Fatalf("err = %v, want none", err)
				}
				if got := rest.Fingerprint(resp.Chain[0]); got != pinOf(tt.cert) {
					t.Errorf("fingerprint seen = %s, want %s", got, pinOf(tt.cert))
				}
				return
			}
			if !errors.Is(err, rest.ErrUntrusted) {
				t.Errorf("err = %v, want class ErrUntrusted", err)
			}
			if p, is := errors.AsType[*rest.PinError](err); is != tt.pin || (is && p.Got != pinOf(tt.cert)) {
				t.Errorf("pin error = %v, want one: %t", p, tt.pin)
			}
			_, err = c.Do(t.Context(), rest.Request{Method: http.MethodPost, URL: at(t, s, "/api/act")})
			if !errors.Is(err, act.ErrNotSent) {
				t.Errorf("an act over an untrusted connection: err = %v, want ErrNotSent", err)
			}
		})
	}
}

// A pin must hold on a resumed session too, which shows no certificate anew.
func TestPinHoldsOnResumption(t *testing.T) {
	ca := newAuthority(t)
	one, two := ca.leaf(t, time.Hour, "127.0.0.1"), ca.leaf(t, time.Hour, "127.0.0.1")
	resumed := make(chan bool, 10)
	s, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { resumed <- r.TLS.DidResume }), &tls.Config{Certificates: []tls.Certificate{one}})

	cache := tls.NewLRUClientSessionCache(4)
	given := func() *http.Client {
		return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{ClientSessionCache: cache, RootCAs: ca.pool}}}
	}
	first := client(t, rest.Config{HTTPClient: given(), Fingerprint: rest.Fingerprint(one.Leaf), FreshConnections: true})
	for i := range 2 {
		if _, err := get(t.Context(), first, at(t, s, "/")); err != nil {
			t.Fatal(err)
		}
		if was := <-resumed; was != (i == 1) {
			t.Fatalf("request %d resumed = %t", i, was)
		}
	}
	second := client(t, rest.Config{HTTPClient: given(), Fingerprint: rest.Fingerprint(two.Leaf), FreshConnections: true})
	if _, err := get(t.Context(), second, at(t, s, "/")); !errors.Is(err, rest.ErrUntrusted) {
		t.Errorf("err = %v, want ErrUntrusted on a resumed session whose certificate is not the pinned one", err)
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	s, pool := serve(t, http.HandlerFunc(ok), &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10})
	_, err := get(t.Context(), client(t, rest.Config{CA: pool, Retries: -1}), at(t, s, "/"))
	if !errors.Is(err, rest.ErrTLS) {
		t.Errorf("err = %v, want class ErrTLS", err)
	}
}

func TestClientCertificate(t *testing.T) {
	ca := newAuthority(t)
	mine := ca.leaf(t, time.Hour)
	s, pool := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Who", r.TLS.PeerCertificates[0].Subject.CommonName)
	}), &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ca.pool})

	resp, err := get(t.Context(), client(t, rest.Config{CA: pool, Certificate: &mine}), at(t, s, "/"))
	if err != nil || resp.Header.Get("Who") != "leaf" {
		t.Fatalf("with a certificate: %v, %v", resp, err)
	}
	if _, err = get(t.Context(), client(t, rest.Config{CA: pool, Retries: -1}), at(t, s, "/")); !errors.Is(err, rest.ErrTLS) {
		t.Errorf("without one: err = %v, want class ErrTLS", err)
	}
}

// One of two appliances is asked as the site: the connection goes to its own address, everything else names the site.
func TestDialOneAddressAndSpeakAsAnother(t *testing.T) {
	ca := newAuthority(t)
	site := ca.leaf(t, time.Hour, "pra.example.test")
	var sni, host string
	s, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { sni, host = r.TLS.ServerName, r.Host }),
		&tls.Config{Certificates: []tls.Certificate{site}})
	u, err := rest.Base("https://pra.example.test")
	if err != nil {
		t.Fatal(err)
	}
	c := client(t, rest.Config{CA: ca.pool, Dial: s.Listener.Addr().String()})
	if _, err := get(t.Context(), c, u); err != nil || sni != "pra.example.test" || host != "pra.example.test" {
		t.Errorf("err = %v, SNI %q, Host %q; want none and the site's name", err, sni, host)
	}
	wrong, err := rest.Base("https://other.example.test")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := get(t.Context(), c, wrong); !errors.Is(err, rest.ErrUntrusted) {
		t.Errorf("as a name the certificate does not hold: err = %v, want ErrUntrusted", err)
	}
}

func TestNewRefuses(t *testing.T) {
	insecure := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	other := &http.Client{Transport: roundTripper(nil)}
	tests := map[string]rest.Config{
		"a fingerprint that is too short":                  {Fingerprint: "ab:cd"},
		"a fingerprint that is no hex":                     {Fingerprint: strings.Repeat("zz", 32)},
		"a client that verifies nothing":                   {HTTPClient: insecure},
		"a CA with a transport it cannot be applied to":    {HTTPClient: other, CA: x509.NewCertPool()},
		"a pin with a transport it cannot be applied to":   {HTTPClient: other, Fingerprint: strings.Repeat("ab", 32)},
		"an address to dial with a transport that cannot":  {HTTPClient: other, Dial: "127.0.0.1:443"},
		"an address to dial without a port":                {Dial: "127.0.0.1"},
		"a user agent that looks like a browser":           {UserAgent: "Mozilla/5.0 (X11; Linux)"},
		"a user agent that looks like another one, hidden": {UserAgent: "tool/1 applewebkit/1"},
	}
	for name, cfg := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := rest.New(cfg); err == nil {
				t.Errorf("New(%+v) = nil error", cfg)
			}
		})
	}
}

func TestBase(t *testing.T) {
	for _, addr := range []string{"https://sps1.example.test", "https://sps1.example.test:8443/", "https://[::1]:443", "https://10.0.0.1"} {
		if u, err := rest.Base(addr); err != nil || strings.TrimSuffix(addr, "/") != u.String() {
			t.Errorf("Base(%q) = %v, %v", addr, u, err)
		}
	}
	for _, addr := range []string{"", "sps1", "http://sps1", "https://", "https://u:geheim@sps1", "https://sps1/api", "https://sps1?x=1", "https://sps1#x", "https://sps1:0", "https://sps1:99999", "://geheim"} {
		u, err := rest.Base(addr)
		if err == nil {
			t.Errorf("Base(%q) = %v, want an error", addr, u)
		} else if strings.Contains(err.Error(), "geheim") {
			t.Errorf("Base(%q) repeats a password: %v", addr, err)
		}
	}
}
