package pratest

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

// certificate is a row of the Certificates page.
type certificate struct {
	tls      tls.Certificate // leaf, chain, key
	assigned []netip.Addr
}

func (c *certificate) issuedTo() string { return c.tls.Leaf.Subject.CommonName }
func (c *certificate) issuedBy() string { return c.tls.Leaf.Issuer.CommonName }

// warnings are what the row warns of. That there are such is documented, their words are not.
func (c *certificate) warnings(now time.Time) []string {
	var list []string
	if now.After(c.tls.Leaf.NotAfter) {
		list = append(list, "This certificate has expired.")
	}
	if len(c.tls.Certificate) < 2 && c.issuedTo() != c.issuedBy() {
		list = append(list, "The issuer's certificate is missing.")
	}
	return list
}

func (c *certificate) row(now time.Time) beyondtrust.Certificate {
	return beyondtrust.Certificate{
		IssuedTo: c.issuedTo(), IssuedBy: c.issuedBy(), Names: slices.Clone(c.tls.Leaf.DNSNames), NotAfter: c.tls.Leaf.NotAfter,
		PrivateKey: beyondtrust.SwitchOf(c.tls.PrivateKey != nil), Assigned: slices.Clone(c.assigned), Warnings: c.warnings(now),
	}
}

// Fingerprint returns the SHA-256 of the certificate that is served at b's own address, in hexadecimal digits; empty when there is none.
func (b *Box) Fingerprint() string {
	defer b.enter()()
	config := b.tlsConfig(b.Addr)
	if len(config.Certificates) == 0 {
		return ""
	}
	sum := sha256.Sum256(config.Certificates[0].Certificate[0])
	return hex.EncodeToString(sum[:])
}

// Reissue replaces the site's certificate on b by a new one for its names, from then on assigned to all its addresses. With another authority it is one that
// the site package was not built with: Jump Clients that know only the old one do not come back.
func (b *Box) Reissue(anotherAuthority bool, until time.Time) {
	defer b.enter()()
	b.reissue(anotherAuthority, until)
}

func (b *Box) reissue(another bool, until time.Time) {
	s := b.site
	by := s.w.authority.root
	if another {
		by = s.w.authority.second
	}
	c := s.w.authority.issue(by, s.w.now, s.Name, s.certNames(), loopback, until)
	c.assigned = b.addrs()
	b.st.certs = []*certificate{c}
	s.note(b, Certificate, "reissued by %s", c.issuedBy())
}

// chain is the authority that b's certificate for the site comes from.
func (b *Box) chain() string {
	for _, c := range b.st.certs {
		if c.tls.PrivateKey != nil && slices.Contains(c.tls.Leaf.DNSNames, b.site.Name) {
			return c.issuedBy()
		}
	}
	return ""
}

// An exported certificate is a PEM file: the certificate, its chain, and the private key, which is sealed when a passphrase was given. The appliances' own
// format is not documented; this one is read by this package alone.
const (
	pemSealed = "SIMULATED SEALED KEY"
	pemKey    = "PRIVATE KEY"
)

// export writes c as the boxes of the Export page say.
func (c *certificate) export(leaf, chain, key bool, passphrase string) ([]byte, error) {
	var out bytes.Buffer
	for i, der := range c.tls.Certificate {
		if i == 0 && leaf || i > 0 && chain {
			out.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
		}
	}
	if !key {
		return out.Bytes(), nil
	}
	if c.tls.PrivateKey == nil {
		return nil, errors.New("this appliance does not hold the private key")
	}
	der, err := x509.MarshalPKCS8PrivateKey(c.tls.PrivateKey)
	if err != nil {
		return nil, err
	}
	block := &pem.Block{Type: pemKey, Bytes: der}
	if passphrase != "" {
		aead := seal(passphrase)
		nonce := make([]byte, aead.NonceSize())
		_, _ = rand.Read(nonce) // never fails, crypto/rand says
		block = &pem.Block{Type: pemSealed, Bytes: aead.Seal(nonce, nonce, der, nil)}
	}
	out.Write(pem.EncodeToMemory(block))
	return out.Bytes(), nil
}

// readCertificate reads what export wrote.
func readCertificate(file []byte, passphrase string) (*certificate, error) {
	c := &certificate{}
	for rest := file; ; {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		if block == nil {
			break
		}
		var err error
		switch block.Type {
		case "CERTIFICATE":
			c.tls.Certificate = append(c.tls.Certificate, block.Bytes)
		case pemSealed:
			aead := seal(passphrase)
			if len(block.Bytes) < aead.NonceSize() {
				return nil, errors.New("the private key is damaged")
			}
			if block.Bytes, err = aead.Open(nil, block.Bytes[:aead.NonceSize()], block.Bytes[aead.NonceSize():], nil); err != nil {
				return nil, errors.New("the passphrase is wrong")
			}
			fallthrough
		case pemKey:
			if c.tls.PrivateKey, err = x509.ParsePKCS8PrivateKey(block.Bytes); err != nil {
				return nil, errors.New("the private key cannot be read")
			}
		}
	}
	if len(c.tls.Certificate) == 0 {
		return nil, errors.New("the file holds no certificate")
	}
	var err error
	if c.tls.Leaf, err = x509.ParseCertificate(c.tls.Certificate[0]); err != nil {
		return nil, errors.New("the certificate cannot be read")
	}
	return c, nil
}

// seal is a cipher for a passphrase: good enough for a file that holds a key nobody else trusts.
func seal(passphrase string) cipher.AEAD {
	sum := sha256.Sum256([]byte(passphrase))
	return must(cipher.NewGCM(must(aes.NewCipher(sum[:]))))
}
