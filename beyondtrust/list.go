package beyondtrust

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/changeover-sdk/changeover/internal/rest"
)

const (
	configPath = "/api/config/v1"
	perPage    = 100     // the most the Configuration API gives at once
	pagesMost  = 100_000 // ten million things: a list that goes on after that is one that ignores which page is asked for
	pageLimit  = 4 << 20
)

// pages reads a list of the Configuration API page by page and hands out what parse makes of each item. It keeps one page in memory.
//
// The API gives no snapshot: what is added or removed meanwhile shifts the pages. So the number of items is compared with the total that came with the first
// page and with the last, and a difference ends the list with an error of class [ErrIncomplete]. The error comes last, with a zero item.
func pages[W, T any](ctx context.Context, c *Client, op, path string, query url.Values, parse func(W, time.Time) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		seen, first := 0, -1
		for page := 1; ; page++ {
			asked := time.Now()
			items, next, err := readPage[W](ctx, c, op, path, query, page)
			if err != nil {
				yield(zero, err)
				return
			}
			for _, w := range items {
				item, err := parse(w, asked)
				if err != nil {
					yield(zero, &Error{Op: op, Method: http.MethodGet, Path: configPath + path, Status: http.StatusOK, Class: ErrAnswer, Err: err})
					return
				}
				if !yield(item, nil) {
					return
				}
				seen++
			}
			if page == 1 {
				first = next.total
			}
			if next.more && page < pagesMost {
				continue
			}
			if next.more || next.total >= 0 && next.total != seen || first >= 0 && next.total >= 0 && first != next.total {
				yield(zero, &Error{Op: op, Class: ErrIncomplete, Err: fmt.Errorf("%d were read of %d at first and %d at last", seen, first, next.total)})
			}
			return
		}
	}
}

// paging is what the headers of a page say.
type paging struct {
	more  bool // there is a next page
	total int  // of all items; -1 when it does not say
}

// readPage reads one page.
func readPage[W any](ctx context.Context, c *Client, op, path string, query url.Values, page int) ([]W, paging, error) {
	args := url.Values{"per_page": {strconv.Itoa(perPage)}, "current_page": {strconv.Itoa(page)}}
	for k, v := range query {
		args[k] = v
	}
	q := call{op: op, intent: rest.Read, method: http.MethodGet, path: configPath + path, query: args, accept: jsonType, limit: pageLimit}
	resp, err := c.do(ctx, q)
	if err != nil {
		return nil, paging{}, err
	}
	if resp.Status != http.StatusOK {
		return nil, paging{}, c.explain(q, resp)
	}
	items, err := decodeList[W](resp.Body, perPage)
	if err != nil {
		return nil, paging{}, c.badAnswer(q, resp, err)
	}
	next, err := parsePaging(resp.Header, page, len(items))
	if err != nil {
		return nil, paging{}, c.badAnswer(q, resp, err)
	}
	return items, next, nil
}

// parsePaging reads the headers of page number page with n items. The vendor advises to follow the Link header; only whether it names a next page is taken from
// it, and the page after this one is asked for, so that no answer chooses an address. Without Link the last page's number counts, and without either a full
// page has another one after it.
func parsePaging(h http.Header, page, n int) (paging, error) {
	next := paging{total: -1}
	number := func(name string) (int, error) {
		v := h.Get("X-BT-Pagination-" + name)
		if v == "" {
			return -1, nil
		}
		i, err := strconv.ParseUint(strings.TrimSpace(v), 10, 31)
		if err != nil {
			return 0, fmt.Errorf("read page %d: header %s is %.20q", page, name, v)
		}
		return int(i), nil
	}
	current, err := number("Current-Page")
	if err != nil {
		return next, err
	}
	last, err := number("Last-Page")
	if err != nil {
		return next, err
	}
	if next.total, err = number("Total"); err != nil {
		return next, err
	}
	if current >= 0 && current != page {
		return next, fmt.Errorf("read page %d: page %d came", page, current)
	}
	links := h.Values("Link")
	switch {
	case len(links) > 0:
		next.more = hasNext(links)
		if last >= 0 && next.more != (page < last) {
			return next, fmt.Errorf("read page %d: whether there is a next page is said in two ways (the last is %d)", page, last)
		}
	case last >= 0:
		next.more = page < last
	default:
		next.more = n >= perPage
	}
	if next.more && n == 0 {
		return next, errors.New("read page: it is empty, and yet there is a next one")
	}
	return next, nil
}

// hasNext reports whether a Link header names a next page: <…>; rel="next".
func hasNext(links []string) bool {
	for _, line := range links {
		for entry := range strings.SplitSeq(line, ",") {
			_, params, _ := strings.Cut(entry, ">")
			for p := range strings.SplitSeq(params, ";") {
				name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
				if strings.EqualFold(strings.TrimSpace(name), "rel") && strings.EqualFold(strings.Trim(strings.TrimSpace(value), `"`), "next") {
					return true
				}
			}
		}
	}
	return false
}
