package pratest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/netip"
	"slices"
	"time"
)

// authority signs what the simulation needs signed. A second root stands for "another certification authority", which clients of the API trust as well, as they
// would trust any public one, but Jump Clients with an older package do not.
type authority struct {
	root, second *signer
	serial       int64
	configs      map[configKey]*tls.Config
	updateConfig *tls.Config
}

type signer struct {
	cert *x509.Certificate
	der  []byte
	key  *ecdsa.PrivateKey
}

type configKey struct {
	box  *Box
	cert *certificate
}

func newAuthority(now time.Time) *authority {
	a := &authority{configs: map[configKey]*tls.Config{}}
	a.root = a.newRoot("Simulated Root CA", now)
	a.second = a.newRoot("Another Simulated Root CA", now)
	update := a.issue(a.root, now, "update server", []string{UpdateHost, UpdateHostNewer, "localhost"}, loopback, now.AddDate(1, 0, 0))
	a.updateConfig = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{update.tls}}
	return a
}

func (a *authority) newRoot(name string, now time.Time) *signer {
	key := newKey()
	t := a.template(name, now.AddDate(-1, 0, 0), now.AddDate(20, 0, 0))
	t.IsCA, t.BasicConstraintsValid, t.KeyUsage = true, true, x509.KeyUsageCertSign
	der := must(x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key))
	return &signer{cert: must(x509.ParseCertificate(der)), der: der, key: key}
}

func (a *authority) template(name string, from, to time.Time) *x509.Certificate {
	a.serial++
	return &x509.Certificate{
		SerialNumber: big.NewInt(a.serial), Subject: pkix.Name{CommonName: name}, NotBefore: from, NotAfter: to,
	}
}

// issue signs a certificate for names and addresses.
func (a *authority) issue(by *signer, now time.Time, common string, names []string, addrs []netip.Addr, until time.Time) *certificate {
	key := newKey()
	t := a.template(common, now.AddDate(0, -1, 0), until)
	t.DNSNames, t.ExtKeyUsage, t.KeyUsage = names, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, x509.KeyUsageDigitalSignature
	for _, ip := range addrs {
		t.IPAddresses = append(t.IPAddresses, net.IP(ip.AsSlice()))
	}
	parent, chain := t, [][]byte{nil}
	signKey := key
	if by != nil {
		parent, signKey, chain = by.cert, by.key, [][]byte{nil, by.der}
	}
	chain[0] = must(x509.CreateCertificate(rand.Reader, t, parent, &key.PublicKey, signKey))
	leaf := must(x509.ParseCertificate(chain[0]))
	return &certificate{tls: tls.Certificate{Certificate: chain, PrivateKey: key, Leaf: leaf}}
}

// selfSigned is what a factory-new appliance shows.
func (a *authority) selfSigned(b *Box) *certificate {
	now := b.site.w.now
	return a.issue(nil, now, b.host(), []string{b.host()}, []netip.Addr{b.Addr}, now.AddDate(10, 0, 0))
}

func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.root.cert)
	p.AddCert(a.second.cert)
	return p
}

func (a *authority) pem() []byte {
	return slices.Concat(
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.root.der}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.second.der}),
	)
}

// siteCertificate is the one that a healthy site's appliances share: primary and backup need identical ones that cover each own name and the site's (Copy the
// SSL Certificate to PRA Failover and Atlas Appliances).
func (s *Site) siteCertificate(b *Box) *certificate {
	if s.A.st != nil && len(s.A.st.certs) > 0 {
		c := *s.A.st.certs[0]
		c.assigned = b.addrs()
		return &c
	}
	c := s.w.authority.issue(s.w.authority.root, s.w.now, s.Name, s.certNames(), loopback, s.w.now.AddDate(1, 0, 0))
	c.assigned = b.addrs()
	return c
}

func (s *Site) certNames() []string {
	d := s.domain()
	names := []string{s.Name, "pra-a." + d, "pra-b." + d, "localhost"}
	for _, n := range []string{s.A.Name, s.B.Name} {
		if n != "" && !slices.Contains(names, n+"."+d) {
			names = append(names, n+"."+d)
		}
	}
	return names
}

// loopback is in every certificate, for listeners there.
var loopback = []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}

func (b *Box) addrs() []netip.Addr {
	list := []netip.Addr{b.Addr}
	if b.SharedIP.IsValid() {
		list = append(list, b.SharedIP)
	}
	return list
}

// tlsConfig is how b meets a client that dialled addr: with the certificate assigned to that address, or the first that has a key.
func (b *Box) tlsConfig(addr netip.Addr) *tls.Config {
	var chosen *certificate
	for _, c := range b.st.certs {
		if c.tls.PrivateKey != nil && (chosen == nil || slices.Contains(c.assigned, addr)) {
			chosen = c
		}
	}
	a := b.site.w.authority
	k := configKey{b, chosen}
	if a.configs[k] == nil {
		// A configuration of its own each, so that a session begun with one certificate is never continued with another.
		a.configs[k] = &tls.Config{MinVersion: tls.VersionTLS12}
		if chosen != nil {
			a.configs[k].Certificates = []tls.Certificate{chosen.tls}
		}
	}
	return a.configs[k]
}

func newKey() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) }

// must is for what fails only when the machine is broken.
func must[T any](v T, err error) T {
	if err != nil {
		panic("pratest: " + err.Error())
	}
	return v
}
