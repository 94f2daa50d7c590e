package browser

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/changeover-sdk/changeover/internal/browser/axtree"
	"github.com/changeover-sdk/changeover/internal/browser/cdp"
)

// Page is what the browser shows, in a context of its own: cookies and cache are in memory, and gone with it.
type Page struct {
	b       *Browser
	context string
	target  string
	session string
	heading axtree.Label // of the page that is expected
	pressed seenAt       // where the last press was
	signing bool         // signed out is what is expected

	lost    context.Context // ends when the page has crashed or the browser is gone
	lose    context.CancelCauseFunc
	wake    chan struct{}       // something happened: look again
	kinds   map[int64]nodeKind  // by backend node id, of the present document
	checked map[string]struct{} // documents whose certificate was looked at

	mu       sync.Mutex
	seq      int // counts requests
	requests map[string]*request
	untold   []Shown           // dialogs that came since the last Evidence
	expect   *Ask              // the one that may come now
	stray    *Shown            // the first that was not expected
	files    []*arriving       // downloads
	remotes  map[string]string // where a document came from, by its id
	closing  sync.WaitGroup
}

// seenAt is what page was seen, in which document.
type seenAt struct {
	state    axtree.State
	document string
}

// Shown is a dialog that came up.
type Shown struct {
	Type     string `json:"type"` // alert, confirm, prompt, beforeunload, or [AskPage]
	Text     string `json:"text"`
	Accepted bool   `json:"accepted"` // it was answered with yes
}

// Open opens an empty page in a context of its own, and closes the one before.
func (b *Browser) Open(ctx context.Context) (*Page, error) {
	if err := b.drop(ctx); err != nil {
		return nil, fmt.Errorf("browser: open: %w", err)
	}
	p := &Page{b: b, wake: make(chan struct{}, 1), requests: map[string]*request{}, remotes: map[string]string{}, kinds: map[int64]nodeKind{}, checked: map[string]struct{}{}}
	p.lost, p.lose = context.WithCancelCause(context.Background())
	var created struct{ BrowserContextID, TargetID, SessionID string }
	steps := []struct {
		method string
		params func() dict
	}{
		{"Target.createBrowserContext", func() dict { return dict{"disposeOnDetach": true} }},
		{"Target.createTarget", func() dict {
			return dict{"url": "about:blank", "browserContextId": created.BrowserContextID, "width": width, "height": height}
		}},
		{"Target.attachToTarget", func() dict { return dict{"targetId": created.TargetID, "flatten": true} }},
		{"Browser.setDownloadBehavior", func() dict {
			return dict{"behavior": "allowAndName", "browserContextId": created.BrowserContextID, "downloadPath": b.proc.dir + "/downloads", "eventsEnabled": true}
		}},
	}
	for _, s := range steps {
		if err := b.call(ctx, "", s.method, s.params(), &created); err != nil {
			return nil, fmt.Errorf("browser: open: %w", err)
		}
	}
	p.context, p.target, p.session = created.BrowserContextID, created.TargetID, created.SessionID
	b.mu.Lock()
	b.page = p
	b.mu.Unlock()
	go func() {
		select {
		case <-b.conn.Done():
			p.lose(&Error{Reason: Gone, Op: "watch"})
		case <-p.lost.Done():
		}
	}()
	for _, method := range []string{"Inspector.enable", "Page.enable", "Network.enable", "DOM.enable", "Accessibility.enable"} {
		if err := p.call(ctx, method, nil, nil); err != nil {
			return nil, fmt.Errorf("browser: open: %w", err)
		}
	}
	// A browser sends a request again by itself when a connection that has served before breaks without an answer: also a POST. So no
	// connection serves twice.
	if err := p.call(ctx, "Network.setExtraHTTPHeaders", dict{"headers": dict{"Connection": "close"}}, nil); err != nil {
		return nil, fmt.Errorf("browser: open: %w", err)
	}
	// What a page leaves running behind its own back could send a request later, or again.
	if err := p.call(ctx, "Network.setBypassServiceWorker", dict{"bypass": true}, nil); err != nil {
		return nil, fmt.Errorf("browser: open: %w", err)
	}
	if err := p.call(ctx, "Emulation.setDeviceMetricsOverride", dict{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false}, nil); err != nil {
		return nil, fmt.Errorf("browser: open: %w", err)
	}
	return p, nil
}

