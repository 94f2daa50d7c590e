package sps

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/changeover-sdk/changeover/internal/rest"
)

// mostPages bounds how many parts of a list are read: one that never ends is no list.
const mostPages = 100

// list reads a collection to its end, and hands every item to each, decoded into what item returned. A list may come in parts, the next
// of which is at meta.next (SPS 7.4 REST API Reference Guide, Navigating the configuration).
func (c *Client) list(ctx context.Context, op, path string, item func() any, each func(any) error) error {
	_, err := c.listAll(ctx, op, path, item, each)
	return err
}

// listAll is list and returns the first part's meta and when the appliance answered.
func (c *Client) listAll(ctx context.Context, op, path string, item func() any, each func(any) error) (listed, error) {
	var first listed
	query := ""
	for page := 0; ; page++ {
		var w struct {
			Items []json.RawMessage `json:"items"`
			Meta  wireMeta          `json:"meta"`
		}
		resp, err := c.call(ctx, request{op: op, intent: rest.Read, method: http.MethodGet, path: path, query: query}, &w)
		if err != nil {
			return first, err
		}
		if page == 0 {
			first = listed{meta: w.Meta, resp: resp}
		}
		odd := func(message string) error {
			return &Error{Op: op, Method: http.MethodGet, Path: path, Status: resp.Status, class: ErrBadAnswer, Message: message}
		}
		if w.Items == nil {
			return first, odd("no items in the answer")
		}
		for _, raw := range w.Items {
			into := item()
			if err := json.Unmarshal(raw, into); err != nil {
				return first, odd(c.session.scrub()(err.Error()))
			}
			if err := each(into); err != nil {
				return first, err
			}
		}
		next := string(w.Meta.Next)
		if next == "" {
			return first, nil
		}
		u, err := url.Parse(next)
		switch {
		case err != nil || u.Host != "" || strings.TrimSuffix(u.Path, "/") != path || u.RawQuery == query:
			return first, odd("the rest of the list is said to be at a place that is not this list")
		case page+1 == mostPages:
			return first, odd("the list does not end")
		}
		query = u.RawQuery
	}
}

// listed is what else a list says.
type listed struct {
	meta wireMeta
	resp *rest.Response
}
