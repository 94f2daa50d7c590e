package spstest

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/changeover-sdk/changeover/internal/memnet"
)

// Fault is a way in which the next requests go wrong. See [Node.Inject].
type Fault struct {
	Kind  FaultKind
	Times int // how many requests; 0 means one, a negative number all
	Skip  int // how many requests go well before

	// Acts says that the request is carried out, and only its answer goes wrong: the appliance did it, the client cannot know.
	Acts bool

	Status int           // of FaultAnswer and FaultRedirect. Default: 500 and 302
	Body   string        // of FaultAnswer, FaultPage and FaultJSON. Default: something that fits
	Type   string        // of the body. Default: application/json for a body that begins with {, text/html otherwise
	Target string        // of FaultRedirect. Default: https://other.example.test/
	After  int64         // bytes: of the request's body before FaultReset, FaultHang and FaultLogout (0: before it is read), of the answer before FaultCut
	Delay  time.Duration // of FaultSlow, in appliance time. Default: 1 minute

	what string
}

// FaultKind is what goes wrong.
type FaultKind string

const (
	FaultAnswer   FaultKind = "answer"   // another status and body
	FaultReset    FaultKind = "reset"    // the connection breaks: ECONNRESET
	FaultHang     FaultKind = "hang"     // no answer, until the client or the node gives up
	FaultCut      FaultKind = "cut"      // the answer ends in the middle; the request was carried out
	FaultSlow     FaultKind = "slow"     // the answer comes late; the request is carried out
	FaultPage     FaultKind = "page"     // status 200 with a page instead of JSON
	FaultJSON     FaultKind = "json"     // status 200 with JSON of the wrong shape
	FaultRedirect FaultKind = "redirect" // to another host
	FaultLogout   FaultKind = "logout"   // all sessions end; then the request goes on as it may
	FaultDown     FaultKind = "down"     // the node loses its power and boots again
)

// Fail makes the next request of the given kind answer status. What it means is said by method and path, "POST /api/firmware/test" or with {key}
// for any one, "GET /api/firmware/slots/{key}"; or by "press" or "read" and a label, "press Activate Slave".
func (n *Node) Fail(what string, status int) {
	n.Inject(what, Fault{Kind: FaultAnswer, Status: status})
}

// Inject makes requests go wrong. What it means is said as in [Node.Fail]; several faults for the same requests take effect one after the other.
func (n *Node) Inject(what string, f Fault) {
	n.begin()
	f.what = what
	if f.Times == 0 {
		f.Times = 1
	}
	n.world.in(func() { *n.faults = append(*n.faults, &f) })
}

// Heal takes back all faults that have not happened yet.
func (n *Node) Heal() {
	n.begin()
	n.world.in(func() { *n.faults = nil })
}

// fault takes the fault that is due for one of the names, if any. With the lock held.
func (n *Node) fault(names []string) *Fault {
	for i, f := range *n.faults {
		if !slices.Contains(names, f.what) {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			return nil
		}
		if f.Times > 0 {
			if f.Times--; f.Times == 0 {
				*n.faults = slices.Delete(*n.faults, i, i+1)
			}
		}
		return f
	}
	return nil
}

// faulty answers a request, wrongly if a fault is due.
func (n *Node) faulty(w http.ResponseWriter, r *http.Request, names []string, do http.HandlerFunc) {
	var f *Fault
	n.world.in(func() { f = n.fault(names) })
	if f == nil {
		do(w, r)
		return
	}
	out := &held{header: http.Header{}}
	if f.Acts {
		r2 := r.Clone(r.Context())
		do(out, r2)
	}
	switch f.Kind {
	case FaultReset:
		io.CopyN(io.Discard, r.Body, f.After)
		breakConnection(w)
	case FaultHang:
		io.CopyN(io.Discard, r.Body, f.After)
		n.hang(w, r)
	case FaultDown:
		n.world.in(func() { n.goDown(true) })
		breakConnection(w)
	case FaultLogout:
		r.Body = &tripwire{ReadCloser: r.Body, left: f.After, do: n.KillSessions}
		if f.After == 0 {
			n.KillSessions()
		}
		do(w, r)
	case FaultSlow:
		do(out, r)
		n.world.sleep(r.Context(), cmp.Or(f.Delay, time.Minute))
		out.send(w, -1)
	case FaultCut:
		if !f.Acts {
			do(out, r)
		}
		out.send(w, f.After)
	case FaultRedirect:
		http.Redirect(w, r, cmp.Or(f.Target, "https://other.example.test/"), cmp.Or(f.Status, http.StatusFound))
	default:
		f.answer(w)
	}
}

