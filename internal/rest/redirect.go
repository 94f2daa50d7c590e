package rest

import (
	"errors"
	"fmt"
	"net/http"
)

// ErrRedirect is the class of [*RedirectError].
var ErrRedirect = errors.New("redirected to another host")

// RedirectError says that an appliance sent us to another host, which was not followed: our session and our words belong
// to the appliance that was named, and behind a site's name the other host may be its peer.
type RedirectError struct {
	Status   int
	From, To string // "https://host:port", without path and query
}

// Error says where from and where to.
func (e *RedirectError) Error() string {
	return fmt.Sprintf("%s redirects to %s (status %d); if that is the appliance's right address, use it", e.From, e.To, e.Status)
}

// Is reports whether target is [ErrRedirect].
func (e *RedirectError) Is(target error) bool { return target == ErrRedirect }

// followable is the CheckRedirect of every request.
func followable(req *http.Request, via []*http.Request) error {
	first := via[0]
	if req.URL.Scheme != first.URL.Scheme || HostPort(req.URL) != HostPort(first.URL) {
		status := 0
		if req.Response != nil {
			status = req.Response.StatusCode
		}
		return &RedirectError{Status: status, From: first.URL.Scheme + "://" + HostPort(first.URL), To: req.URL.Scheme + "://" + HostPort(req.URL)}
	}
	if intentOf(req.Context()) == Act || len(via) > redirects {
		return http.ErrUseLastResponse // the caller sees the 3xx: an act is never sent to a second place
	}
	return nil
}
