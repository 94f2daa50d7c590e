package spstest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"net"
	"sync"
	"time"
)

// identity is the certificate a site presents and the CA of its own that signed it, as the appliance's web certificate is signed by its internal CA
// (SPS 7.0.5.1 LTS REST API Reference Guide, Using the SPS REST API). It is made when it is first needed.
type identity struct {
	mu    sync.Mutex
	ca    *x509.Certificate
	caKey *ecdsa.PrivateKey
	leaf  tls.Certificate
	made  int64
}

// Certificates are valid for a century, so that they hold in a bubble too, whose clock begins in the year 2000.
var validFrom, validTo = time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2090, 1, 1, 0, 0, 0, 0, time.UTC)

func (id *identity) get(names []string) (*x509.Certificate, tls.Certificate) {
	id.mu.Lock()
	defer id.mu.Unlock()
	if id.ca == nil {
		id.caKey = newKey()
		ca := &x509.Certificate{
			SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Simulated SPS internal CA of " + names[0]},
			NotBefore: validFrom, NotAfter: validTo, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		}
		id.ca = sign(ca, ca, &id.caKey.PublicKey, id.caKey)
		id.issue(names)
	}
	return id.ca, id.leaf
}

// renew issues a new certificate from the same CA, if there was one yet.
func (id *identity) renew(names []string) {
	id.mu.Lock()
	defer id.mu.Unlock()
	if id.ca != nil {
		id.issue(names)
	}
}

func (id *identity) issue(names []string) {
	id.made++
	key := newKey()
	leaf := sign(&x509.Certificate{
		SerialNumber: big.NewInt(1 + id.made), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		NotBefore: validFrom, NotAfter: validTo, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, id.ca, &key.PublicKey, id.caKey)
	id.leaf = tls.Certificate{Certificate: [][]byte{leaf.Raw, id.ca.Raw}, PrivateKey: key, Leaf: leaf}
}

func newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // the curve is known and rand.Reader does not fail
	}
	return key
}

func sign(cert, parent *x509.Certificate, pub *ecdsa.PublicKey, key *ecdsa.PrivateKey) *x509.Certificate {
	der, err := x509.CreateCertificate(rand.Reader, cert, parent, pub, key)
	if err != nil {
		panic(err) // nothing of the template comes from outside
	}
	out, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return out
}

func (n *Node) names() []string { return []string{n.host() + "." + n.domain(), n.host(), "localhost"} }

func (n *Node) certificate() tls.Certificate {
	_, leaf := n.tls.get(n.names())
	return leaf
}

// CA returns the pool that trusts the node's certificate.
func (n *Node) CA() *x509.CertPool {
	n.begin()
	ca, _ := n.tls.get(n.names())
	pool := x509.NewCertPool()
	pool.AddCert(ca)
	return pool
}

// CAPEM returns the certificate of the node's CA as PEM.
func (n *Node) CAPEM() []byte {
	n.begin()
	ca, _ := n.tls.get(n.names())
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Raw})
}

// Fingerprint returns the SHA-256 of the certificate the node presents, in hexadecimal digits.
func (n *Node) Fingerprint() string {
	n.begin()
	return n.fingerprint()
}

func (n *Node) fingerprint() string {
	sum := sha256.Sum256(n.certificate().Leaf.Raw)
	return hex.EncodeToString(sum[:])
}
