package beyondtrust

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
)

// Secret is a password, passphrase or key. It keeps its text in a closure and prints, logs and marshals as REDACTED. The zero Secret
// is no secret at all: [Secret.IsZero].
type Secret struct{ reveal func() (string, error) }

// NewSecret holds text. An empty text is the zero Secret.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{func() (string, error) { return text, nil }}
}

// SecretFile is the secret in the file called name, without the line end after it. The file is read each time the secret is used, so
// it may be exchanged while a program runs. More than 64 KiB, or nothing at all in it, is an error.
func SecretFile(name string) Secret {
	return Secret{func() (string, error) {
		f, err := os.Open(name)
		if err != nil {
			return "", fmt.Errorf("beyondtrust: read secret: %w", err)
		}
		defer f.Close()
		const most = 64 << 10
		b, err := io.ReadAll(io.LimitReader(f, most+1))
		if err != nil {
			return "", fmt.Errorf("beyondtrust: read secret: %w", err)
		}
		text := strings.TrimRight(string(b), "\r\n")
		if text == "" || len(b) > most {
			return "", fmt.Errorf("beyondtrust: read secret %s: want 1 to %d bytes", name, most)
		}
		return text, nil
	}}
}

// Reveal returns the text itself. Only that which sends it should call this.
func (s Secret) Reveal() (string, error) {
	if s.reveal == nil {
		return "", nil
	}
	return s.reveal()
}

// IsZero reports whether s is no secret.
func (s Secret) IsZero() bool { return s.reveal == nil }

// String returns REDACTED, or nothing for the zero Secret.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return "REDACTED"
}

// GoString returns what String does.
func (s Secret) GoString() string { return s.String() }

// Format writes what String does for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue returns what String does.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText returns what String does.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// SameKey reports whether two appliances have the same Inter-appliance Communication Pre-shared Key, as a relationship needs, without
// showing it to anybody. Both pages are asked with one fresh nonce, a first.
func SameKey(ctx context.Context, a, b SecurityPage) (bool, error) {
	nonce := make([]byte, 32)
	_, _ = rand.Read(nonce) // never fails, crypto/rand says
	x, err := a.KeyProof(ctx, nonce)
	if err != nil {
		return false, fmt.Errorf("beyondtrust: compare keys: first appliance: %w", err)
	}
	y, err := b.KeyProof(ctx, nonce)
	if err != nil {
		return false, fmt.Errorf("beyondtrust: compare keys: second appliance: %w", err)
	}
	if len(x) == 0 || len(y) == 0 {
		return false, errors.New("beyondtrust: compare keys: a page gave an empty proof")
	}
	return hmac.Equal(x, y), nil
}

// KeyProof is what a [SecurityPage] returns for key: HMAC-SHA-256 of it under nonce. It refuses an empty key and a nonce of fewer than 16 bytes.
func KeyProof(key string, nonce []byte) ([]byte, error) {
	if key == "" || len(nonce) < 16 {
		return nil, errors.New("beyondtrust: key proof: want a key and a nonce of at least 16 bytes")
	}
	m := hmac.New(sha256.New, nonce)
	_, _ = io.WriteString(m, key)
	return m.Sum(nil), nil
}
