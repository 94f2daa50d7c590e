package dns

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
	"regexp"
	"runtime"
	"strings"

	mdns "github.com/miekg/dns"
)

// Signature is what signs one exchange with a server and checks its answer.
type Signature struct {
	Name      string // the key's name, a domain name
	Algorithm string // "hmac-sha256." for example
	Provider  mdns.TsigProvider
}

// Signer returns what signs the next exchange. For a key it is always the same; for GSS-TSIG it would be a security context, negotiated when needed.
type Signer func(ctx context.Context) (Signature, error)

// Key is a TSIG key. It prints as its name and algorithm only.
type Key struct {
	name, algorithm string
	mac             func(msg []byte) []byte // a closure: fmt shows fields, also unexported ones
}

// algorithms are those of RFC 8945 that a new installation may use; MD5 and SHA-1 are broken or on their way there.
var algorithms = map[string]func() hash.Hash{
	mdns.HmacSHA224: sha256.New224,
	mdns.HmacSHA256: sha256.New,
	mdns.HmacSHA384: sha512.New384,
	mdns.HmacSHA512: sha512.New,
}

// maxKeyFile bounds a key file. Real ones have about 150 bytes.
const maxKeyFile = 64 << 10

// ReadKey reads a TSIG key from a file. It accepts what tsig-keygen, keymgr -t and nsd's configuration use:
//
//	key "swing." { algorithm hmac-sha256; secret "…"; };
//
//	key:
//	  - id: swing.            (or name: swing.)
//	    algorithm: hmac-sha256
//	    secret: …
//
//	hmac-sha256:swing.:…        (as knsupdate and kdig want it)
//
// The file must hold exactly one key, and nobody but its owner may have any right on it (not checked on Windows). Algorithms are hmac-sha224, -sha256, -sha384 and -sha512.
func ReadKey(file string) (Key, error) {
	bad := func(err error) (Key, error) { return Key{}, fmt.Errorf("dns: read key %s: %w", file, err) }
	f, err := os.Open(file)
	if err != nil {
		return bad(err)
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return bad(err)
	}
	if runtime.GOOS != "windows" && fi.Mode().Perm()&0o077 != 0 {
		return bad(fmt.Errorf("others than its owner have rights on it (%v); use chmod 600", fi.Mode().Perm()))
	}
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile))
	if err != nil {
		return bad(err)
	}
	k, err := ParseKey(text)
	if err != nil {
		return bad(err)
	}
	return k, nil
}

var (
	keyComments = regexp.MustCompile(`(?s:/\*.*?\*/)|(?m:(?:^|[ \t;])(?://|#).*$)`)
	keyBIND     = regexp.MustCompile(`(?s)\bkey\s+"?([^\s"{};]+)"?\s*\{(.*?)\}`)
	keyLine     = regexp.MustCompile(`^\s*(hmac-[a-z0-9]+):([^\s:]+):([^\s:]+)\s*$`)
	keyField    = regexp.MustCompile(`(?m)(?:^|[\s;{-])(id|name|algorithm|secret)(?::[ \t]*|[ \t]+)"?([^\s";]+)"?`)
)

// ParseKey reads a key from a key file's text, see [ReadKey]. Its errors never quote the text.
func ParseKey(text []byte) (Key, error) {
	text = keyComments.ReplaceAll(text, nil)
	fields := map[string][]string{}
	body := text
	if m := keyBIND.FindAllSubmatch(text, -1); len(m) > 0 {
		body = nil
		for _, k := range m {
			fields["name"] = append(fields["name"], string(k[1]))
			body = append(append(body, '\n'), k[2]...)
		}
	}
	if m := keyLine.FindSubmatch(text); m != nil {
		fields["algorithm"], fields["name"], fields["secret"] = []string{string(m[1])}, []string{string(m[2])}, []string{string(m[3])}
		body = nil
	}
	for _, m := range keyField.FindAllSubmatch(body, -1) {
		f := string(m[1])
		if f == "id" {
			f = "name"
		}
		fields[f] = append(fields[f], string(m[2]))
	}
	for _, f := range []string{"name", "algorithm", "secret"} {
		if n := len(fields[f]); n != 1 {
			return Key{}, fmt.Errorf("dns: parse key: found %d times %q, want exactly one key", n, f)
		}
	}
	secret, err := base64.StdEncoding.DecodeString(fields["secret"][0])
	if err != nil || len(secret) == 0 {
		return Key{}, fmt.Errorf("dns: parse key: the secret is not base64") // the cause would quote it
	}
	name := mdns.CanonicalName(fields["name"][0])
	if _, ok := mdns.IsDomainName(name); !ok {
		return Key{}, fmt.Errorf("dns: parse key: the key's name is no domain name")
	}
	algorithm := mdns.CanonicalName(fields["algorithm"][0])
	sum, ok := algorithms[algorithm]
	if !ok {
		return Key{}, fmt.Errorf("dns: parse key: algorithm %q: want hmac-sha224, -sha256, -sha384 or -sha512", strings.TrimSuffix(algorithm, "."))
	}
	return Key{name: name, algorithm: algorithm, mac: func(msg []byte) []byte {
		h := hmac.New(sum, secret)
		h.Write(msg)
		return h.Sum(nil)
	}}, nil
}

// Name returns the key's name, with a trailing dot.
func (k Key) Name() string { return k.name }

// String returns the key's name and algorithm.
func (k Key) String() string { return k.name + " (" + strings.TrimSuffix(k.algorithm, ".") + ")" }

// Signer returns a signer that uses the key for every exchange.
func (k Key) Signer() Signer {
	return func(context.Context) (Signature, error) {
		if k.mac == nil {
			return Signature{}, fmt.Errorf("dns: the key is empty")
		}
		return Signature{Name: k.name, Algorithm: k.algorithm, Provider: hmacProvider(k.mac)}, nil
	}
}

// hmacProvider makes and checks MACs of one key.
type hmacProvider func(msg []byte) []byte

// Generate returns the MAC of a message.
func (p hmacProvider) Generate(msg []byte, _ *mdns.TSIG) ([]byte, error) { return p(msg), nil }

// Verify compares a message's MAC in constant time. A truncated MAC does not fit: no server sends one unasked.
func (p hmacProvider) Verify(msg []byte, t *mdns.TSIG) error {
	mac, err := hex.DecodeString(t.MAC)
	if err != nil {
		return err
	}
	if want := p(msg); !hmac.Equal(want, mac) || bytes.Equal(mac, nil) {
		return mdns.ErrSig
	}
	return nil
}
