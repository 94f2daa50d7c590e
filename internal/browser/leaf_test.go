package browser

import (
	"crypto/x509"
	"encoding/base64"
	"testing"
)

// The browser's own word on which certificate a page came with must begin with the verified one, and only that.
func TestSameLeaf(t *testing.T) {
	word := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	b := &Browser{leaf: &x509.Certificate{Raw: []byte("verified")}}
	for name, tt := range map[string]struct {
		chain []string
		want  bool
	}{
		"it":                {[]string{word("verified"), word("ca")}, true},
		"another":           {[]string{word("other")}, false},
		"it, but not first": {[]string{word("other"), word("verified")}, false},
		"none":              {nil, false},
		"no certificate":    {[]string{"%"}, false},
	} {
		if got := b.sameLeaf(tt.chain); got != tt.want {
			t.Errorf("%s: sameLeaf() = %t, want %t", name, got, tt.want)
		}
	}
}
