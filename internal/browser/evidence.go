package browser

import (
	"cmp"
	"context"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/changeover-sdk/changeover/internal/browser/axtree"
	"github.com/changeover-sdk/changeover/internal/rest"
)

// Moment is when a page was seen.
type Moment string

// Moments.
const (
	Before  Moment = "before"  // a press
	After   Moment = "after"   // a press that succeeded
	Failure Moment = "failure" // of whatever was tried; Error says what
	Visited Moment = "visited" // by a probe
)

// Evidence is what a page showed at one moment. It marshals as JSON, without the picture. Nothing in it is secret: what is typed into fields is left
// out, known secrets are REDACTED in every text, and black in the picture.
type Evidence struct {
	Name        string    `json:"name"`   // "003 ha.activate slave before": different for each Evidence of a driver, and fit for a file's name
	Moment      Moment    `json:"moment"` //
	At          time.Time `json:"at"`     // by this machine's clock
	Site        string    `json:"site"`   // host and port of the appliance's address
	Page        string    `json:"page"`   // key of the page in the table
	Label       string    `json:"label,omitempty"`
	Address     string    `json:"address,omitempty"` // of the page, without its query
	Headings    []string  `json:"headings,omitempty"`
	State       string    `json:"state,omitempty"` // what the page was taken for, if it is not the one that was expected
	Controls    []Control `json:"controls,omitempty"`
	Dialogs     []Shown   `json:"dialogs,omitempty"`     // that came up since the Evidence before
	Remote      string    `json:"remote,omitempty"`      // ip:port that the browser had the page from
	Certificate string    `json:"certificate,omitempty"` // SHA-256 of the certificate that the page came with
	Reason      Reason    `json:"reason,omitempty"`      // of a failure
	Error       string    `json:"error,omitempty"`       // of a failure; in other cases what the page could not be asked
	NoPicture   string    `json:"no_picture,omitempty"`  // why PNG is empty
	PNG         []byte    `json:"-"`                     // of the whole page, up to 12,000 pixels high
}

// What says what was seen in a few words, "ha.activate slave before" or "ha failure: not found": the same each time that the same is seen.
func (e Evidence) What() string {
	what := cmp.Or(e.Label, e.Page) + " " + string(e.Moment)
	if e.Reason != "" {
		what += ": " + string(e.Reason)
	}
	return what
}

// Control is something on a page that can be pressed, filled in or ticked.
type Control = axtree.Control

// See takes down what the page shows now, and a picture of it. It never fails: what could not be found out is said in the Evidence.
func (p *Page) See(ctx context.Context) Evidence {
	e := Evidence{At: time.Now(), Site: p.b.cfg.Site.Host, Dialogs: p.told()}
	s, err := p.look(ctx)
	if err != nil {
		e.Error, e.NoPicture = p.b.hide(err.Error()), "the page could not be looked at"
		return e
	}
	e.Address, e.Headings, e.Controls = s.URL, s.Headings(), s.Controls()
	if state := s.State(p.heading); state != axtree.StatePage && len(p.heading) > 0 {
		e.State = string(state)
	}
	if _, ok := p.checked[s.Document]; ok {
		e.Certificate = rest.Fingerprint(p.b.leaf)
	}
	p.mu.Lock()
	e.Remote = p.remotes[s.Document]
	p.mu.Unlock()
	if e.PNG, err = p.Shot(ctx); err != nil {
		e.NoPicture = p.b.hide(err.Error())
	}
	for i, h := range e.Headings {
		e.Headings[i] = p.b.hide(h)
	}
	for i := range e.Controls {
		e.Controls[i].Label, e.Controls[i].Place = p.b.hide(e.Controls[i].Label), p.b.hide(e.Controls[i].Place)
	}
	return e
}

// told returns the dialogs that came up since it was last called.
func (p *Page) told() []Shown {
	p.mu.Lock()
	out := p.untold
	p.untold = nil
	p.mu.Unlock()
	for i := range out {
		out[i].Text = p.b.hide(out[i].Text)
	}
	return out
}

// from is where a response came from.
func from(ip string, port int) string {
	if ip == "" {
		return ""
	}
	return net.JoinHostPort(strings.Trim(ip, "[]"), strconv.Itoa(port))
}

// plain is an address without its query, which may hold anything.
func plain(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	u.RawQuery, u.Fragment, u.User = "", "", nil
	return u.String()
}
