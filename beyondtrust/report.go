package beyondtrust

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/changeover-sdk/changeover/internal/rest"
	"github.com/changeover-sdk/changeover/internal/transfer"
)

// ReportSpan is how far back the XML way of [Client.Sessions] looks for sessions that have no end. It covers a session of a day on an appliance whose
// clock is wrong by a day.
const ReportSpan = 48 * time.Hour

const (
	reportPath = "/api/reporting"
	reportMost = 1 << 30 // bytes of a report, which holds every event of every session
	tokenMost  = 1 << 20 // bytes of one element's name and attributes, or of one text: the decoder holds it in memory
)

// sessionsXML reads the AccessSession report, and compares it with the endpoints that are connected.
func (c *Client) sessionsXML(ctx context.Context) ([]Session, error) {
	const op = "list sessions"
	asked := time.Now()
	q := call{op: op, intent: rest.Read, method: http.MethodGet, path: reportPath, accept: xmlType, query: url.Values{
		"generate_report": {"AccessSession"},
		"start_time":      {strconv.FormatInt(asked.Add(-ReportSpan).Unix(), 10)},
		"duration":        {"0"}, // up to now
	}}
	list, err := c.report(ctx, q, asked)
	if err != nil {
		return nil, err
	}
	endpoints, err := c.CountSessions(ctx)
	if err != nil {
		return nil, err
	}
	if len(list) < endpoints {
		return list, &Error{Op: op, Class: ErrIncomplete, Err: fmt.Errorf("%d endpoints are in a session, and the report names %d sessions", endpoints, len(list))}
	}
	return list, nil
}

// report reads a report while it comes.
func (c *Client) report(ctx context.Context, q call, asked time.Time) ([]Session, error) {
	r, w := io.Pipe()
	fetched := make(chan error, 1)
	go func() {
		_, err := c.fetch(ctx, q, transfer.Download{Into: w})
		w.CloseWithError(err)
		fetched <- err
	}()
	list, err := parseReport(io.LimitReader(r, reportMost), asked)
	r.CloseWithError(errNotWanted) // what still comes is of no use
	cut := <-fetched
	refused, said := errors.AsType[*reportRefused](err)
	switch {
	case said:
		return nil, &Error{Op: q.op, Method: q.method, Path: q.path, Status: http.StatusOK, Class: ErrRefused, Message: shorten(c.scrubber()(refused.text))}
	case cut != nil && !errors.Is(cut, errNotWanted):
		return nil, cut
	case err != nil:
		return nil, c.badAnswer(q, &rest.Response{Status: http.StatusOK}, err)
	}
	return list, nil
}

var errNotWanted = errors.New("no more is wanted")

// reportRefused is an error element in place of a report.
type reportRefused struct{ text string }

func (e *reportRefused) Error() string { return "an error element" }

// parseReport reads the sessions of an AccessSession report that have no end, in memory that does not depend on the report's length.
func parseReport(r io.Reader, asked time.Time) ([]Session, error) {
	from := &budget{r: r}
	d := xml.NewDecoder(from)
	book := map[string]*Session{}
	var whole bool    // the root has ended
	var path []string // names of the open elements
	var now *Session  // the session we are in
	var ended bool    // and whether it has an end
	var said strings.Builder
	for {
		from.left = tokenMost
		tok, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read report: %w", err)
		}
		switch t := tok.(type) {
		case xml.Directive:
			return nil, errors.New("read report: a document type")
		case xml.StartElement:
			name := t.Name.Local
			switch {
			case whole:
				return nil, errors.New("read report: a second root element")
			case len(path) == 0 && name != "session_list" && name != "error":
				return nil, fmt.Errorf("read report: root element %.40q", name)
			case len(path) == xmlDepth:
				return nil, fmt.Errorf("read report: more than %d levels", xmlDepth)
			case len(path) == 1 && name == "session":
				lsid := attr(t, "lsid")
				if lsid == "" || len(lsid) > 128 {
					return nil, errors.New("read report: a session without a usable id")
				}
				now, ended = &Session{LSID: printable(lsid), AsOf: asked}, false
			case len(path) == 2 && name == "end_time" && attr(t, "timestamp") != "":
				ended = true
			}
			path = append(path, name)
			said.Reset()
		case xml.CharData:
			if len(path) <= 3 && said.Len()+len(t) <= 4<<10 {
				said.Write(t)
			}
		case xml.EndElement:
			name := path[len(path)-1]
			path = path[:len(path)-1]
			whole = len(path) == 0
			content := strings.TrimSpace(said.String())
			said.Reset()
			switch {
			case len(path) <= 1 && name == "error":
				return nil, &reportRefused{content}
			case len(path) == 2 && now != nil && name == "end_time" && content != "":
				ended = true
			case len(path) == 2 && now != nil && name == "primary_rep":
				now.Users = add(now.Users, content)
			case len(path) == 2 && now != nil && name == "primary_customer":
				now.Hosts = add(now.Hosts, content)
			case len(path) == 1 && name == "session":
				if !ended {
					book[now.LSID] = now
				}
				now = nil
			}
		}
	}
	if !whole {
		return nil, errors.New("read report: it is empty")
	}
	return ordered(book), nil
}

// budget ends a document in which one token does not end.
type budget struct {
	r    io.Reader
	left int
}

func (b *budget) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errors.New("one element or text is too long")
	}
	n, err := b.r.Read(p)
	b.left -= n
	return n, err
}

func attr(t xml.StartElement, name string) string {
	for _, a := range t.Attr {
		if a.Name.Local == name {
			return strings.TrimSpace(a.Value)
		}
	}
	return ""
}
