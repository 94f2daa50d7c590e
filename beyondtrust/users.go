package beyondtrust

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/changeover-sdk/changeover/internal/rest"
)

// User is somebody who is signed in to an access console.
type User struct {
	ID       string    // for [Client.LogOut]
	Name     string    // display name
	Type     string    // "normal", "invited"; in lower case
	Since    time.Time // signed in since, by the appliance's clock; zero when it cannot be read
	Sessions int       // how many sessions this user takes part in
	AsOf     time.Time // when this machine asked
}

// Users lists who is signed in to an access console. It is a read and is retried; over XML the vendor asks not to repeat it often.
func (c *Client) Users(ctx context.Context) ([]User, error) {
	const op = "list users"
	d, err := c.dialect(ctx)
	if err != nil {
		return nil, err
	}
	asked := time.Now()
	if d == DialectXML {
		root, resp, err := c.commandXML(ctx, op, rest.Read, url.Values{"action": {"get_logged_in_reps"}})
		if err != nil {
			return nil, err
		}
		list, err := parseUsersXML(root, asked)
		if err != nil {
			return nil, c.badXML(op, resp, err)
		}
		return list, nil
	}
	resp, q, err := c.getV2(ctx, op, "/user", nil, listLimit)
	if err != nil {
		return nil, err
	}
	list, err := parseUsersV2(resp.Body, asked)
	if err != nil {
		return nil, c.badAnswer(q, resp, err)
	}
	return list, nil
}

// LogOut signs a user out of the access console; id is a [User.ID]. It is an act: sent once, after asking who answers. The XML API has no documented way
// to it: [ErrNotOffered].
func (c *Client) LogOut(ctx context.Context, id string) error {
	const op = "log out user"
	if id == "" || !word(strings.NewReplacer("-", "", "_", "").Replace(id)) {
		return &Error{Op: op, Class: ErrNotSent, Err: fmt.Errorf("user id %.60q: want letters and digits", id)}
	}
	d, err := c.dialect(ctx)
	if err != nil {
		return &Error{Op: op, Class: ErrNotSent, Err: err}
	}
	if d == DialectXML {
		return &Error{Op: op, Class: ErrNotOffered, Err: ErrNotSent}
	}
	if err := c.prove(ctx, op); err != nil {
		return err
	}
	return c.actV2(ctx, call{op: op, method: http.MethodPost, path: v2Path + "/user/" + id + "/logout"})
}

func parseUsersV2(b []byte, asked time.Time) ([]User, error) {
	type user struct {
		ID       wireWord `json:"id"`
		Type     string   `json:"type"`
		Name     string   `json:"display_name"`
		Since    wireTime `json:"logged_in_since"`
		Sessions int      `json:"session_count"`
	}
	said, err := decodeList[user](b, listMost)
	if err != nil {
		return nil, err
	}
	list := make([]User, 0, len(said))
	for _, u := range said {
		if u.ID == "" {
			return nil, errors.New("read users: one without an id")
		}
		list = append(list, User{printable(string(u.ID)), printable(u.Name), strings.ToLower(printable(u.Type)), u.Since.Time, u.Sessions, asked})
	}
	return list, nil
}

func parseUsersXML(root *node, asked time.Time) ([]User, error) {
	if root.name != "logged_in_reps" {
		return nil, fmt.Errorf("read users: root element %.40q", root.name)
	}
	list := []User{}
	for _, rep := range root.all("rep") {
		words := map[string]string{}
		for _, name := range []string{"public_display_name", "private_display_name", "display_name", "type", "support_session_count"} {
			w, err := rep.word(name)
			if err != nil {
				return nil, fmt.Errorf("read users: %w", err)
			}
			words[name] = w
		}
		n, err := parseCount(firstOf(words["support_session_count"], "0"))
		if err != nil {
			return nil, fmt.Errorf("read users: sessions: %w", err)
		}
		since, err := xmlTime(rep, "logged_in_since", "ts")
		if err != nil {
			since = time.Time{} // its form is not documented, and nothing depends on it
		}
		list = append(list, User{
			ID: printable(rep.attrs["id"]), Name: printable(firstOf(words["private_display_name"], words["public_display_name"], words["display_name"])),
			Type: strings.ToLower(printable(words["type"])), Since: since, Sessions: n, AsOf: asked,
		})
	}
	return list, nil
}
