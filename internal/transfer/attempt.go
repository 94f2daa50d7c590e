package transfer

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// attempt is one request of a download.
type attempt struct {
	Download
	client  *Client
	part    *part
	ranged  bool // asked for what is missing only
	moved   int64
	curable bool // a new connection may help
}

func (a *attempt) run(ctx context.Context) error {
	inner, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := &watchdog{cancel: cancel}
	defer watch.stop()
	req, err := a.request(inner)
	if err != nil {
		return err
	}
	watch.expect(orDefault(a.Answer, DefaultAnswer))
	resp, err := a.client.rt.RoundTrip(req)
	if err != nil {
		err, a.curable = a.client.judge(err)
		return fault(ctx, inner, err)
	}
	defer resp.Body.Close()
	stall := orDefault(a.Stall, DefaultStall)
	watch.expect(stall)
	whole, err := a.place(resp)
	if whole || err != nil {
		return err
	}
	body := &counted{r: resp.Body, a: a, watch: watch, stall: stall, tell: teller(a.Progress, a.part.at), at: a.part.at}
	head, readErr, err := a.look(resp, body)
	if err != nil {
		return err
	}
	var writeErr error
	if readErr == nil {
		readErr, writeErr = a.part.pump(io.MultiReader(bytes.NewReader(head), body))
	}
	watch.stop()
	switch {
	case writeErr != nil:
		return fault(ctx, inner, writeErr)
	case readErr != nil:
		readErr, a.curable = a.client.judge(readErr)
		return fault(ctx, inner, readErr)
	}
	return a.proven(resp)
}

// look shows the caller how a file begins. A body that breaks before that is shown to nobody.
func (a *attempt) look(resp *http.Response, body io.Reader) (head []byte, readErr, refused error) {
	if a.Look == nil || a.part.at > 0 {
		return nil, nil, nil
	}
	head = make([]byte, LookAt)
	n, readErr := fill(body, head, -1)
	if readErr != nil && readErr != io.EOF {
		return nil, readErr, nil
	}
	return head[:n], nil, a.Look(resp.Header, head[:n])
}

// request asks for the file, or for what is missing of it if it is still the same file.
func (a *attempt) request(ctx context.Context) (*http.Request, error) {
	var body io.Reader
	if a.Body != nil {
		body = bytes.NewReader(a.Body)
	}
	req, err := http.NewRequestWithContext(ctx, a.method(), a.URL.String(), body)
	if err != nil {
		return nil, errors.New("the address or the method cannot be used")
	}
	if a.Header != nil {
		req.Header = a.Header.Clone()
	}
	req.Header.Set("Accept-Encoding", "identity") // so that lengths and ranges mean the file's own bytes
	if a.Prepare != nil {
		if err := a.Prepare(req); err != nil {
			return nil, err
		}
	}
	if a.ranged = a.part.at > 0 && a.part.resumable(); a.ranged {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", a.part.at))
		req.Header.Set("If-Range", a.part.mark.Validator)
	}
	return req, nil
}

// place finds out where in the file the answer's body belongs. Whole says that nothing is missing.
func (a *attempt) place(resp *http.Response) (whole bool, err error) {
	p := a.part
	again := func(why string) error {
		if err := p.restart("", -1); err != nil {
			return full(err)
		}
		a.curable = true // from nothing
		return fmt.Errorf("%w: %s", ErrCut, why)
	}
	switch {
	case resp.StatusCode == http.StatusOK:
		total := resp.ContentLength
		if a.Size > 0 && total >= 0 && total != a.Size {
			return false, fmt.Errorf("%w: it has %d bytes, not %d", ErrMismatch, total, a.Size)
		}
		v := ""
		if a.method() == http.MethodGet { // a range of anything else means nothing
			v = validator(resp.Header)
		}
		if err := p.restart(v, total); err != nil {
			return false, full(err)
		}
		return false, nil
	case resp.StatusCode == http.StatusPartialContent && a.ranged:
		start, end, total, ok := contentRange(resp.Header.Get("Content-Range"))
		tag := resp.Header.Get("ETag")
		if !ok || start != p.at || end != total-1 || p.mark.Total >= 0 && total != p.mark.Total ||
			tag != "" && strings.HasPrefix(p.mark.Validator, `"`) && tag != p.mark.Validator {
			return false, again("the server sends another part of the file than it was asked for")
		}
		p.mark.Total = total
		return false, nil
	case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable && a.ranged:
		if total, ok := unsatisfied(resp.Header.Get("Content-Range")); ok && total == p.at && (p.mark.Total < 0 || total == p.mark.Total) {
			p.mark.Total = total
			return true, nil
		}
		return false, again("the server's file is shorter than what came of it")
	}
	e := &StatusError{Status: resp.StatusCode, Header: resp.Header}
	e.Body, _ = io.ReadAll(io.LimitReader(resp.Body, 64<<10)) // what there is of it
	a.curable = p.at > 0 && (e.Status == http.StatusBadGateway || e.Status == http.StatusServiceUnavailable || e.Status == http.StatusGatewayTimeout)
	return false, e
}

