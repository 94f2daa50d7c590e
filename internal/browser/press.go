package browser

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/changeover-sdk/changeover/internal/browser/axtree"
)

// Proof is how a press shows that the page took it. It is what the page says, not what the appliance did: look for that elsewhere.
type Proof struct {
	Heading axtree.Label  // of the page afterwards. Default: the same as before
	Shows   *axtree.Query // an element that must be there afterwards
	Answer  bool          // the appliance must have answered a request of this press with success
	Ask     *Ask          // the question that comes first; none other may come
	Limit   time.Duration // Default: Config.Answer
}

// Press presses the one button, link or menu entry that fits: once, with the mouse, at a point that is proven to be on it. Everything is
// looked at before. An error is of class act.ErrNotPressed when nothing was pressed; otherwise it says so.
func (p *Page) Press(ctx context.Context, q axtree.Query, proof Proof) (*axtree.Snapshot, error) {
	const op = "press"
	if q.Kind == "" {
		q.Kind = axtree.Button
	}
	mark, e := p.push(ctx, op, q, proof.Ask)
	if e != nil {
		return nil, e
	}
	s, e := p.prove(ctx, op, q, proof, mark)
	if missing := p.disarm(); missing && e == nil && proof.Ask.Type != AskPage {
		e = &Error{Reason: NoDialog, Op: op, Label: q.Label.String(), Detail: fmt.Sprintf("%s %q was announced", proof.Ask.Type, proof.Ask.Text)}
	}
	if e != nil {
		e.Pressed = true
		return s, e
	}
	return s, nil
}

// push finds the element and presses it. It returns the number of the last request before.
func (p *Page) push(ctx context.Context, op string, q axtree.Query, ask *Ask) (mark int, failure *Error) {
	label := q.Label.String()
	n, e := p.locate(ctx, op, q)
	if e != nil {
		return 0, e
	}
	x, y, err := p.steady(ctx, n.Backend)
	if err != nil {
		return 0, p.fail(ctx, op, label, err)
	}
	if err := p.mouse(ctx, "mouseMoved", x, y); err != nil {
		return 0, p.fail(ctx, op, label, err)
	}
	// What opens when the mouse comes may lie over it.
	if x, y, err = p.steady(ctx, n.Backend); err != nil {
		return 0, p.fail(ctx, op, label, err)
	}
	if err := p.healthy(ctx); err != nil {
		return 0, p.fail(ctx, op, label, err)
	}
	if ctx.Err() != nil {
		return 0, p.fail(ctx, op, label, ctx.Err())
	}
	p.arm(ask)
	p.mu.Lock()
	mark = p.seq
	p.mu.Unlock()
	p.b.log.Debug("press", "label", label, "site", p.b.cfg.Site.Host)
	for _, kind := range []string{"mousePressed", "mouseReleased"} {
		if err := p.mouse(ctx, kind, x, y); err != nil {
			e := p.fail(ctx, op, label, err)
			e.Pressed = true // some pages act on the way down
			return mark, e
		}
	}
	return mark, nil
}

// locate finds the element in two looks in a row, on the page that is expected.
func (p *Page) locate(ctx context.Context, op string, q axtree.Query) (*axtree.Node, *Error) {
	var node *axtree.Node
	var miss error
	last, doubles := int64(0), 0
	_, err := p.settle(ctx, op, q.Label.String(), func(s *axtree.Snapshot, state axtree.State) (bool, error) {
		if err := p.elsewhere(state); err != nil {
			return false, err
		}
		if len(p.heading) > 0 && state != axtree.StatePage {
			miss = nil
			return false, nil
		}
		n, err := s.Find(q)
		if err != nil {
			miss = p.seen(fromFind(op, q.Label.String(), err), s)
			last = 0
			if f, ok := errors.AsType[*axtree.FindError](err); ok && f.Miss == axtree.Several {
				if doubles++; doubles > 1 {
					return false, miss
				}
			}
			return false, nil
		}
		miss, doubles = nil, 0
		same := n.Backend == last && n.Backend != 0
		node, last = n, n.Backend
		p.pressed = seenAt{state, s.Document}
		return same, nil
	})
	if err == nil {
		return node, nil
	}
	e, _ := errors.AsType[*Error](p.another(err))
	if m, ok := errors.AsType[*Error](miss); ok && (e.Reason == Late || e.Reason == UnknownPage && len(p.heading) == 0) {
		e = p.fail(ctx, op, q.Label.String(), m)
	}
	return nil, e
}

