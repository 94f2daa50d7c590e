package browsertest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"
)

// Host is the name of the made-up appliance.
const Host = "appliance.example.test"

// Appliance is an HTTPS server on loopback that shows pages and counts what is pressed on them. POST /press/NAME is a press.
type Appliance struct {
	Server *httptest.Server
	CA     *Authority

	mu       sync.Mutex
	pages    map[string]http.HandlerFunc
	pressed  []string
	requests int
	leaf     tls.Certificate
}

// Authority signs certificates.
type Authority struct {
	Cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// NewAuthority makes a CA.
func NewAuthority(t testing.TB, name string) *Authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	a := &Authority{key: key}
	a.Cert = issue(t, template, template, &key.PublicKey, key)
	return a
}

// Leaf issues a server certificate for a host.
func (a *Authority) Leaf(t testing.TB, host string, from, to time.Time) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host}, NotBefore: from, NotAfter: to,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	leaf := issue(t, template, a.Cert, &key.PublicKey, a.key)
	return tls.Certificate{Certificate: [][]byte{leaf.Raw, a.Cert.Raw}, PrivateKey: key, Leaf: leaf}
}

// Pool trusts the authority.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.Cert)
	return pool
}

func issue(t testing.TB, template, parent *x509.Certificate, pub *ecdsa.PublicKey, key *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, pub, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// Now is a validity that holds for the length of a test.
func Now() (from, to time.Time) { return time.Now().Add(-time.Hour), time.Now().Add(time.Hour) }

// NewAppliance starts one. It ends with the test.
func NewAppliance(t testing.TB) *Appliance {
	t.Helper()
	a := &Appliance{CA: NewAuthority(t, "Test CA"), pages: map[string]http.HandlerFunc{}}
	from, to := Now()
	a.leaf = a.CA.Leaf(t, Host, from, to)
	a.Server = httptest.NewUnstartedServer(a)
	a.Server.Config.ErrorLog = log.New(io.Discard, "", 0) // refused handshakes are what is tested
	a.Server.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		a.mu.Lock()
		defer a.mu.Unlock()
		return &tls.Config{Certificates: []tls.Certificate{a.leaf}, NextProtos: []string{"http/1.1"}, SessionTicketsDisabled: true}, nil
	}}
	a.Server.StartTLS()
	t.Cleanup(func() {
		a.Server.CloseClientConnections()
		a.Server.Close()
	})
	return a
}

// Show sets the certificate that is shown from now on, and ends the connections there are.
func (a *Appliance) Show(c tls.Certificate) {
	a.mu.Lock()
	a.leaf = c
	a.mu.Unlock()
	a.Server.CloseClientConnections()
}

// Leaf is the certificate that is shown.
func (a *Appliance) Leaf() tls.Certificate {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.leaf
}

// Site is the address by name, Dial the one to connect to.
func (a *Appliance) Site() *url.URL { return &url.URL{Scheme: "https", Host: Host} }

// Dial is the address to connect to.
func (a *Appliance) Dial() string { return a.Server.Listener.Addr().(*net.TCPAddr).String() }

// Page sets what an address shows: a body of HTML.
func (a *Appliance) Page(path, body string) {
	a.Handle(path, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, "<!DOCTYPE html><html><head><title>Appliance</title></head><body>%s</body></html>", body)
	})
}

// Handle sets what an address does.
func (a *Appliance) Handle(path string, h http.HandlerFunc) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pages[path] = h
}

// Pressed returns what was pressed since the last time it was asked.
func (a *Appliance) Pressed() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := slices.Clone(a.pressed)
	a.pressed = nil
	return out
}

// Requests returns how many requests came since the last time it was asked.
func (a *Appliance) Requests() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := a.requests
	a.requests = 0
	return n
}

// ServeHTTP answers.
func (a *Appliance) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	a.mu.Lock()
	a.requests++
	h := a.pages[r.URL.Path]
	if name, ok := cutPrefix(r.URL.Path, "/press/"); ok && r.Method == http.MethodPost {
		a.pressed = append(a.pressed, name)
		if h == nil {
			h = func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/done", http.StatusSeeOther) }
		}
	}
	a.mu.Unlock()
	if h == nil {
		h = http.NotFound
		if r.Method == http.MethodHead {
			h = func(http.ResponseWriter, *http.Request) {}
		}
	}
	h(w, r)
}

func cutPrefix(s, prefix string) (string, bool) {
	if len(s) > len(prefix) && s[:len(prefix)] == prefix {
		return s[len(prefix):], true
	}
	return "", false
}