// proven reports whether the body's end was the file's.
func (a *attempt) proven(resp *http.Response) error {
	p := a.part
	switch total := p.mark.Total; {
	case total >= 0 && p.at == total:
		return nil
	case total >= 0:
		a.curable = true
		return fmt.Errorf("%w: %d of %d bytes came", ErrCut, p.at, total)
	case len(resp.TransferEncoding) > 0 || resp.ProtoMajor > 1: // net/http has seen the last chunk, or the stream's end
		p.mark.Total = p.at
		return nil
	case a.SHA256 != "" || a.Size > 0 || a.Prove != nil:
		return nil // compared right after this
	}
	p.mark.Validator = "" // of no use: where it ends is not known
	return fmt.Errorf("%w: the server says neither its length nor where it ends", ErrUnproven)
}

func (d Download) method() string { return cmp.Or(d.Method, http.MethodGet) }

// counted is a body of which every read is a sign of life.
type counted struct {
	r     io.Reader
	a     *attempt
	watch *watchdog
	stall time.Duration
	tell  func(done, total int64, last bool)
	at    int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.a.moved += int64(n)
	c.at += int64(n)
	c.tell(c.at, c.a.part.mark.Total, err == io.EOF)
	if n > 0 {
		c.watch.expect(c.stall)
	}
	return n, err
}

// validator returns what an answer offers to recognise the same file by, byte for byte: an ETag that is not weak, or else a
// modification time that is at least a second older than the answer (RFC 9110, 8.8.2.2 and 13.1.5). Empty: nothing.
func validator(h http.Header) string {
	if tag := h.Get("ETag"); tag != "" {
		if len(tag) >= 2 && tag[0] == '"' && tag[len(tag)-1] == '"' {
			return tag
		}
		return "" // with a weak one, the server itself says that bytes may differ
	}
	modified, err := http.ParseTime(h.Get("Last-Modified"))
	if err != nil {
		return ""
	}
	if date, err := http.ParseTime(h.Get("Date")); err != nil || date.Sub(modified) < time.Second {
		return ""
	}
	return h.Get("Last-Modified")
}

// contentRange reads "bytes 5-9/10".
func contentRange(s string) (start, end, total int64, ok bool) {
	s, ok = strings.CutPrefix(s, "bytes ")
	span, size, ok2 := strings.Cut(s, "/")
	from, to, ok3 := strings.Cut(span, "-")
	if !ok || !ok2 || !ok3 {
		return 0, 0, 0, false
	}
	var numbers [3]int64
	for i, text := range []string{from, to, size} {
		if numbers[i], ok = number(text); !ok {
			return 0, 0, 0, false
		}
	}
	start, end, total = numbers[0], numbers[1], numbers[2]
	return start, end, total, start <= end && end < total
}

// unsatisfied reads "bytes */10".
func unsatisfied(s string) (total int64, ok bool) {
	s, ok = strings.CutPrefix(s, "bytes */")
	if !ok {
		return 0, false
	}
	return number(s)
}

// number reads digits and nothing else.
func number(s string) (int64, bool) {
	n, err := strconv.ParseUint(s, 10, 63)
	return int64(n), err == nil
}
