package transfer_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/changeover-sdk/changeover/internal/memnet"
	"github.com/changeover-sdk/changeover/internal/transfer"
)

// random returns n bytes that a seed stands for.
func random(seed uint64, n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)}).Read(b)
	return b
}

func hexSum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// start serves h over TLS on loopback and returns a client that trusts it.
func start(t testing.TB, h http.Handler) (*transfer.Client, *url.URL, *httptest.Server) {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.EnableHTTP2 = true // so that a client that wants it gets it
	s.StartTLS()
	t.Cleanup(s.Close)
	c := transfer.New(s.Client().Transport)
	t.Cleanup(c.CloseIdleConnections)
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	return c, u.JoinPath("file"), s
}

// inMemory serves h on a network that a bubble can wait for.
func inMemory(t *testing.T, h http.Handler) (*transfer.Client, *url.URL) {
	t.Helper()
	var n memnet.Network
	stop, err := n.Serve("box:80", func(c *memnet.Conn) { memnet.ServeHTTP(c, h) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return transfer.New(n.HTTPClient().Transport), &url.URL{Scheme: "http", Host: "box", Path: "/file"}
}

// sumOf is a handler that answers with the hash of what it was sent.
func sumOf(w http.ResponseWriter, r *http.Request) {
	h := sha256.New()
	if _, err := io.Copy(h, r.Body); err != nil {
		panic(http.ErrAbortHandler)
	}
	io.WriteString(w, hex.EncodeToString(h.Sum(nil)))
}
