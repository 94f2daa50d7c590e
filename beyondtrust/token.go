package beyondtrust

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/changeover-sdk/changeover/internal/rest"
)

const (
	tokenPath = "/oauth2/token"
	tokenLife = time.Hour // documented; what an answer without a lifetime is taken to mean

	// CredentialHold is how long a refused secret is not tried again: failed attempts count towards the account's lock.
	CredentialHold = time.Minute

	// staleHold is how long no other token is made after one was refused straight away. Each would end another program's.
	staleHold = 30 * time.Second
)

// token is an access token. The zero token is none.
type token struct {
	text  func() string
	made  time.Time // before it was asked for
	renew time.Time // when the next one is asked for
	ends  time.Time // when it is of no more use
}

// holdoff is an error that stands for a while instead of asking again.
type holdoff struct {
	until time.Time
	err   error
}

func (h holdoff) holds(now time.Time) bool { return h.err != nil && now.Before(h.until) }

// current returns the token if it need not be renewed.
func (a *account) current(now time.Time) (token, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.now, a.now.text != nil && now.Before(a.now.renew)
}

// token returns a token, and asks for one when there is none or when it ends soon. However many ask at the same time, one request is made, and
// all share what comes of it.
func (a *account) token(ctx context.Context, c *Client) (token, error) {
	if t, ok := a.current(time.Now()); ok {
		return t, nil
	}
	a.mu.Lock()
	tries := a.tries
	a.mu.Unlock()
	if err := a.lock(ctx); err != nil {
		return token{}, &Error{Op: "get a token", Err: err}
	}
	defer a.unlock()
	if t, ok := a.current(time.Now()); ok {
		return t, nil
	}
	a.mu.Lock()
	shared := a.tries != tries && a.lastErr != nil
	last, stale := a.lastErr, a.stale
	a.mu.Unlock()
	if shared {
		return token{}, last // somebody else asked while we waited for our turn
	}
	if stale.holds(time.Now()) {
		return token{}, stale.err
	}
	t, err := a.ask(ctx, c)
	a.mu.Lock()
	defer a.mu.Unlock()
	if err != nil {
		if ctx.Err() == nil { // the end of one caller's context is not the others' failure
			a.tries++
			a.lastErr = err
		}
		if a.now.text != nil && time.Now().Before(a.now.ends) {
			return a.now, nil // it was renewed early, so there is time to try again
		}
		return token{}, err
	}
	a.tries++
	a.lastErr = nil
	a.now = t
	const few = 4
	a.former = append(a.former, t.text)
	a.former = a.former[max(0, len(a.former)-few):]
	return t, nil
}

// drop forgets t, which the appliance refused with err, unless it has been replaced meanwhile. If it was fresh, the next one would be refused too, most
// likely: then no other is asked for during [staleHold], and err stands instead.
func (a *account) drop(t token, fresh bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.now.text == nil || !a.now.made.Equal(t.made) {
		return
	}
	a.now = token{}
	if fresh {
		a.stale = holdoff{time.Now().Add(staleHold), err}
	}
}

// ask requests a token. The caller has the turn.
func (a *account) ask(ctx context.Context, c *Client) (token, error) {
	const op = "get a token"
	secret, err := a.secret.Reveal()
	if err != nil {
		return token{}, &Error{Op: op, Class: ErrBadCredential, Err: err}
	}
	a.mu.Lock()
	wrong, hold := a.wrong, a.wrongErr
	a.mu.Unlock()
	if wrong != nil && wrong() == secret && hold.holds(time.Now()) {
		return token{}, hold.err
	}
	if err := a.pace.wait(ctx); err != nil {
		return token{}, &Error{Op: op, Err: err}
	}
	made := time.Now()
	resp, err := c.http.Do(ctx, rest.Request{
		Intent: rest.Look, // once: a second token for a lost answer would be one of the account's thirty
		Method: http.MethodPost,
		URL:    c.url(call{path: tokenPath}),
		Header: http.Header{
			"Authorization": {a.basic(secret)},
			"Content-Type":  {"application/x-www-form-urlencoded"},
			"Accept":        {"application/json"},
		},
		Body:  []byte("grant_type=client_credentials"),
		Limit: 64 << 10,
	})
	if err != nil {
		return token{}, explainTransport(ctx, op, http.MethodPost, tokenPath, resp, err)
	}
	a.pace.heed(resp)
	if resp.Status != http.StatusOK {
		e := explainStatus(op, resp, http.MethodPost, tokenPath, c.scrubber())
		if s := resp.Status; s == http.StatusBadRequest || s == http.StatusUnauthorized || s == http.StatusForbidden || e.Class == ErrUnauthorized {
			e.Class = ErrBadCredential
			a.mu.Lock()
			a.wrong = func() string { return secret }
			a.wrongErr = holdoff{time.Now().Add(CredentialHold), e}
			a.mu.Unlock()
		}
		return token{}, e
	}
	text, life, err := parseToken(resp.Body)
	if err != nil {
		return token{}, &Error{Op: op, Method: http.MethodPost, Path: tokenPath, Status: resp.Status, Class: ErrAnswer, Err: err}
	}
	// Renewed when a tenth of its life is left, so that no request leaves with a token that ends on the way.
	return token{text: func() string { return text }, made: made, renew: made.Add(life - life/10), ends: made.Add(life)}, nil
}

// parseToken reads a token answer. A lifetime that is missing or impossible is taken for the documented hour; a longer one is not believed.
func parseToken(b []byte) (text string, life time.Duration, err error) {
	var said struct {
		Token string      `json:"access_token"`
		Type  string      `json:"token_type"`
		Life  wireSeconds `json:"expires_in"`
	}
	if err := decode(b, &said); err != nil {
		return "", 0, errors.New("read token: want a JSON object") // the decoder's error might repeat a piece of the token
	}
	if !strings.EqualFold(said.Type, "Bearer") {
		return "", 0, errors.New("read token: its type is not Bearer")
	}
	if said.Token == "" || len(said.Token) > 8<<10 || strings.IndexFunc(said.Token, func(r rune) bool { return r <= ' ' || r > '~' }) >= 0 {
		return "", 0, errors.New("read token: it is empty or not fit for a header")
	}
	life = time.Duration(said.Life) * time.Second
	if life <= 0 || life > tokenLife {
		life = tokenLife
	}
	return said.Token, life, nil
}

// explainTransport makes an error of a call that got no whole answer.
func explainTransport(ctx context.Context, op, method, path string, resp *rest.Response, err error) error {
	e := &Error{Op: op, Method: method, Path: path, Class: ErrUnavailable, Err: err}
	if resp != nil {
		e.Status = resp.Status
	}
	switch {
	case ctx.Err() != nil:
		e.Class = nil // the caller's own doing says nothing about the appliance
	case errors.Is(err, rest.ErrUntrusted):
		e.Class = ErrUntrusted
	case errors.Is(err, rest.ErrRedirect):
		e.Class = ErrRedirect
	case errors.Is(err, rest.ErrTooLong):
		e.Class = ErrAnswer
	}
	return e
}
