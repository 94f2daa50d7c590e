package sps

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"net/http"

	"github.com/changeover-sdk/changeover/internal/rest"
)

// Certificates returns the certificates that the web interface shows, its own first. They are the only ones that can be read without
// undocumented endpoints; the others that count for an upgrade (internal CA, connection policies, LDAP, SMTP, syslog,
// Splunk, indexer, trust stores) are judged by the firmware test. None come from a simulation without TLS.
func (c *Client) Certificates(ctx context.Context) ([]*x509.Certificate, error) {
	resp, err := c.rest.Do(ctx, rest.Request{Intent: rest.Read, Method: http.MethodGet, URL: c.url(pathInfo), Timeout: c.timeout})
	if err != nil {
		return nil, &Error{Op: "read the web interface's certificate", Method: http.MethodGet, Path: pathInfo, Err: err}
	}
	return resp.Chain, nil // whatever it answers, these are its certificates
}

// Sizes of keys in bits, below which an upgrade to 6.10 or later is refused.
const (
	leastRSA = 2048
	leastECC = 224
)

// WeakCertificate lists why a certificate keeps an appliance from being upgraded to 6.10 or later, each as a sentence for people; none means
// that it does not: RSA and DSA keys below 2048 bits, ECC keys below 224, and certificates other than roots that are signed with SHA-1
// or MD5 (SPS 7.3 and 6.13.1 Release Notes, Upgrade and installation instructions). A kind of key that is not known counts as weak.
func WeakCertificate(cert *x509.Certificate) []string {
	var issues []string
	add := func(format string, args ...any) {
		issues = append(issues, fmt.Sprintf("certificate %q ", cert.Subject)+fmt.Sprintf(format, args...))
	}
	switch key := cert.PublicKey.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < leastRSA {
			add("has an RSA key of %d bits, %d are needed", bits, leastRSA)
		}
	case *ecdsa.PublicKey:
		if bits := key.Curve.Params().BitSize; bits < leastECC {
			add("has an ECC key of %d bits, %d are needed", bits, leastECC)
		}
	case ed25519.PublicKey:
	default:
		add("has a key of the kind %v, whose strength is not judged", cert.PublicKeyAlgorithm)
	}
	root := bytes.Equal(cert.RawSubject, cert.RawIssuer)
	switch cert.SignatureAlgorithm {
	case x509.SHA1WithRSA, x509.ECDSAWithSHA1, x509.DSAWithSHA1, x509.MD5WithRSA, x509.MD2WithRSA:
		if !root {
			add("is signed with %v", cert.SignatureAlgorithm)
		}
	case x509.UnknownSignatureAlgorithm:
		add("is signed in a way that is not known")
	}
	return issues
}
