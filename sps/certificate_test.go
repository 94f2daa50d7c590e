package sps_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"strings"
	"testing"

	"github.com/changeover-sdk/changeover/sps"
)

func TestWeakCertificate(t *testing.T) {
	t.Setenv("GODEBUG", "rsa1024min=0")
	rsaKey := func(bits int) crypto.Signer {
		key, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	ecKey := func(c elliptic.Curve) crypto.Signer {
		key, err := ecdsa.GenerateKey(c, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	strong := rsaKey(2048)
	make := func(key crypto.Signer) *x509.Certificate {
		tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "sps1"}}
		der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return cert
	}
	signed := func(alg x509.SignatureAlgorithm, root bool) *x509.Certificate {
		cert := make(strong)
		cert.SignatureAlgorithm = alg // Go refuses to sign that way
		if !root {
			cert.RawIssuer = []byte("another")
		}
		return cert
	}
	tests := map[string]struct {
		cert *x509.Certificate
		want string // "" for none
	}{
		"RSA 2048":           {make(strong), ""},
		"RSA 1024":           {make(rsaKey(1024)), "RSA key of 1024 bits"},
		"P-224":              {make(ecKey(elliptic.P224())), ""},
		"P-256":              {make(ecKey(elliptic.P256())), ""},
		"Ed25519":            {make(edKey), ""},
		"SHA-1 by a CA":      {signed(x509.SHA1WithRSA, false), "signed with SHA1-RSA"},
		"MD5 by a CA":        {signed(x509.MD5WithRSA, false), "signed with MD5-RSA"},
		"a root with SHA-1":  {signed(x509.SHA1WithRSA, true), ""},
		"SHA-256 by a CA":    {signed(x509.SHA256WithRSA, false), ""},
		"an unknown way":     {signed(x509.UnknownSignatureAlgorithm, false), "not known"},
		"a key of no kind":   {&x509.Certificate{SignatureAlgorithm: x509.SHA256WithRSA}, "not judged"},
		"a curve of 192 bit": {&x509.Certificate{SignatureAlgorithm: x509.ECDSAWithSHA256, PublicKey: &ecdsa.PublicKey{Curve: small{}}}, "ECC key of 192 bits"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := sps.WeakCertificate(tt.cert)
			if (len(got) > 0) != (tt.want != "") || (tt.want != "" && !strings.Contains(got[0], tt.want)) {
				t.Errorf("WeakCertificate = %q, want %q", got, tt.want)
			}
		})
	}
}

type small struct{ elliptic.Curve }

func (small) Params() *elliptic.CurveParams { return &elliptic.CurveParams{BitSize: 192} }