// The size of the window, in pixels. Wide enough for a page's menu at its side.
const width, height = 1400, 1000

// drop closes the page there is.
func (b *Browser) drop(ctx context.Context) error {
	b.mu.Lock()
	p := b.page
	b.page = nil
	b.mu.Unlock()
	if p == nil {
		return nil
	}
	p.lose(errors.New("the page was closed"))
	p.closing.Wait()
	return b.call(ctx, "", "Target.disposeBrowserContext", dict{"browserContextId": p.context}, nil)
}

// call sends a command to the page. It is cut short when the page is lost, because a page that has crashed never answers.
func (p *Page) call(ctx context.Context, method string, params, result any) error {
	both, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := context.AfterFunc(p.lost, func() { cancel(context.Cause(p.lost)) })
	defer stop()
	return p.b.call(both, p.session, method, params, result)
}

// Goto opens an address of the appliance, and expects the heading there. An empty heading takes any page.
func (p *Page) Goto(ctx context.Context, path string, heading axtree.Label) (*axtree.Snapshot, error) {
	const op = "open"
	p.heading = heading
	failed, err := p.navigate(ctx, path)
	if err != nil {
		return nil, p.fail(ctx, op, path, err)
	}
	if failed != "" {
		e := &Error{Reason: Failed, Op: op, Label: path, Detail: failed}
		switch {
		case strings.Contains(failed, "ERR_CERT") || strings.Contains(failed, "SSL"):
			e.Reason = Certificate
		case failed == errFence:
			e.Reason, e.Detail = UnknownPage, "the page leads to another host, where no browser of this driver goes: single sign-on needs a person"
		}
		return nil, e
	}
	s, err := p.settle(ctx, op, path, func(s *axtree.Snapshot, state axtree.State) (bool, error) {
		if len(heading) == 0 {
			return s.Root.Text() != "", nil
		}
		return state == axtree.StatePage, p.elsewhere(state)
	})
	return s, p.another(err)
}

