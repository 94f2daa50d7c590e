package beyondtrust

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/changeover-sdk/changeover/internal/act"
	"github.com/changeover-sdk/changeover/internal/redact"
	"github.com/changeover-sdk/changeover/internal/rest"
)

// Classes of errors, for [errors.Is]. The facts are in [*Error].
var (
	// ErrNotPressed says that a page pressed nothing, because it was not certain what to press. Whatever else a page that presses returns,
	// it may have pressed.
	ErrNotPressed = act.ErrNotPressed

	// ErrNotSent says that an act provably was not sent: no connection, a refused token, or another appliance than the pinned one.
	// Without it, a failed act may have been carried out: look before it is sent again.
	ErrNotSent = act.ErrNotSent

	// ErrUntrusted says that TLS did not prove the appliance: an unknown authority, another name, an expired or another certificate.
	ErrUntrusted = rest.ErrUntrusted

	// ErrRedirect says that the appliance pointed to another host, which was not followed.
	ErrRedirect = rest.ErrRedirect

	// ErrUnavailable says that nothing answered, or that what answered said by its status (5xx) that it cannot now. Normal while software is
	// installed.
	ErrUnavailable = errors.New("the appliance is not available")

	// ErrBadCredential says that the token endpoint refused the client ID and secret. The same secret is not tried again for a minute
	// ([CredentialHold]), because failed attempts lock an account.
	ErrBadCredential = errors.New("the client ID and secret were refused")

	// ErrUnauthorized says that the appliance refused a token, and a new one too unless the request was an act.
	ErrUnauthorized = errors.New("the token was refused")

	// ErrForbidden says that the API account lacks a permission (403).
	ErrForbidden = errors.New("the API account may not do this")

	// ErrNotFound says that there is no such session, user or other thing (404).
	ErrNotFound = errors.New("not found")

	// ErrRefused says that the appliance understood and said no: an error element (XML), 400, 405, 409, 422, or a 401 that is not about
	// the token, which is how the Configuration API answers an unknown parameter.
	ErrRefused = errors.New("the appliance refused")

	// ErrThrottled says that the account has used up its requests (20 a second, 15,000 an hour; Command API 2.0.0).
	ErrThrottled = errors.New("too many requests for this account")

	// ErrAnswer says that the answer is not what is documented: a page instead of XML, half a document, too long, a missing fact.
	// It is never taken for good.
	ErrAnswer = errors.New("not the documented answer")

	// ErrNotOffered says that this appliance has no documented API for the question.
	ErrNotOffered = errors.New("this appliance's API does not offer it")

	// ErrIncomplete says that a list is shorter than the appliance says it is, or changed while it was read.
	ErrIncomplete = errors.New("the list is not complete")

	// ErrWrongAppliance says that another appliance answers than the one pinned by its GUID, or another product. Nothing was done to it.
	ErrWrongAppliance = errors.New("another appliance answers")

	// ErrNotABackup says that what came instead of a backup is an error text, a page, or nearly nothing.
	ErrNotABackup = errors.New("this is not a backup")
)

// Error is a failed call. It never holds a secret: no query, no header, no body, and the appliance's words without the secrets this
// client knows.
type Error struct {
	Op      string              // what was tried: "set failover role"
	Method  string              // of the request; "" when none was made
	Path    string              // of the request, without its query
	Status  int                 // of the answer; 0 when there was none
	Code    string              // the "error" of an OAuth error: "access_denied", "invalid_client"
	Message string              // the appliance's own words, at most 300 bytes
	Fields  map[string][]string // what was wrong with which field (422)
	GUID    string              // the appliance that answered, for ErrWrongAppliance
	Class   error               // one of this package's classes
	Err     error               // the cause below, if any
}

// Error says what was tried, what came back and what to do next.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("beyondtrust: ")
	b.WriteString(e.Op)
	if e.Path != "" && (e.Status != 0 || e.Err == nil) {
		b.WriteString(": " + e.Method + " " + e.Path)
	}
	if e.Status != 0 {
		fmt.Fprintf(&b, ": status %d", e.Status)
	}
	if e.Class != nil && (e.Err == nil || !errors.Is(e.Err, e.Class)) {
		b.WriteString(": " + e.Class.Error())
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	if e.Code != "" {
		b.WriteString(": " + e.Code)
	}
	if e.Message != "" {
		fmt.Fprintf(&b, ": the appliance says %q", e.Message)
	}
	for _, field := range slices.Sorted(maps.Keys(e.Fields)) {
		fmt.Fprintf(&b, "; %s: %s", field, strings.Join(e.Fields[field], ", "))
	}
	if next := advice[e.Class]; next != "" {
		b.WriteString("; " + next)
	}
	return b.String()
}