// steady brings an element into view, waits until it keeps still, and returns a point of the window that is proven to be on it.
func (p *Page) steady(ctx context.Context, backend int64) (x, y float64, err error) {
	const tries = 20
	for range tries {
		if x, y, err = p.spot(ctx, backend); err == nil {
			return x, y, nil
		}
		if e, ok := errors.AsType[*Error](err); !ok || e.Reason != Moving {
			return 0, 0, err
		}
	}
	return 0, 0, err
}

func (p *Page) spot(ctx context.Context, backend int64) (x, y float64, err error) {
	if err := p.call(ctx, "DOM.scrollIntoViewIfNeeded", dict{"backendNodeId": backend}, nil); err != nil {
		return 0, 0, err
	}
	before, err := p.quad(ctx, backend)
	if err != nil {
		return 0, 0, err
	}
	if err := p.frames(ctx); err != nil {
		return 0, 0, err
	}
	after, err := p.quad(ctx, backend)
	if err != nil {
		return 0, 0, err
	}
	if !slices.Equal(before, after) {
		return 0, 0, &Error{Reason: Moving}
	}
	x, y = (after[0]+after[2]+after[4]+after[6])/4, (after[1]+after[3]+after[5]+after[7])/4
	return x, y, p.hit(ctx, backend, x, y)
}

// quad is the first box of an element, in the window.
func (p *Page) quad(ctx context.Context, backend int64) ([]float64, error) {
	var q struct{ Quads [][]float64 }
	if err := p.call(ctx, "DOM.getContentQuads", dict{"backendNodeId": backend}, &q); err != nil {
		return nil, err
	}
	for _, box := range q.Quads {
		if len(box) == 8 && math.Abs(box[2]-box[0]) >= 1 && math.Abs(box[5]-box[1]) >= 1 {
			return box, nil
		}
	}
	return nil, &Error{Reason: Covered, Detail: "it has no box on the page"}
}

// frames waits until the browser has drawn two more frames.
func (p *Page) frames(ctx context.Context) error {
	return p.call(ctx, "Runtime.evaluate", dict{
		"expression":   "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(0))))",
		"awaitPromise": true, "returnByValue": true,
	}, nil)
}

// hit makes sure that what is pressed at the point is the element, or in it.
func (p *Page) hit(ctx context.Context, backend int64, x, y float64) error {
	var m struct {
		CSSVisualViewport struct{ PageX, PageY, ClientWidth, ClientHeight float64 }
	}
	if err := p.call(ctx, "Page.getLayoutMetrics", nil, &m); err != nil {
		return err
	}
	v := m.CSSVisualViewport
	if x < 0 || y < 0 || x >= v.ClientWidth || y >= v.ClientHeight {
		return &Error{Reason: Covered, Detail: "it cannot be brought into the window"}
	}
	var at struct{ BackendNodeID int64 }
	params := dict{"x": int(x + v.PageX), "y": int(y + v.PageY), "includeUserAgentShadowDOM": true}
	if err := p.call(ctx, "DOM.getNodeForLocation", params, &at); err != nil {
		return &Error{Reason: Covered, Err: err}
	}
	if at.BackendNodeID == backend {
		return nil
	}
	inside := false
	err := p.on(ctx, backend, "function(o) { for (let n = o; n; n = n.parentNode || n.host) if (n === this) return true; return false }", &inside, node(at.BackendNodeID))
	if err != nil || !inside {
		var d struct {
			Node struct {
				NodeName   string
				Attributes []string
			}
		}
		_ = p.call(ctx, "DOM.describeNode", dict{"backendNodeId": at.BackendNodeID}, &d) // for the message only
		return &Error{Reason: Covered, Detail: "by <" + strings.ToLower(d.Node.NodeName) + ">"}
	}
	return nil
}

func (p *Page) mouse(ctx context.Context, kind string, x, y float64) error {
	params := dict{"type": kind, "x": x, "y": y, "button": "none"}
	if kind != "mouseMoved" {
		params["button"], params["clickCount"] = "left", 1
	}
	return p.call(ctx, "Input.dispatchMouseEvent", params, nil)
}

