package browser

import (
	"context"

	"github.com/changeover-sdk/changeover/internal/browser/axtree"
)

// AskPage is the type of a question that a page asks in its own text, with a button below, instead of in a dialog of the browser.
const AskPage = "page"

// Ask is a question that a press is known to bring up. It must come, in this type and with this text, and is answered once.
type Ask struct {
	Type   string       // alert, confirm, beforeunload, or [AskPage]
	Text   axtree.Label // what it says
	Button axtree.Label // of [AskPage]: what to press then
	Accept bool         // otherwise it is dismissed
}

// answer decides about a dialog and answers it from a goroutine of its own: the browser does nothing else until it is answered. It runs with
// the lock held.
func (p *Page) answer(d Shown) {
	want := p.expect
	p.expect = nil
	expected := want != nil && want.Type != AskPage && want.Type == d.Type && (want.Text.Fits(d.Text) || d.Type == "beforeunload" && d.Text == "")
	d.Accepted = expected && want.Accept && d.Type != "prompt"
	p.show(d)
	if !expected && p.stray == nil {
		p.stray = &d
	}
	accept := d.Accepted
	p.closing.Go(func() {
		_ = p.call(context.Background(), "Page.handleJavaScriptDialog", dict{"accept": accept}, nil) // an unanswered dialog shows: the page stands still
	})
}

// show keeps a dialog for the next Evidence. It runs with the lock held.
func (p *Page) show(d Shown) {
	const most = 64 // a page that opens one after the other must not fill the memory
	if len(p.untold) < most {
		p.untold = append(p.untold, d)
	}
}

// arm announces a dialog for the next press.
func (p *Page) arm(a *Ask) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expect = a
}

// disarm takes an announced dialog back, and reports whether it has not come.
func (p *Page) disarm() (missing bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	missing = p.expect != nil
	p.expect = nil
	return missing
}
