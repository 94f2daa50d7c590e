package transfer

import (
	"crypto/tls"
	"net/http"
	"time"
)

// AskLimit is how long an upload waits for the server's word on whether to send the body at all (RFC 9110, 10.1.1). A server that does not know the question costs that
// long, once.
const AskLimit = 2 * time.Second

// Transport returns a copy of a transport that is meant for files: HTTP/1.1 only, because bulk data over HTTP/2 moves at a fraction of the speed; no
// compression asked for, so that lengths and ranges mean what they say; asking first with [AskLimit]; and TLS connections that gather records while a file
// is uploaded. Trust, dialling and proxies are the original's. A transport that makes its own TLS connections (DialTLSContext) keeps doing so, without gathering.
//
// A connection to or through a proxy is made by net/http as ever.
func Transport(base *http.Transport) *http.Transport {
	t := base.Clone()
	only := new(http.Protocols)
	only.SetHTTP1(true)
	t.Protocols, t.ForceAttemptHTTP2 = only, false
	t.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	t.DisableCompression = true
	if t.ExpectContinueTimeout <= 0 {
		t.ExpectContinueTimeout = AskLimit // zero would send the body at once
	}
	//lint:ignore SA1019 a transport that still uses the old ways keeps them
	if t.DialTLSContext != nil || t.DialTLS != nil || t.Dial != nil {
		return t
	}
	if t.TLSClientConfig == nil {
		t.TLSClientConfig = &tls.Config{}
	}
	t.TLSClientConfig.NextProtos = []string{"http/1.1"} // Clone has copied the configuration
	t.TLSClientConfig.DynamicRecordSizingDisabled = true
	t.DialTLSContext = dialTLS(t)
	return t
}

// Client moves files. It is safe for concurrent use.
type Client struct {
	rt    http.RoundTripper
	judge func(error) (classed error, again bool)
}

// New returns a Client over rt. An *http.Transport is copied by [Transport]; any other round tripper is used as it is.
func New(rt http.RoundTripper) *Client {
	if t, ok := rt.(*http.Transport); ok {
		rt = Transport(t)
	}
	return &Client{rt: rt, judge: judge}
}

// Judged returns a Client whose errors of connections get their class from f, which also says whether another connection may help. Without it they
// are of class [ErrCut], and only a certificate that is not trusted would be the same the next time.
func (c *Client) Judged(f func(error) (classed error, again bool)) *Client {
	return &Client{rt: c.rt, judge: f}
}

// CloseIdleConnections closes what is kept alive. Transfers under way are not touched.
func (c *Client) CloseIdleConnections() { (&http.Client{Transport: c.rt}).CloseIdleConnections() }
