package pratest

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// call is one request on its way through an appliance.
type call struct {
	box     *Box
	name    string // as faults and counts know it
	method  string
	path    string
	id      string // what stands for {id} in the route
	id2     string
	query   url.Values
	form    url.Values // of a form-encoded body
	header  http.Header
	body    []byte
	files   map[string]upload // of a multipart form
	account *account
}

// answer is what the appliance says.
type answer struct {
	status  int
	kind    string // Content-Type
	header  http.Header
	body    []byte
	stream  io.Reader // in place of body
	size    int64     // of stream
	wait    time.Duration
	unknown bool // no document knows the request
}

const (
	kindJSON  = "application/json"
	kindXML   = "text/xml; charset=UTF-8"
	kindHTML  = "text/html; charset=UTF-8"
	kindPlain = "text/plain; charset=UTF-8"
)

// maxBody bounds what is read of a request that is no upload.
const maxBody = 1 << 20

// handle takes one request through: the door, a planned fault, the act, the answer.
func (b *Box) handle(w http.ResponseWriter, r *http.Request, c *conn) {
	s := b.site
	k, err := b.newCall(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.lock()
	if b.st.front == away || s.w.closed {
		c.reset()
		s.mu.Unlock()
		panic(http.ErrAbortHandler)
	}
	s.w.calls[k.name]++
	c.calls++
	if c.calls == 2 && strings.HasPrefix(k.path, "/api/") {
		s.violate(b, RuleConnectionKept, "%s", k.name)
	}
	f := b.fault(k.name, k.pattern())
	delay := s.slowness(b)
	s.mu.Unlock()

	ctx := r.Context()
	broken := func() {
		c.reset()
		panic(http.ErrAbortHandler)
	}
	if f.breaks() && !f.acts() {
		broken()
	}
	if delay > 0 && !s.pause(ctx, b, s.scaled(delay)) {
		broken()
	}
	s.lock()
	if b.st.front == away {
		s.mu.Unlock()
		broken()
	}
	a, planned := f.instead()
	if f.acts() {
		if real := b.route(k); !planned {
			a = real
		}
	}
	date := b.clock()
	s.mu.Unlock()
	if a.unknown {
		s.tell(b, r)
	}
	wait := s.scaled(a.wait + f.late())
	if f.Kind == FaultHang {
		wait = forever
	}
	if wait > 0 && !s.pause(ctx, b, wait) || f.breaks() {
		broken()
	}
	b.write(w, r, c, a, f, date)
}

// tell makes a test fail that made a request which no document knows.
func (s *Site) tell(b *Box, r *http.Request) {
	switch {
	case s.Unknown != nil:
		s.Unknown(r)
	case s.T != nil:
		s.T.Helper()
		s.T.Errorf("pratest: %s: no vendor document knows this request: %s %s", b.Name, r.Method, r.URL.Path)
	}
}

// write sends the answer, or as much of it as the fault lets through.
func (b *Box) write(w http.ResponseWriter, r *http.Request, c *conn, a answer, f Fault, date time.Time) {
	for k, v := range a.header {
		w.Header()[k] = v
	}
	w.Header().Set("Date", date.UTC().Format(http.TimeFormat))
	if a.kind != "" {
		w.Header().Set("Content-Type", a.kind)
	}
	size := int64(len(a.body))
	body := a.stream
	if body != nil {
		size = a.size
	} else {
		body = bytes.NewReader(a.body)
	}
	if f.Kind == FaultHalf {
		size /= 2
	}
	status := cmp.Or(a.status, http.StatusOK)
	if status != http.StatusNoContent {
		w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	}
	w.WriteHeader(status)
	if r.Method == http.MethodHead || status == http.StatusNoContent {
		return
	}
	limit := size
	if f.Kind == FaultCut || f.Kind == FaultStall {
		limit = min(cmp.Or(f.After, size/2), max(size-1, 0))
	}
	body = io.LimitReader(body, limit)
	if f.Kind == FaultTrickle {
		every := b.site.scaled(cmp.Or(f.Delay, 10*time.Second))
		body = &trickle{from: body, w: w, pause: func() bool { return b.site.pause(r.Context(), b, every) }}
	}
	_, err := io.Copy(w, body)
	if f.Kind == FaultCut || f.Kind == FaultStall {
		http.NewResponseController(w).Flush()
		if f.Kind == FaultStall {
			b.site.pause(r.Context(), b, forever)
		}
		panic(http.ErrAbortHandler) // closed, not reset: what was sent arrives
	}
	if err != nil {
		c.reset()
		panic(http.ErrAbortHandler)
	}
}

// newCall reads a request, all but the files of an upload, which are read to their end and judged as they pass.
func (b *Box) newCall(r *http.Request) (*call, error) {
	k := &call{box: b, method: r.Method, path: r.URL.Path, header: r.Header.Clone()}
	k.header.Set("Host", r.Host)
	var err error
	if k.query, err = url.ParseQuery(r.URL.RawQuery); err != nil {
		return nil, errors.New("bad query")
	}
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	switch {
	case kind == "multipart/form-data" && isPage(k.path):
		if err := k.readUpload(r); err != nil {
			return nil, err
		}
	default:
		if k.body, err = io.ReadAll(io.LimitReader(r.Body, maxBody)); err != nil {
			return nil, errors.New("the request broke off")
		}
		if kind == "application/x-www-form-urlencoded" {
			k.form, _ = url.ParseQuery(string(k.body))
		}
	}
	k.name = k.method + " " + k.path
	if isPage(k.path) {
		k.name = k.pageName()
	}
	if action := k.value("action"); k.path == "/api/command" && action != "" {
		k.name += "?action=" + action
	}
	return k, nil
}

// pattern is the call's name with {id} for what stands for it in its route.
func (k *call) pattern() string {
	for _, rt := range routes {
		if rt.match(k) {
			return k.method + " " + rt.path
		}
	}
	return k.name
}

// value is a parameter of an XML call, from the query or the form.
func (k *call) value(name string) string {
	if v := k.query.Get(name); v != "" {
		return v
	}
	return k.form.Get(name)
}

// route finds who answers. Called under the lock.
func (b *Box) route(k *call) answer {
	switch {
	case b.st.front == unavailable:
		return answer{status: http.StatusServiceUnavailable, kind: kindHTML, body: []byte(page503)}
	case isPage(k.path):
		return b.servePage(k)
	case b.st.factory && k.path == "/check_health":
		return answer{status: http.StatusInternalServerError, kind: kindPlain, body: []byte("There is no site on this appliance.\n")}
	case b.st.factory:
		return answer{status: http.StatusServiceUnavailable, kind: kindHTML, body: []byte(page503)}
	case b.site.Switches.HostChecked && !b.knowsHost(k.header.Get("Host")):
		return answer{status: http.StatusNotFound, kind: kindHTML, body: []byte("<html><body>No such site.</body></html>")}
	}
	for _, rt := range routes {
		if !rt.match(k) {
			continue
		}
		if b.site.Switches.BackupSilent && rt.quiet && b.standby() {
			return rt.family.fail(b, http.StatusForbidden, "This site is a backup.")
		}
		method := k.method
		if method == http.MethodHead {
			method = http.MethodGet
		}
		if k.method == http.MethodOptions {
			return answer{status: http.StatusNoContent, header: http.Header{"Allow": {rt.allow()}}}
		}
		do := rt.do[method]
		if do == nil {
			a := rt.family.fail(b, http.StatusMethodNotAllowed, "Method not allowed")
			a.header = http.Header{"Allow": {rt.allow()}}
			return a
		}
		return rt.family.admit(k, do)
	}
	b.site.note(b, UnknownRequest, "%s", k.name)
	return answer{status: http.StatusNotFound, kind: kindHTML, body: []byte("<html><body>Not Found</body></html>"), unknown: true}
}

func (b *Box) knowsHost(host string) bool {
	host, _, _ = strings.Cut(strings.ToLower(host), ":")
	return host == b.site.Name || host == b.host() || host == b.Addr.String()
}

const page503 = "<html><head><title>503</title></head><body><h1>The site is temporarily unavailable.</h1></body></html>"

// trickle hands on a little at a time, with a pause before each piece: slow, but moving.
type trickle struct {
	from  io.Reader
	pause func() bool
	w     http.ResponseWriter
}

func (t *trickle) Read(p []byte) (int, error) {
	http.NewResponseController(t.w).Flush()
	if !t.pause() {
		return 0, fmt.Errorf("the connection ended")
	}
	return t.from.Read(p[:min(len(p), 16<<10)])
}
