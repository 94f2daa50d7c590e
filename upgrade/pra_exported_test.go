package upgrade_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
	"github.com/changeover-sdk/changeover/upgrade"
)

// praAlone is a site of one appliance without page drivers, and a folder for what comes of it.
func praAlone(t *testing.T, s *pratest.Site) (upgrade.PRA, *upgrade.ArtifactDir) {
	t.Helper()
	s.T = t
	t.Cleanup(s.Close)
	id, secret := s.Account()
	c, err := beyondtrust.NewClient(s.URL(), beyondtrust.NewCredential(id, beyondtrust.NewSecret(secret)), &beyondtrust.Options{Dial: s.A.Address(), HTTPClient: s.HTTPClient()})
	if err != nil {
		t.Fatal(err)
	}
	a, err := upgrade.OpenArtifacts(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return upgrade.PRA{Name: "A", Client: c}, a
}

func pemOf(kind string, der []byte, headers map[string]string) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der, Headers: headers})
}

// TestExportByHand puts files into the inbox, as a person may: only one with the very certificate that is served, and an encrypted key, is an export of it.
func TestExportByHand(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	sealed := bytes.Repeat([]byte{7}, 200)
	other := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "access.example.com"}, NotAfter: time.Now().Add(time.Hour)}
	stranger, err := x509.CreateCertificate(rand.Reader, other, other, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert := func(leaf []byte) []byte { return pemOf("CERTIFICATE", leaf, nil) }
	tests := map[string]struct {
		name string
		file func(leaf []byte) []byte
		kept bool // stored
		says string
	}{
		"PKCS #8, encrypted": {"a.pem", func(l []byte) []byte { return append(cert(l), pemOf("ENCRYPTED PRIVATE KEY", sealed, nil)...) }, true, "encrypted"},
		"the key first, and a bag": {"a.crt", func(l []byte) []byte {
			return append(pemOf("ENCRYPTED PRIVATE KEY", sealed, nil), append([]byte("Bag Attributes\n"), cert(l)...)...)
		}, true, "encrypted"},
		"traditional, encrypted": {"a.pem", func(l []byte) []byte {
			return append(cert(l), pemOf("RSA PRIVATE KEY", sealed, map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,00"})...)
		}, true, "encrypted"},
		"PKCS #12 under the site's name": {"Access.Example.com.pfx", func([]byte) []byte { return append([]byte{0x30, 0x82, 1, 0}, sealed...) }, true, "encrypted"},
		"PKCS #8, in clear":              {"a.pem", func(l []byte) []byte { return append(cert(l), pemOf("PRIVATE KEY", pkcs8, nil)...) }, false, "a.pem in the inbox holds a private key that is not encrypted: remove the file"},
		"traditional, in clear":          {"a.pem", func(l []byte) []byte { return append(cert(l), pemOf("EC PRIVATE KEY", pkcs8, nil)...) }, false, "is not encrypted: remove the file"},
		"one sealed key and one clear": {"a.pem", func(l []byte) []byte {
			return bytes.Join([][]byte{cert(l), pemOf("ENCRYPTED PRIVATE KEY", sealed, nil), pemOf("PRIVATE KEY", pkcs8, nil)}, nil)
		}, false, "is not encrypted"},
		"without the key":        {"a.pem", cert, false, ""},
		"of another certificate": {"a.pem", func([]byte) []byte { return append(cert(stranger), pemOf("ENCRYPTED PRIVATE KEY", sealed, nil)...) }, false, ""},
		"PKCS #12 of who knows":  {"old.pfx", func([]byte) []byte { return append([]byte{0x30, 0x82, 1, 0}, sealed...) }, false, ""},
		"a text of that name":    {"access.example.com.pfx", func([]byte) []byte { return []byte("I keep it") }, false, ""},
		"nothing":                {"a.pem", func([]byte) []byte { return nil }, false, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, a := praAlone(t, pratest.Single())
				chain, err := p.Client.ServedChain(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(a.InboxPath(), tt.name), tt.file(chain[0].Raw), 0o600); err != nil {
					t.Fatal(err)
				}
				asked := ""
				person := upgrade.OperatorFunc(func(_ context.Context, q upgrade.Question) (upgrade.Answer, error) {
					asked = string(q.Kind)
					if q.Kind == upgrade.AskPress {
						return upgrade.Answer{Text: upgrade.AnswerNotDone}, nil
					}
					return upgrade.Answer{Text: upgrade.AnswerNo}, nil
				})
				rep, err := upgrade.ExportCertificates(p, a, beyondtrust.Secret{}).Run(t.Context(), &upgrade.Options{Journal: upgrade.NoJournal(), Operator: person})
				_, stat := a.Stat(t.Context(), "pra-certificate-192.0.2.11.pem")
				if stored := stat == nil; stored != tt.kept || tt.kept != (err == nil) {
					t.Errorf("stored %t, want %t: %v\n%s", stored, tt.kept, err, rep)
				}
				if !strings.Contains(rep.String(), tt.says) {
					t.Errorf("%q is missing in\n%s", tt.says, rep)
				}
				if told := asked == string(upgrade.AskPress); told != (tt.says == "") {
					t.Errorf("asked to %q", asked)
				}
			})
		})
	}
}
