package browser

import (
	"fmt"

	"github.com/changeover-sdk/changeover/internal/browser/axtree"
	"github.com/changeover-sdk/changeover/internal/browser/cdp"
)

// request is one that the page has sent.
type request struct {
	seq    int
	method string
	kind   string // "Document", "XHR", "Fetch", …
	status int    // 0: no answer yet
	took   bool   // what was sent was answered by leading on to another page
	failed string // why there will be none
	url    string // without query
	done   bool
}

// refusal is an error when the answer was no. An answer of class 5xx is one of a gateway, or of an appliance that does not know itself what
// came of it: that is no refusal.
func (r *request) refusal(s *axtree.Snapshot) error {
	if r == nil || r.status < 400 {
		return nil
	}
	e := &Error{Reason: Refused, Detail: fmt.Sprintf("status %d", r.status)}
	if r.status >= 500 {
		e.Reason = NoAnswer
	}
	if s != nil {
		e.Seen = []string{fmt.Sprintf("%.300q", s.Root.Shown())}
	}
	return e
}

// lost is the error of a request that failed on its way.
func (r *request) lost() *Error {
	if r.failed == errFence {
		return &Error{Reason: UnknownPage, Detail: "the answer leads to another host, where no browser of this driver goes"}
	}
	return &Error{Reason: NoAnswer, Detail: r.failed}
}

// arriving is a download.
type arriving struct {
	guid, name      string
	total, received int64
	state           string // inProgress, completed, canceled
}

// event takes note of what happened. It runs on the goroutine that reads: it neither waits nor calls.
func (p *Page) event(e cdp.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e.Method {
	case "Inspector.targetCrashed":
		p.lose(&Error{Reason: Crashed, Op: "watch"})
	case "Inspector.detached":
		p.lose(&Error{Reason: Gone, Op: "watch", Detail: "the page was closed from elsewhere"})
	case "Page.javascriptDialogOpening":
		d := decode[struct{ Type, Message string }](e.Params)
		p.answer(Shown{Type: d.Type, Text: d.Message})
	case "Network.requestWillBeSent":
		r := decode[struct {
			RequestID, Type  string
			Request          struct{ Method, URL string }
			RedirectResponse *struct{ Status int }
		}](e.Params)
		if p.requests[r.RequestID] == nil { // a redirect keeps its id, and its place in the order
			p.seq++
			p.requests[r.RequestID] = &request{seq: p.seq, method: r.Request.Method, kind: r.Type, url: plain(r.Request.URL)}
		}
		if q := p.requests[r.RequestID]; r.RedirectResponse != nil && r.RedirectResponse.Status < 400 && q.method != "GET" {
			q.took = true
		}
		p.forget()
	case "Network.responseReceived":
		r := decode[struct {
			RequestID, LoaderID, Type string
			Response                  struct {
				Status          int
				RemoteIPAddress string
				RemotePort      int
			}
		}](e.Params)
		if r.Type == "Document" {
			if len(p.remotes) > 64 {
				clear(p.remotes)
			}
			p.remotes[r.LoaderID] = from(r.Response.RemoteIPAddress, r.Response.RemotePort)
		}
		if q := p.requests[r.RequestID]; q != nil {
			q.status = r.Response.Status
		}
	case "Network.loadingFailed":
		r := decode[struct{ RequestID, ErrorText string }](e.Params)
		if q := p.requests[r.RequestID]; q != nil && q.status == 0 {
			q.failed, q.done = r.ErrorText, true
		}
	case "Network.loadingFinished":
		if q := p.requests[decode[struct{ RequestID string }](e.Params).RequestID]; q != nil {
			q.done = true
		}
	case "Browser.downloadWillBegin":
		d := decode[struct{ GUID, SuggestedFilename string }](e.Params)
		p.files = append(p.files, &arriving{guid: d.GUID, name: d.SuggestedFilename, state: "inProgress"})
	case "Browser.downloadProgress":
		d := decode[struct {
			GUID, State               string
			TotalBytes, ReceivedBytes float64
		}](e.Params)
		for _, f := range p.files {
			if f.guid == d.GUID {
				f.total, f.received, f.state = int64(d.TotalBytes), int64(d.ReceivedBytes), d.State
			}
		}
	case "Page.frameNavigated", "Page.loadEventFired", "DOM.documentUpdated":
	default:
		return
	}
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// forget drops old requests that are done, so that a page that polls for hours costs nothing.
func (p *Page) forget() {
	const keep = 256
	if len(p.requests) <= 2*keep {
		return
	}
	for id, r := range p.requests {
		if r.seq < p.seq-keep {
			delete(p.requests, id)
		}
	}
}
