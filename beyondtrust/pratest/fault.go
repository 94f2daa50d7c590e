package pratest

import (
	"cmp"
	"net/http"
	"strings"
	"time"
)

// Fault is a way in which the next requests go wrong. See [Box.Inject].
type Fault struct {
	Kind  FaultKind
	Times int // how many requests; 0 means one, a negative number all
	Skip  int // how many requests go well before

	// Acts says that the request is carried out, and only its answer goes wrong: the appliance did it, the client cannot know. For
	// [FaultCut], [FaultHalf], [FaultSlow], [FaultTrickle] and [FaultStall] it is always carried out.
	Acts bool

	Status int           // of FaultAnswer and FaultRedirect. Default: 500 and 302
	Body   string        // of FaultAnswer and FaultPage. Default: something that fits
	Type   string        // of the body. Default: by its look
	Target string        // of FaultRedirect. Default: https://other.example.test/
	After  int64         // bytes of the answer before FaultCut and FaultStall. Default: half of it
	Delay  time.Duration // of FaultSlow, default 1 minute, and of FaultTrickle between two pieces of 16 KiB, default 10 s; in the appliance's time

	box  *Box
	what string
}

// FaultKind is what goes wrong.
type FaultKind string

// Kinds of faults.
const (
	FaultAnswer   FaultKind = "answer"   // another status and body
	FaultReset    FaultKind = "reset"    // the connection breaks: ECONNRESET
	FaultHang     FaultKind = "hang"     // no answer, until the client gives up or the appliance goes away
	FaultCut      FaultKind = "cut"      // the connection breaks in the middle of the answer
	FaultHalf     FaultKind = "half"     // the answer is whole by its length, but only its first half: half an XML document
	FaultSlow     FaultKind = "slow"     // the answer comes late
	FaultTrickle  FaultKind = "trickle"  // the answer is slow, but moves
	FaultStall    FaultKind = "stall"    // the answer stops moving, and the connection stays
	FaultPage     FaultKind = "page"     // status 200 with a page where something else is wanted
	FaultRedirect FaultKind = "redirect" // to another host
	FaultDown     FaultKind = "down"     // the appliance loses its power and boots again
)

// Fail makes the next request of the given kind answer status. What it means is said by method and path, "GET /check_health", with {id} for any one element,
// "DELETE /api/command/v2/session/{id}", and with the action for the XML API, "GET /api/command?action=check_health"; or by "press" or "read", "press Sync Now".
// A name that ends in * means all that begin so.
func (b *Box) Fail(what string, status int) {
	b.Inject(what, Fault{Kind: FaultAnswer, Status: status})
}

// Inject makes requests go wrong. What it means is said as in [Box.Fail]; several faults for the same requests take effect one after the other.
// Faults of presses and looks reach [Box.Press], [Box.Read], [Box.Pages] and the HTML alike.
func (b *Box) Inject(what string, f Fault) {
	defer b.enter()()
	b.inject(what, f)
}

func (b *Box) inject(what string, f Fault) {
	f.what, f.box = what, b
	if f.Times == 0 {
		f.Times = 1
	}
	b.site.w.faults = append(b.site.w.faults, &f)
}

// Heal takes back all faults of b that have not happened yet.
func (b *Box) Heal() {
	defer b.enter()()
	var keep []*Fault
	for _, f := range b.site.w.faults {
		if f.box != b {
			keep = append(keep, f)
		}
	}
	b.site.w.faults = keep
}

// fault takes the fault that is due for a request, if any; its zero value has no Kind.
func (b *Box) fault(names ...string) Fault {
	s := b.site
	for i, f := range s.w.faults {
		if f.box != b || !f.means(names) {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			return Fault{}
		}
		if f.Times > 0 {
			if f.Times--; f.Times == 0 {
				s.w.faults = append(s.w.faults[:i:i], s.w.faults[i+1:]...)
			}
		}
		s.note(b, FaultPlayed, "%s: %s", f.Kind, names[0])
		if f.Kind == FaultDown {
			b.leave("power lost", s.Times.Boot, func() {})
		}
		return *f
	}
	return Fault{}
}

func (f *Fault) means(names []string) bool {
	begin, all := strings.CutSuffix(f.what, "*")
	for _, n := range names {
		if f.what == n || all && strings.HasPrefix(n, begin) {
			return true
		}
	}
	return false
}

// acts reports whether the request is carried out.
func (f *Fault) acts() bool {
	switch f.Kind {
	case "", FaultCut, FaultHalf, FaultSlow, FaultTrickle, FaultStall:
		return true
	}
	return f.Acts
}

// late is how long the answer waits.
func (f *Fault) late() time.Duration {
	if f.Kind == FaultSlow {
		return cmp.Or(f.Delay, time.Minute)
	}
	return 0
}

// breaks reports whether the connection breaks instead of an answer.
func (f *Fault) breaks() bool { return f.Kind == FaultReset || f.Kind == FaultDown }

// instead is what f answers in place of the appliance.
func (f *Fault) instead() (answer, bool) {
	switch f.Kind {
	case FaultAnswer:
		a := answer{status: cmp.Or(f.Status, http.StatusInternalServerError), body: []byte(f.Body)}
		a.kind = cmp.Or(f.Type, look(f.Body))
		return a, true
	case FaultPage:
		body := cmp.Or(f.Body, "<!DOCTYPE html><html><head><title>Sign in</title></head><body><form><input type=\"password\"></form></body></html>")
		return answer{status: cmp.Or(f.Status, http.StatusOK), kind: kindHTML, body: []byte(body)}, true
	case FaultRedirect:
		to := cmp.Or(f.Target, "https://other.example.test/")
		return answer{status: cmp.Or(f.Status, http.StatusFound), kind: kindHTML, header: http.Header{"Location": {to}}}, true
	}
	return answer{}, false
}

// look guesses the type of a body.
func look(body string) string {
	switch {
	case strings.HasPrefix(body, "{"), strings.HasPrefix(body, "["):
		return kindJSON
	case strings.HasPrefix(body, "<?xml"):
		return kindXML
	case strings.HasPrefix(body, "<"):
		return kindHTML
	}
	return kindPlain
}