// navigate goes to an address, and returns the browser's word for why that failed. A page whose script goes somewhere by itself at the same time takes
// our place; then we wait until it has got there, and go once more.
func (p *Page) navigate(ctx context.Context, path string) (failed string, err error) {
	at := p.b.cfg.Site.JoinPath(path).String()
	patience := time.NewTimer(p.b.cfg.Patience)
	defer patience.Stop()
	for {
		var nav struct{ ErrorText string }
		if err := p.call(ctx, "Page.navigate", dict{"url": at}, &nav); err != nil || nav.ErrorText != "net::ERR_ABORTED" {
			return nav.ErrorText, err
		}
		select {
		case <-p.wake:
		case <-patience.C:
			return nav.ErrorText, nil
		case <-p.lost.Done():
			return "", context.Cause(p.lost)
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
	}
}

// another makes of an error that says that something did not come in time one that says which page it was instead, if it was another one.
func (p *Page) another(err error) error {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Reason != Late || e.State == "" || e.State == string(axtree.StatePage) {
		return err
	}
	e.Reason = UnknownPage
	if len(p.heading) > 0 {
		e.Detail = fmt.Sprintf("heading %q was expected", p.heading)
	}
	return e
}

// elsewhere is an error when the page is one that needs a person.
func (p *Page) elsewhere(state axtree.State) error {
	if p.signing && state == axtree.StateSignedOut || state == axtree.StatePage || state == axtree.StateUnknown || state == axtree.StateWhatsNew {
		return nil
	}
	return &Error{Reason: UnknownPage, State: string(state)}
}

// settle looks again and again until done says so in two looks in a row at one document, within the patience for a page. An error
// from done ends it.
func (p *Page) settle(ctx context.Context, op, label string, done func(*axtree.Snapshot, axtree.State) (bool, error)) (*axtree.Snapshot, error) {
	return p.await(ctx, p.b.cfg.Patience, op, label, done)
}

func (p *Page) await(ctx context.Context, limit time.Duration, op, label string, done func(*axtree.Snapshot, axtree.State) (bool, error)) (*axtree.Snapshot, error) {
	inner, cancel := context.WithTimeoutCause(ctx, limit, errPatience)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	var last *axtree.Snapshot
	var lastErr error
	before := ""
	for {
		err := p.healthy(inner)
		if err != nil && (inner.Err() == nil || p.lost.Err() != nil) {
			return last, p.fail(ctx, op, label, err)
		}
		var s *axtree.Snapshot
		if err == nil {
			s, err = p.look(inner)
		}
		if e, ok := errors.AsType[*Error](err); ok {
			return s, p.fail(ctx, op, label, e)
		}
		lastErr = err
		if err == nil {
			last = s
			ok, err := done(s, s.State(p.heading))
			if err != nil {
				return s, p.fail(ctx, op, label, p.seen(err, s))
			}
			if ok && before == s.Document {
				return s, nil
			}
			if ok {
				before = s.Document
				continue // the second look comes at once
			}
			before = ""
		}
		select {
		case <-p.wake:
		case <-tick.C:
		case <-p.lost.Done():
		case <-inner.Done():
			err := context.Cause(inner)
			if errors.Is(err, errPatience) && ctx.Err() == nil {
				e := &Error{Reason: Late, Detail: fmt.Sprintf("it did not come within %v", limit), Err: lastErr}
				return last, p.fail(ctx, op, label, p.seen(e, last))
			}
			return last, p.fail(ctx, op, label, err)
		}
	}
}

// errFence is the browser's word for a name that is not the appliance's, and so has no address: see flags.
const errFence = "net::ERR_NAME_NOT_RESOLVED"

var errPatience = errors.New("it did not come in time")

// healthy is an error when the page is lost, a dialog came that nobody expected, or another window is open.
func (p *Page) healthy(ctx context.Context) error {
	if p.lost.Err() != nil {
		return context.Cause(p.lost)
	}
	p.mu.Lock()
	stray := p.stray
	p.stray = nil
	p.mu.Unlock()
	if stray != nil {
		return &Error{Reason: Dialog, Detail: fmt.Sprintf("%s %q was dismissed", stray.Type, stray.Text)}
	}
	var t struct {
		TargetInfos []struct{ TargetID, Type, BrowserContextID, URL string }
	}
	if err := p.b.call(ctx, "", "Target.getTargets", nil, &t); err != nil {
		return err
	}
	for _, w := range t.TargetInfos {
		if w.BrowserContextID == p.context && w.TargetID != p.target && w.Type == "page" {
			_ = p.b.call(ctx, "", "Target.closeTarget", dict{"targetId": w.TargetID}, nil) // it is reported either way
			return &Error{Reason: Window, Detail: plain(w.URL)}
		}
	}
	return nil
}

// seen adds to an error what page it was.
func (p *Page) seen(err error, s *axtree.Snapshot) error {
	e, ok := errors.AsType[*Error](err)
	if !ok || s == nil {
		return err
	}
	if e.State == "" {
		e.State = string(s.State(p.heading))
	}
	e.Page = strings.Join(s.Headings(), " | ")
	if (e.Reason == UnknownPage || e.Reason == Late) && len(e.Seen) == 0 {
		if text := s.Root.Shown(); text != "" {
			e.Seen = []string{fmt.Sprintf("%.300q", text)}
		}
	}
	return e
}

// fail makes an error of the page's: what was tried, without secrets. What ended ctx comes first.
func (p *Page) fail(ctx context.Context, op, label string, err error) *Error {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		e = &Error{Reason: Failed, Err: err}
		if p.lost.Err() != nil {
			if lost, ok := errors.AsType[*Error](context.Cause(p.lost)); ok {
				e.Reason, e.Err = lost.Reason, nil
			}
		} else if errors.Is(err, cdp.ErrGone) {
			e.Reason = Gone
		}
	}
	c := *e
	if c.Op == "" || c.Op == "watch" {
		c.Op = op
	}
	if c.Label == "" {
		c.Label = label
	}
	if ctx.Err() != nil {
		c.Err = context.Cause(ctx)
		c.Reason = Failed
	}
	scrub := p.b.hide
	c.Page, c.Detail, c.Seen = scrub(c.Page), scrub(c.Detail), slices.Clone(c.Seen)
	for i, s := range c.Seen {
		c.Seen[i] = scrub(s)
	}
	return &c
}
