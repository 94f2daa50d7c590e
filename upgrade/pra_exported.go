package upgrade

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

// exported is a certificate as one appliance exports it: stored, in the inbox, or with a person.
type exported struct {
	from PRA
	a    Artifacts
}

// name is how it is stored.
func (f exported) name() string { return "pra-certificate-" + plainName(f.from.Host()) + ".pem" }

// path is where a person finds it.
func (f exported) path() string { return artifactPath(f.a, f.name()) }

var errClearKey = errors.New("holds a private key that is not encrypted: remove the file, and export again with a passphrase")

// maxExport bounds what is read of a file that may be a certificate.
const maxExport = 1 << 20

// find says whether the export of a certificate is stored or lies in the inbox, and where. An error of class errClearKey says that it lies there for everybody to read.
func (f exported) find(ctx context.Context, leaf *x509.Certificate) (found bool, where string, err error) {
	switch _, err := f.a.Stat(ctx, f.name()); {
	case err == nil:
		return true, f.name() + " is stored", nil
	case !errors.Is(err, fs.ErrNotExist):
		return false, "", err
	}
	name, err := f.inbox(leaf)
	if err != nil || name == "" {
		return false, "", err
	}
	return true, name + " is in the inbox", nil
}

// inbox finds the file of the inbox that holds leaf and an encrypted key.
func (f exported) inbox(leaf *x509.Certificate) (string, error) {
	entries, err := fs.ReadDir(f.a.Inbox(), ".")
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		head, err := readHead(f.a.Inbox(), e.Name())
		if err != nil {
			return "", err
		}
		ok, err := checkExported(e.Name(), head, leaf)
		if err != nil {
			return "", fmt.Errorf("%s in the inbox %w", e.Name(), err)
		}
		if ok {
			return e.Name(), nil
		}
	}
	return "", nil
}

func readHead(fsys fs.FS, name string) ([]byte, error) {
	r, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, maxExport))
}

// checkExported says whether a file is the export of leaf with its private key. The appliance's format is not documented. PEM blocks are known by the certificate itself; a PKCS #12 file, which is always under a passphrase, by its
// beginning and by a name with the one in it that the certificate is issued to.
func checkExported(name string, file []byte, leaf *x509.Certificate) (bool, error) {
	var mine, key, clear bool
	for rest := file; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		switch {
		case block.Type == "CERTIFICATE":
			mine = mine || bytes.Equal(block.Bytes, leaf.Raw)
		case strings.HasSuffix(block.Type, "KEY"):
			key = true
			clear = clear || strings.HasSuffix(block.Type, "PRIVATE KEY") && block.Type != "ENCRYPTED PRIVATE KEY" && !strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED")
		}
	}
	if mine && clear {
		return false, errClearKey
	}
	if mine {
		return key, nil
	}
	pkcs12 := bytes.HasPrefix(file, []byte{0x30, 0x82}) && (strings.HasSuffix(strings.ToLower(name), ".p12") || strings.HasSuffix(strings.ToLower(name), ".pfx"))
	return pkcs12 && strings.Contains(strings.ToLower(name), strings.ToLower(leaf.Subject.CommonName)), nil
}

// take stores the file of the inbox. The file itself stays where the person put it.
func (f exported) take(ctx context.Context, leaf *x509.Certificate) error {
	name, err := f.inbox(leaf)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrNotSent, err)
	case name == "":
		return fmt.Errorf("%w: the inbox has no export of the certificate of %s", ErrNotSent, leaf.Subject.CommonName)
	}
	r, err := f.a.Inbox().Open(name)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotSent, err)
	}
	defer r.Close()
	_, err = f.a.Put(ctx, f.name(), func(w io.Writer) error { _, err := io.Copy(w, r); return err })
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}