// Unwrap returns the class and the cause.
func (e *Error) Unwrap() []error {
	var list []error
	for _, err := range []error{e.Class, e.Err} {
		if err != nil {
			list = append(list, err)
		}
	}
	return list
}

// advice is what to do next, by class.
var advice = map[error]string{
	ErrBadCredential:  "compare them with " + MenuAPIConfiguration + "; the account may also be disabled, locked, or bound to other network addresses",
	ErrUnauthorized:   "the account may have been disabled or its secret regenerated, or others use up its 30 tokens",
	ErrForbidden:      "give the account the permission on " + MenuAPIConfiguration,
	ErrThrottled:      "wait, or give each program an account of its own",
	ErrAnswer:         "something other than the appliance's API may be answering at this address; look at it in a browser",
	ErrNotOffered:     "let a person read it on the appliance's pages",
	ErrIncomplete:     "read it again",
	ErrWrongAppliance: "check the address, the site's DNS record and the shared IP before anything else",
	ErrUntrusted:      "give the authority that signed the certificate, or pin its fingerprint",
	ErrNotABackup:     "look at the words above, and take the backup again",
}

// most is the longest piece of an appliance's words that an error shows.
const most = 300

// errorMost is how much of an answer is looked at to explain an error. The documented ones are a few hundred bytes.
const errorMost = 64 << 10

// explainStatus makes an error of an answer that is not the expected one.
func explainStatus(op string, resp *rest.Response, method, path string, scrub redact.Scrubber) *Error {
	body := resp.Body[:min(len(resp.Body), errorMost)]
	e := &Error{Op: op, Method: method, Path: path, Status: resp.Status, Class: ErrAnswer}
	var said struct {
		Error   *string             `json:"error"`
		Message string              `json:"message"`
		Errors  map[string][]string `json:"errors"`
	}
	if decode(body, &said) == nil {
		e.Message = shorten(scrub(said.Message))
		if said.Error != nil {
			e.Code = shorten(scrub(*said.Error))
		}
		for field, words := range said.Errors {
			if e.Fields == nil {
				e.Fields = map[string][]string{}
			}
			if len(e.Fields) < 30 {
				e.Fields[shorten(scrub(field))] = []string{shorten(scrub(strings.Join(words, ", ")))}
			}
		}
	} else if root, err := parseXML(body); err == nil && root.name == "error" {
		e.Message = shorten(scrub(root.text))
	} else {
		title, text := scrub.Page(body)
		e.Message = shorten(strings.TrimSpace(title + " " + text))
	}
	switch s := resp.Status; {
	case throttled(resp):
		e.Class = ErrThrottled
	case s < 500 && oauthErrors[e.Code], s == http.StatusUnauthorized && e.Code != "":
		e.Class = ErrUnauthorized
	case s == http.StatusForbidden:
		e.Class = ErrForbidden
	case s == http.StatusNotFound:
		e.Class = ErrNotFound
	case s == http.StatusUnauthorized, s == http.StatusBadRequest, s == http.StatusMethodNotAllowed, s == http.StatusConflict, s == http.StatusUnprocessableEntity:
		e.Class = ErrRefused
	case s >= 500:
		e.Class = ErrUnavailable
	}
	return e
}

// oauthErrors are the words of an OAuth error (Configuration API, OAuthErrorResponse). Which status each comes with is not documented.
var oauthErrors = map[string]bool{
	"access_denied": true, "invalid_client": true, "invalid_credentials": true, "invalid_grant": true, "invalid_request": true, "server_error": true,
	"unauthorized_client": true, "unsupported_grant_type": true, "unsupported_response_type": true,
}

// throttled reports whether an answer says that the account must wait. Which status does is not documented; 429 and 503 are taken for it,
// the latter only with the documented header at 0.
func throttled(resp *rest.Response) bool {
	return resp.Status == http.StatusTooManyRequests ||
		resp.Status == http.StatusServiceUnavailable && resp.Header.Get("X-RateLimit-Remaining") == "0"
}

// shorten cuts text to what an error shows, at a character's end, on one line.
func shorten(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}
