package beyondtrust

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"

	"github.com/changeover-sdk/changeover/internal/rest"
)

// ServedChain returns the certificates that the appliance shows at the address this client dials for the name it speaks to, its own first, after they were
// verified. Both appliances of a pair must show the same ones (Privileged Remote Access, Copy the SSL Certificate to Failover and Atlas Appliances), and the ones that the
// site package was built with, or Jump Clients may stay away for good.
//
// It is the chain as it was sent: an intermediate certificate that is missing here is missing for the clients as well. It needs no account, asks the page that
// [Client.Probe] asks, is retried, and does not mind which status the answer has.
func (c *Client) ServedChain(ctx context.Context) ([]*x509.Certificate, error) {
	const op, path = "read certificates", "/check_health"
	resp, err := c.http.Do(ctx, rest.Request{Intent: rest.Read, Method: http.MethodGet, URL: c.url(call{path: path}), Limit: 64 << 10})
	if err != nil {
		return nil, explainTransport(ctx, op, http.MethodGet, path, resp, err)
	}
	if len(resp.Chain) == 0 {
		return nil, &Error{Op: op, Method: http.MethodGet, Path: path, Status: resp.Status, Class: ErrAnswer, Err: errors.New("no certificate was shown: this is not TLS")}
	}
	return resp.Chain, nil
}
