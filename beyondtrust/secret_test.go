package beyondtrust_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

func TestSecretFile(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "secret")
	tests := map[string]struct {
		text string
		want string
		ok   bool
	}{
		"one line":            {"hush\n", "hush", true},
		"a line of Windows":   {"hush\r\n", "hush", true},
		"no line end":         {"hu sh ", "hu sh ", true},
		"nothing":             {"\n", "", false},
		"an image by mistake": {strings.Repeat("x", 70_000), "", false},
	}
	for what, tt := range tests {
		t.Run(what, func(t *testing.T) {
			write(t, name, tt.text)
			got, err := beyondtrust.SecretFile(name).Reveal()
			if got != tt.want || (err == nil) != tt.ok {
				t.Errorf("Reveal() = %q, %v, want %q, ok = %t", got, err, tt.want, tt.ok)
			}
		})
	}
	if _, err := beyondtrust.SecretFile(filepath.Join(dir, "none")).Reveal(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Reveal() of no file: %v, want os.ErrNotExist", err)
	}
	if !beyondtrust.NewSecret("").IsZero() || beyondtrust.NewSecret("x").IsZero() || beyondtrust.SecretFile("x").IsZero() {
		t.Error("IsZero() is wrong")
	}
}

func TestReadCredential(t *testing.T) {
	name := filepath.Join(t.TempDir(), "account")
	for text, ok := range map[string]bool{"the-id\nthe-canary\n": true, "\n the-id \r\n\r\nthe-canary": true, "the-id": false, "a\nb\nthe-canary": false, "": false} {
		write(t, name, text)
		cred, err := beyondtrust.ReadCredential(name)
		if (err == nil) != ok || ok && cred.ClientID() != "the-id" {
			t.Errorf("ReadCredential(%q) = %v, %v, want ok = %t", text, cred, err, ok)
		}
		if err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("the error holds the secret: %v", err)
		}
	}
}

// keyPage is a Security page with a key.
type keyPage string

func (k keyPage) KeyProof(_ context.Context, nonce []byte) ([]byte, error) {
	return beyondtrust.KeyProof(string(k), nonce)
}

// mutePage gives an empty proof, as a page driver with a mistake might.
type mutePage struct{}

func (mutePage) KeyProof(context.Context, []byte) ([]byte, error) { return nil, nil }

func TestSameKey(t *testing.T) {
	tests := map[string]struct {
		a, b beyondtrust.SecurityPage
		want bool
		ok   bool
	}{
		"the same":       {keyPage("hush"), keyPage("hush"), true, true},
		"different":      {keyPage("hush"), keyPage("hush "), false, true},
		"none on one":    {keyPage("hush"), keyPage(""), false, false},
		"none on either": {keyPage(""), keyPage(""), false, false},
		"empty proofs":   {mutePage{}, mutePage{}, false, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := beyondtrust.SameKey(t.Context(), tt.a, tt.b)
			if got != tt.want || (err == nil) != tt.ok {
				t.Errorf("SameKey() = %t, %v, want %t, ok = %t", got, err, tt.want, tt.ok)
			}
			if err != nil && strings.Contains(err.Error(), "hush") {
				t.Errorf("the error holds the key: %v", err)
			}
		})
	}
	if _, err := beyondtrust.KeyProof("hush", make([]byte, 15)); err == nil {
		t.Error("a nonce of 15 bytes was taken")
	}
}
