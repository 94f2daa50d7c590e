package sps

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/changeover-sdk/changeover/internal/rest"
)

// License is the appliance's licence as it stands. Its fields are not documented (SPS 6.0.6 REST API Reference Guide, Manage the SPS license), so none is
// read: it is kept raw, for people and for comparing.
type License struct {
	Raw json.RawMessage `json:"raw,omitempty"` // compact; nil when there is none
}

// Present reports whether the appliance shows any licence. Whether it is valid cannot be told from undocumented fields.
func (l License) Present() bool {
	return len(l.Raw) > 0 && string(l.Raw) != "null" && string(l.Raw) != "{}" && string(l.Raw) != `""`
}

// License reads the licence (GET /api/configuration/management/license). An appliance that says that there is none is no error.
func (c *Client) License(ctx context.Context) (License, error) {
	const op, path = "read licence", "/api/configuration/management/license"
	var w struct {
		Body json.RawMessage `json:"body"`
	}
	_, err := c.call(ctx, request{op: op, intent: rest.Read, method: http.MethodGet, path: path}, &w)
	switch {
	case errors.Is(err, ErrNotFound):
		return License{}, nil
	case err != nil:
		return License{}, err
	}
	var raw bytes.Buffer
	if len(w.Body) > 0 && json.Compact(&raw, []byte(c.session.scrub()(string(w.Body)))) != nil {
		return License{}, &Error{Op: op, Method: http.MethodGet, Path: path, class: ErrBadAnswer, Message: "the licence is no JSON"}
	}
	return License{Raw: raw.Bytes()}, nil
}
