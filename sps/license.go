package sps

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/changeover-sdk/changeover/internal/redact"
	"github.com/changeover-sdk/changeover/internal/rest"
)

// License is the appliance's licence as it stands. No guide that could be read gives its fields (SPS 6.0.6 REST API Reference
// Guide, Manage the SPS license), so none is interpreted: it is kept raw, for people and for comparing.
type License struct {
	Raw json.RawMessage `json:"raw,omitempty"` // compact and scrubbed; nil when there is none
}

// Present reports whether the appliance shows any licence. Whether it is valid cannot be told from fields nobody knows.
func (l License) Present() bool {
	switch string(l.Raw) {
	case "", "null", "{}", "[]", `""`, "false":
		return false
	}
	return true
}

// License reads the licence (GET /api/configuration/management/license). An appliance that says that there is none is no error.
func (c *Client) License(ctx context.Context) (License, error) {
	const op, path = "read licence", "/api/configuration/management/license"
	var w struct {
		Body json.RawMessage `json:"body"`
	}
	resp, err := c.call(ctx, request{op: op, intent: rest.Read, method: http.MethodGet, path: path}, &w)
	switch {
	case errors.Is(err, ErrNotFound):
		return License{}, nil
	case err != nil:
		return License{}, err
	}
	var raw bytes.Buffer
	if len(w.Body) > 0 && json.Compact(&raw, scrubJSON(w.Body, c.session.scrub())) != nil {
		return License{}, &Error{Op: op, Method: http.MethodGet, Path: path, Status: resp.Status, class: ErrBadAnswer, Message: "the licence is no JSON"}
	}
	return License{Raw: raw.Bytes()}, nil
}

// scrubJSON scrubs the texts of a JSON value one by one: scrubbing the whole would break its syntax.
func scrubJSON(raw json.RawMessage, scrub func(string) string) json.RawMessage {
	var v any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return nil
	}
	var walk func(name string, v any) any
	walk = func(name string, v any) any {
		switch v := v.(type) {
		case string:
			if scrub(name+"=x") != name+"=x" {
				return redact.Mark // what is called a password is one
			}
			return scrub(v)
		case []any:
			for i := range v {
				v[i] = walk(name, v[i])
			}
		case map[string]any:
			for key := range v {
				v[key] = walk(key, v[key])
			}
		}
		return v
	}
	out, err := json.Marshal(walk("", v))
	if err != nil {
		return nil
	}
	return out
}
