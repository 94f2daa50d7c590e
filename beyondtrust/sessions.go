package beyondtrust

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/changeover-sdk/changeover/internal/rest"
)

// Session is an access session that runs now. It ends when the appliance's software is updated.
type Session struct {
	LSID  string    // the session's id, 32 hexadecimal digits
	Users []string  // who takes part, by user name or what stands for it
	Hosts []string  // the endpoints
	AsOf  time.Time // when this machine asked
}

// Sessions lists the sessions that run now, ordered by LSID. It is a read and is retried.
//
// Neither Command API has such a list. Over v2 it is put together from the connected clients: the sessions each access console takes part in and the
// session each endpoint serves. Over XML it comes from the Reporting API, for which the account needs [PermReportingSession]: sessions begun in the last
// [ReportSpan] that have no end. If that names fewer sessions than endpoints are connected, the list comes with an error of class [ErrIncomplete].
func (c *Client) Sessions(ctx context.Context) ([]Session, error) {
	d, err := c.dialect(ctx)
	if err != nil {
		return nil, err
	}
	if d == DialectXML {
		return c.sessionsXML(ctx)
	}
	const op = "list sessions"
	asked := time.Now()
	resp, q, err := c.getV2(ctx, op, "/client", nil, listLimit)
	if err != nil {
		return nil, err
	}
	list, err := parseSessionsV2(resp.Body, asked)
	if err != nil {
		return nil, c.badAnswer(q, resp, err)
	}
	return list, nil
}

// CountSessions counts the sessions that run now. Over XML that is the number of endpoints that are in a session, for which no report is needed. It is a
// read and is retried.
func (c *Client) CountSessions(ctx context.Context) (int, error) {
	d, err := c.dialect(ctx)
	if err != nil {
		return 0, err
	}
	if d == DialectV2 {
		list, err := c.Sessions(ctx)
		return len(list), err
	}
	list, err := c.countsXML(ctx)
	n := 0
	for _, at := range list {
		n += at.Endpoints
	}
	return n, err
}

// parseSessionsV2 reads the connected clients. Their types were renamed between releases and may be again, so it goes by the fields alone.
func parseSessionsV2(b []byte, asked time.Time) ([]Session, error) {
	type client struct {
		Hostname string   `json:"hostname"`
		User     string   `json:"username"`
		Display  string   `json:"display_name"`
		LSID     string   `json:"lsid"`
		LSIDs    []string `json:"session_lsids"`
	}
	clients, err := decodeList[client](b, listMost)
	if err != nil {
		return nil, err
	}
	book := map[string]*Session{}
	at := func(lsid string) *Session {
		s := book[lsid]
		if s == nil {
			s = &Session{LSID: lsid, AsOf: asked}
			book[lsid] = s
		}
		return s
	}
	for _, k := range clients {
		for _, lsid := range k.LSIDs {
			if lsid == "" || len(lsid) > 128 {
				return nil, errors.New("read clients: a session without a usable id")
			}
			s := at(printable(lsid))
			s.Users = add(s.Users, firstOf(k.User, k.Display, k.Hostname))
		}
		if k.LSID != "" {
			if len(k.LSID) > 128 {
				return nil, errors.New("read clients: a session without a usable id")
			}
			s := at(printable(k.LSID))
			s.Hosts = add(s.Hosts, k.Hostname)
		}
	}
	return ordered(book), nil
}

// EndSession ends the session with the given id. It is an act: sent once, after asking who answers. A session that is there no more is an error of class
// [ErrNotFound] over v2; over XML, where the appliance's words for it are not documented, of class [ErrRefused].
func (c *Client) EndSession(ctx context.Context, lsid string) error {
	const op = "end session"
	if len(lsid) != 32 || !word(lsid) {
		return &Error{Op: op, Class: ErrNotSent, Err: fmt.Errorf("session id %.60q: want 32 hexadecimal digits", lsid)}
	}
	if err := c.prove(ctx, op); err != nil {
		return err
	}
	d, err := c.dialect(ctx)
	if err != nil {
		return &Error{Op: op, Class: ErrNotSent, Err: err}
	}
	if d == DialectV2 {
		return c.actV2(ctx, call{op: op, method: http.MethodDelete, path: v2Path + "/session/" + lsid})
	}
	root, resp, err := c.commandXML(ctx, op, rest.Act, url.Values{"action": {"terminate_session"}, "lsid": {lsid}})
	if err != nil {
		return err
	}
	if _, err := parseSuccess(root); err != nil {
		return c.badXML(op, resp, err)
	}
	return nil
}

// actV2 sends an act that is answered with 204 and no body.
func (c *Client) actV2(ctx context.Context, q call) error {
	q.intent, q.accept, q.limit = rest.Act, jsonType, smallLimit
	resp, err := c.do(ctx, q)
	if err != nil {
		return err
	}
	if resp.Status != http.StatusNoContent {
		return c.explain(q, resp)
	}
	return nil
}

// ordered returns the sessions of a book by their ids.
func ordered(book map[string]*Session) []Session {
	list := make([]Session, 0, len(book))
	for _, lsid := range slices.Sorted(maps.Keys(book)) {
		list = append(list, *book[lsid])
	}
	return list
}

// add appends a name that is not there yet.
func add(list []string, name string) []string {
	if name = printable(name); name == "" || slices.Contains(list, name) {
		return list
	}
	return append(list, name)
}

func firstOf(words ...string) string {
	for _, w := range words {
		if w != "" {
			return w
		}
	}
	return ""
}
