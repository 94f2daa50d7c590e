package sps

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/changeover-sdk/changeover/internal/redact"
	"github.com/changeover-sdk/changeover/internal/rest"
)

const (
	cookieName = "session_id"

	// A login that worked before and is refused now may meet an appliance that has only half booted. It is tried again, but
	// seldom and not often: wrong logins may lock the account.
	refusalPause = 5 * time.Minute
	refusalMost  = 3
)

// session keeps the login and the cookie. Both live in closures, because package fmt prints the unexported fields of a Client.
type session struct {
	cookie func() string                                         // the current one; empty before the login
	renew  func(ctx context.Context, old string) (string, error) // a cookie other than old; logs in if there is none
	force  func(ctx context.Context) error                       // logs in, also after a refusal
	drop   func()
	scrub  func(more ...string) redact.Scrubber
}

func newSession(login Login, send func(context.Context, rest.Request) (*rest.Response, error), base *url.URL) session {
	var (
		mu      sync.Mutex // guards what follows, and is never held while waiting
		cookie  string
		worked  bool
		refused error
		when    time.Time
		times   int
	)
	turn := make(chan struct{}, 1) // one login at a time; whoever waits uses its result
	current := func() string { mu.Lock(); defer mu.Unlock(); return cookie }
	scrub := func(more ...string) redact.Scrubber {
		secrets := append(redact.Basic(login.User, login.Password), current())
		return redact.New(append(secrets, more...)...)
	}
	attempt := func(ctx context.Context) (string, error) {
		fresh, err := logIn(ctx, login, send, base, scrub)
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err == nil:
			cookie, worked, refused, times = fresh, true, nil, 0
		case errors.Is(err, ErrAuth) || errors.Is(err, ErrForbidden):
			cookie, refused, when = "", err, time.Now()
			times++
		}
		return fresh, err
	}
	alone := func(ctx context.Context, f func() (string, error)) (string, error) {
		select {
		case turn <- struct{}{}:
			defer func() { <-turn }()
			return f()
		case <-ctx.Done():
			return "", &Error{Op: "log in", Err: ended(ctx)}
		}
	}
	return session{
		cookie: current,
		scrub:  scrub,
		drop:   func() { mu.Lock(); defer mu.Unlock(); cookie = "" },
		renew: func(ctx context.Context, old string) (string, error) {
			return alone(ctx, func() (string, error) {
				mu.Lock()
				now, stop := cookie, refused
				if stop != nil && worked && times < refusalMost && time.Since(when) >= refusalPause {
					stop = nil
				}
				mu.Unlock()
				if now != "" && now != old {
					return now, nil // somebody else has logged in meanwhile
				}
				if stop != nil {
					return "", stop
				}
				return attempt(ctx)
			})
		},
		force: func(ctx context.Context) error {
			_, err := alone(ctx, func() (string, error) { return attempt(ctx) })
			return err
		},
	}
}

// logIn asks for a session: GET /api/authentication (SPS 7.0.5.1 LTS REST API Reference Guide, Authenticate; for ?type=x509 the
// 6.0.2 one, Authentication types; for login_method safeguard-ps, sessionapi.psm1).
func logIn(ctx context.Context, login Login, send func(context.Context, rest.Request) (*rest.Response, error), base *url.URL, scrub func(...string) redact.Scrubber) (string, error) {
	const path = "/api/authentication"
	op := "log in as " + login.String()
	query := url.Values{}
	header := http.Header{"Accept": {"application/json"}}
	if login.Certificate != nil {
		query.Set("type", "x509")
	} else {
		header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(login.User+":"+login.Password)))
	}
	if login.Method != "" {
		query.Set("login_method", login.Method)
	}
	u := *base
	u.Path, u.RawQuery = path, query.Encode()
	resp, err := send(ctx, rest.Request{Intent: rest.Read, Method: http.MethodGet, URL: &u, Header: header})
	if err != nil {
		return "", &Error{Op: op, Method: http.MethodGet, Path: path, Err: err}
	}
	var answer struct {
		Meta *struct{} `json:"meta"`
	}
	if err := decode(op, http.MethodGet, path, resp, &answer, scrub()); err != nil {
		if e, ok := errors.AsType[*Error](err); ok && (e.Is(ErrAuth) || e.Is(ErrForbidden)) {
			e.Advice = "check user, password, login method and the REST server privilege; it is not tried again by itself, because wrong logins may lock the account"
		}
		return "", err
	}
	for _, c := range (&http.Response{Header: resp.Header}).Cookies() {
		// When the cookie expires is not looked at: with clocks that differ, the appliance is right.
		if c.Name == cookieName && c.Value != "" {
			return c.Value, nil
		}
	}
	return "", &Error{Op: op, Method: http.MethodGet, Path: path, Status: resp.Status, class: ErrBadAnswer,
		Message: fmt.Sprintf("no %s cookie in an answer of %d bytes", cookieName, len(bytes.TrimSpace(resp.Body))),
		Advice:  "the appliance may ask for a second factor, which the REST guides do not describe; use a user without one"}
}