// hang keeps the client waiting until it, or the node, gives up. While a body is not read net/http does not notice that the client has gone, so the
// connection itself is asked.
func (n *Node) hang(w http.ResponseWriter, r *http.Request) {
	gone := r.Context().Done()
	var c net.Conn
	if r.ContentLength != 0 {
		var err error
		if c, _, err = http.NewResponseController(w).Hijack(); err == nil {
			if m := inMemory(c); m != nil {
				gone = m.Done()
			}
		}
	}
	select {
	case <-gone:
	case <-n.world.done:
	}
	if c != nil {
		reset(c)
		return
	}
	breakConnection(w)
}

// inMemory finds the connection of the in-memory network below c; nil if there is none.
func inMemory(c net.Conn) *memnet.Conn {
	switch c := c.(type) {
	case *tls.Conn:
		return inMemory(c.NetConn())
	case *peeked:
		return inMemory(c.Conn)
	case *memnet.Conn:
		return c
	}
	return nil
}

// answer writes what FaultAnswer, FaultPage and FaultJSON say instead of the truth.
func (f *Fault) answer(w http.ResponseWriter) {
	usual := map[FaultKind]int{FaultPage: http.StatusOK, FaultJSON: http.StatusOK}[f.Kind]
	status, body := cmp.Or(f.Status, usual, http.StatusInternalServerError), f.Body
	if body == "" {
		switch f.Kind {
		case FaultPage:
			body = "<html><head><title>Please wait</title></head><body><p>The service is not available.</p></body></html>"
		case FaultJSON:
			body = `{"unexpected": [1, 2, 3]}`
		default:
			body = `{"error": {"type": "SimulatedFault", "message": "a fault was injected", "details": {}}}`
		}
	}
	kind := f.Type
	if kind == "" {
		kind = "text/html; charset=utf-8"
		if strings.HasPrefix(body, "{") {
			kind = "application/json"
		}
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	io.WriteString(w, body)
}

// held keeps an answer back.
type held struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (h *held) Header() http.Header { return h.header }
func (h *held) WriteHeader(status int) {
	if h.status == 0 {
		h.status = status
	}
}
func (h *held) Write(b []byte) (int, error) {
	h.WriteHeader(http.StatusOK)
	return h.body.Write(b)
}

// send gives the answer away, whole if n is negative; otherwise its length is announced, n bytes of it are sent (half of it if n is 0) and the connection
// ends.
func (h *held) send(w http.ResponseWriter, n int64) {
	for k, v := range h.header {
		w.Header()[k] = v
	}
	b := h.body.Bytes()
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(max(h.status, http.StatusOK))
	if n < 0 {
		w.Write(b)
		return
	}
	if n == 0 {
		n = int64(len(b) / 2)
	}
	w.Write(b[:min(n, int64(len(b)))])
	http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// tripwire does something once so many bytes have passed.
type tripwire struct {
	io.ReadCloser
	left int64
	do   func()
}

func (t *tripwire) Read(b []byte) (int, error) {
	n, err := t.ReadCloser.Read(b)
	if t.left > 0 {
		if t.left -= int64(n); t.left <= 0 {
			t.do()
		}
	}
	return n, err
}

// KillSessions ends every session, as an appliance may that has forgotten them.
func (n *Node) KillSessions() {
	n.begin()
	n.world.in(func() {
		clear(n.sessions)
		clear(n.web)
		n.note(SessionsKilled, "")
	})
}
