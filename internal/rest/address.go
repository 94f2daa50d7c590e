package rest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
)

// Base parses an appliance's address, "https://host" or "https://host:port". A path, a query or a user name in it is
// an error: they are the client's to choose.
func Base(addr string) (*url.URL, error) {
	u, err := url.Parse(addr)
	if err != nil {
		return nil, fmt.Errorf("address is not a URL; want https://host") // the parser's error would repeat a password in it
	}
	if u.User != nil {
		return nil, fmt.Errorf("address of %q holds a user name; give the login separately", u.Host)
	}
	if u.Scheme != "https" || u.Hostname() == "" || (u.Path != "" && u.Path != "/") || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return nil, fmt.Errorf("address %q: want https://host or https://host:port", addr)
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return nil, fmt.Errorf("address %q: port %s is not between 1 and 65535", addr, port)
		}
	}
	return &url.URL{Scheme: "https", Host: u.Host}, nil
}

// HostPort returns the "host:port" that a URL leads to.
func HostPort(u *url.URL) string {
	if u.Port() != "" {
		return net.JoinHostPort(u.Hostname(), u.Port())
	}
	return net.JoinHostPort(u.Hostname(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
}

// redial makes t connect to addr, whatever the request's URL names.
func redial(t *http.Transport, addr string) {
	dial := t.DialContext
	if dial == nil {
		dial = (&net.Dialer{Timeout: dialTimeout}).DialContext
	}
	t.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) { return dial(ctx, network, addr) }
	if dialTLS := t.DialTLSContext; dialTLS != nil {
		t.DialTLSContext = func(ctx context.Context, network, _ string) (net.Conn, error) { return dialTLS(ctx, network, addr) }
	}
}