// prove waits for what the press must bring.
func (p *Page) prove(ctx context.Context, op string, q axtree.Query, proof Proof, mark int) (*axtree.Snapshot, *Error) {
	label, limit := q.Label.String(), proof.Limit
	if limit <= 0 {
		limit = p.b.cfg.Answer
	}
	if proof.Ask != nil && proof.Ask.Type == AskPage {
		return p.askPage(ctx, op, q, proof)
	}
	if len(proof.Heading) > 0 {
		p.heading = proof.Heading
	}
	answered := !proof.Answer
	s, err := p.await(ctx, limit, op, label, func(s *axtree.Snapshot, state axtree.State) (bool, error) {
		if r := p.outcome(mark); r != nil {
			if r.status == http.StatusUnauthorized { // a script hears it before the page asks to sign in
				return false, &Error{Reason: UnknownPage, State: string(axtree.StateSignedOut), Detail: "the session has ended: status 401"}
			}
			if err := r.refusal(s); err != nil {
				return false, err
			}
			switch {
			case r.failed != "" && (!r.took || r.failed == errFence):
				return false, r.lost()
			case r.status != 0 || r.took:
				answered = true
			}
		}
		if state != p.pressed.state || s.Document != p.pressed.document {
			if err := p.elsewhere(state); err != nil {
				return false, err
			}
		}
		if len(p.heading) > 0 && state != axtree.StatePage {
			return false, nil
		}
		return answered && (proof.Shows == nil || s.Has(*proof.Shows)), nil
	})
	if err == nil {
		return s, nil
	}
	e, _ := errors.AsType[*Error](err)
	if r := p.outcome(mark); r != nil && r.failed != "" && e.Reason != Dialog && e.Reason != Window && ctx.Err() == nil {
		if r.took && r.failed != errFence && proof.Shows == nil {
			return s, nil // it answered, and went away before the page it led to: as a node does that is told to
		}
		return s, p.fail(ctx, op, label, r.lost())
	}
	if e.Reason == Late && len(p.heading) > 0 {
		p.another(e)
	}
	if e.Reason == Late {
		e.Reason, e.Detail = NoAnswer, fmt.Sprintf("nothing was answered within %v", limit)
		if proof.Shows != nil {
			e.Detail = fmt.Sprintf("%q did not come within %v", proof.Shows.Label, limit)
		}
	}
	return s, e
}

// askPage answers a question that came as a page of its own.
func (p *Page) askPage(ctx context.Context, op string, q axtree.Query, proof Proof) (*axtree.Snapshot, *Error) {
	before := p.heading
	p.heading = nil // the question's own heading is not known
	ask := *proof.Ask
	s, err := p.settle(ctx, op, q.Label.String(), func(s *axtree.Snapshot, state axtree.State) (bool, error) {
		return s.Says(ask.Text), p.elsewhere(state)
	})
	if err != nil {
		e, _ := errors.AsType[*Error](err)
		if e.Reason == Late {
			e.Reason, e.Detail = NoDialog, fmt.Sprintf("the question %q was announced", ask.Text)
		}
		p.heading = before
		return s, e
	}
	p.mu.Lock()
	p.show(Shown{Type: AskPage, Text: ask.Text.String(), Accepted: true})
	p.mu.Unlock()
	mark, e := p.push(ctx, op, axtree.Query{Kind: axtree.Button, Label: ask.Button}, nil)
	p.heading = before
	if e != nil {
		return s, e
	}
	proof.Ask = nil
	return p.prove(ctx, op, q, proof, mark)
}

// outcome is the request that tells what a press has come to: the last one after mark that loads a document or sends something.
func (p *Page) outcome(mark int) *request {
	p.mu.Lock()
	defer p.mu.Unlock()
	var last *request
	for _, r := range p.requests {
		if r.seq > mark && (r.kind == "Document" || r.method != "GET" && r.method != "HEAD" && r.method != "OPTIONS") && (last == nil || r.seq > last.seq) {
			last = r
		}
	}
	if last == nil {
		return nil
	}
	c := *last
	return &c
}

// node is an argument for [Page.on]: an element.
type node int64

// on runs a function of ours with an element as this.
func (p *Page) on(ctx context.Context, backend int64, function string, result any, args ...any) error {
	object := func(id int64) (string, error) {
		var r struct{ Object struct{ ObjectID string } }
		err := p.call(ctx, "DOM.resolveNode", dict{"backendNodeId": id}, &r)
		return r.Object.ObjectID, err
	}
	this, err := object(backend)
	if err != nil {
		return err
	}
	list := []dict{}
	for _, a := range args {
		id, isNode := a.(node)
		if !isNode {
			list = append(list, dict{"value": a})
			continue
		}
		o, err := object(int64(id))
		if err != nil {
			return err
		}
		list = append(list, dict{"objectId": o})
	}
	var r struct {
		Result           struct{ Value any }
		ExceptionDetails *struct{ Text string }
	}
	err = p.call(ctx, "Runtime.callFunctionOn", dict{"objectId": this, "functionDeclaration": function, "arguments": list, "returnByValue": true, "awaitPromise": true}, &r)
	if err != nil {
		return err
	}
	if r.ExceptionDetails != nil {
		return fmt.Errorf("a look at the element failed: %s", r.ExceptionDetails.Text)
	}
	return assign(result, r.Result.Value)
}
