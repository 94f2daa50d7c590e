package pratest

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Account is an API account (/login > Management > API Configuration).
type Account struct {
	Name, ClientID, Secret string
	Command                string // "full_access", "read_only" or "deny"
	Configuration, Backup  bool
	VaultBackup, Reporting bool
	Disabled               bool
	Allowed                []netip.Prefix // addresses it may be used from; empty means all
	From                   netip.Addr     // where its calls are thought to come from; compared with Allowed
}

var fullAccount = Account{
	Name: "upgrades", ClientID: "0123456789abcdef0123456789abcdef01234567", Secret: "the simulated secret",
	Command: "full_access", Configuration: true, Backup: true, Reporting: true,
}

// Limits of the APIs (Command API 2.0.0; Configuration API 1.10).
const (
	maxTokens = 30
	perSecond = 20
	perHour   = 15000
)

// account is what one appliance knows about an Account.
type account struct {
	Account
	id             int
	failed         int
	locked         time.Time // until when
	second, hour   time.Time // when the windows began
	inSecond, inHr int
	rolling        []time.Time // when the requests of the last hour were, where that counts
}

// token is a bearer token.
type token struct {
	text    string
	account string
	until   time.Time
}

// account returns b's account with that client id, nil if there is none.
func (b *Box) account(clientID string) *account {
	for i, a := range b.site.Accounts {
		if a.ClientID != clientID {
			continue
		}
		if b.st.accounts[clientID] == nil {
			b.st.accounts[clientID] = &account{}
		}
		known := b.st.accounts[clientID]
		known.Account, known.id = a, i+1
		return known
	}
	return nil
}

// createToken is POST /oauth2/token.
func createToken(k *call) answer {
	b, s := k.box, k.box.site
	grant := k.form.Get("grant_type")
	if strings.HasPrefix(k.header.Get("Content-Type"), "application/json") { // seen to be accepted, not documented
		var body struct {
			Grant string `json:"grant_type"`
		}
		_ = json.Unmarshal(k.body, &body) // what cannot be read has no grant type
		grant = body.Grant
	}
	id, secret, ok := basicAuth(k.header)
	a := b.account(id)
	switch {
	case !ok || a == nil || a.Disabled:
		return oauthError(s.Switches.BadClientStatus, "invalid_client")
	case s.w.now.Before(a.locked), !a.mayComeFrom():
		return oauthError(s.Switches.BadClientStatus, "access_denied")
	case subtle.ConstantTimeCompare([]byte(secret), []byte(a.Secret)) != 1:
		a.failed++
		if n := s.Switches.LockoutAfter; n > 0 && a.failed >= n {
			a.failed, a.locked = 0, s.w.now.Add(10*time.Minute)
		}
		return oauthError(s.Switches.BadClientStatus, "invalid_client")
	case grant != "client_credentials":
		return oauthError(http.StatusBadRequest, "unsupported_grant_type")
	}
	a.failed = 0
	t := b.mint(id)
	answer := reply(http.StatusOK, map[string]any{
		"access_token": t.text, "token_type": "Bearer", "expires_in": int(s.Times.TokenLife.Seconds()),
	})
	answer.header = http.Header{"Cache-Control": {"no-store"}, "Pragma": {"no-cache"}}
	return answer
}

// mint makes a token, and ends the account's oldest when it has too many.
func (b *Box) mint(clientID string) *token {
	s := b.site
	st := b.tokenStore()
	s.w.unique++
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %d", b.GUID, clientID, s.w.unique))
	t := &token{text: hex.EncodeToString(sum[:]), account: clientID, until: s.w.now.Add(s.Times.TokenLife)}
	var valid []*token
	for _, o := range st.order {
		if s.w.now.Before(o.until) {
			valid = append(valid, o)
		} else {
			delete(st.tokens, o.text)
		}
	}
	own := 0
	for _, o := range valid {
		if o.account == clientID {
			own++
		}
	}
	if own >= maxTokens {
		i := slices.IndexFunc(valid, func(o *token) bool { return o.account == clientID })
		delete(st.tokens, valid[i].text)
		valid = slices.Delete(valid, i, i+1)
		s.note(b, TokenDead, "the oldest of %d", maxTokens+1)
	}
	st.order = append(valid, t)
	st.tokens[t.text] = t
	return t
}

// tokenStore is the appliance that keeps b's tokens: itself, or one for all.
func (b *Box) tokenStore() *boxState {
	if b.site.Switches.TokensShared {
		return b.site.A.st
	}
	return b.st
}

// RevokeTokens makes every token of b invalid, as regenerating the secret does.
func (b *Box) RevokeTokens() {
	defer b.enter()()
	b.revokeTokens()
}

func (b *Box) revokeTokens() {
	st := b.tokenStore()
	st.tokens, st.order = map[string]*token{}, nil
	b.site.note(b, TokenDead, "all")
}

// authenticate finds the account of a call, or says why not.
func (b *Box) authenticate(k *call) (answer, bool) {
	text, ok := strings.CutPrefix(k.header.Get("Authorization"), "Bearer ")
	t := b.tokenStore().tokens[text]
	if !ok || t == nil || !b.site.w.now.Before(t.until) {
		return oauthError(b.site.Switches.BadTokenStatus, "access_denied"), false
	}
	k.account = b.account(t.account)
	if k.account == nil || k.account.Disabled || !k.account.mayComeFrom() && !b.site.Switches.TokensOutlive {
		return oauthError(b.site.Switches.BadTokenStatus, "access_denied"), false
	}
	return answer{}, true
}

// rate counts a call against its account's limits. Whether the hour rolls is not documented: see [Switches.HourRolls].
func (b *Box) rate(a *account) (http.Header, bool) {
	s := b.site
	if s.w.now.Sub(a.second) >= time.Second {
		a.second, a.inSecond = s.w.now, 0
	}
	if s.w.now.Sub(a.hour) >= time.Hour {
		a.hour, a.inHr = s.w.now, 0
	}
	if s.Switches.HourRolls {
		old := 0
		for old < len(a.rolling) && s.w.now.Sub(a.rolling[old]) >= time.Hour {
			old++
		}
		a.rolling = a.rolling[old:]
		a.inHr = len(a.rolling)
	}
	ok := a.inSecond < perSecond && a.inHr < perHour
	if ok {
		if s.Switches.HourRolls {
			a.rolling = append(a.rolling, s.w.now)
		}
		a.inSecond++
		a.inHr++
	} else {
		s.note(b, Refused, "rate limit: %d this second, %d this hour", a.inSecond, a.inHr)
	}
	left := perHour - a.inHr
	if !ok {
		left = 0
	}
	return http.Header{"X-Ratelimit-Limit": {strconv.Itoa(perHour)}, "X-Ratelimit-Remaining": {strconv.Itoa(left)}}, ok
}

func (a *account) mayComeFrom() bool {
	return len(a.Allowed) == 0 || slices.ContainsFunc(a.Allowed, func(p netip.Prefix) bool { return p.Contains(a.From) })
}

func oauthError(status int, code string) answer {
	return reply(status, map[string]string{
		"error": code, "message": "The resource owner or authorization server denied the request.",
	})
}

func basicAuth(h http.Header) (user, password string, ok bool) {
	text, ok := strings.CutPrefix(h.Get("Authorization"), "Basic ")
	raw, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil {
		return "", "", false
	}
	return strings.Cut(string(raw), ":")
}
