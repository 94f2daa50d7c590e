package beyondtrust_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

// fleet answers /jump-client with total shared clients, in pages, with the documented headers.
func (b *box) fleet(total int) {
	b.on("GET /api/config/v1/jump-client", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		page, _ := strconv.Atoi(q.Get("current_page"))
		per, _ := strconv.Atoi(q.Get("per_page"))
		n := total
		if q.Get("jump_group_type") != "shared" {
			n = 0
		}
		last := max(1, (n+per-1)/per)
		h := w.Header()
		h.Set("X-BT-Pagination-Current-Page", strconv.Itoa(page))
		h.Set("X-BT-Pagination-Last-Page", strconv.Itoa(last))
		h.Set("X-BT-Pagination-Total", strconv.Itoa(n))
		link := fmt.Sprintf(`<https://%s/?current_page=1>; rel="first", <https://%s/?current_page=%d>; rel="last"`, site, site, last)
		if page < last {
			link += fmt.Sprintf(`, <https://%s/?current_page=%d>; rel="next"`, site, page+1)
		}
		h.Set("Link", link)
		io.WriteString(w, "[")
		for i := (page - 1) * per; i < min(n, page*per); i++ {
			if i%per > 0 {
				io.WriteString(w, ",")
			}
			fmt.Fprintf(w, `{"id":%d,"jump_group_type":"shared","name":"host%d","hostname":"host%d","connection_type":"active","last_connect_timestamp":"2026-03-01T03:12:44+00:00",
			 "last_disconnect_timestamp":null,"is_lost":false,"needs_update":%t,"unavailable_reason":"none","install_mode":"service","comments":"%s"}`, i, i, i, i%2 == 0, strings.Repeat("x", 200))
		}
		io.WriteString(w, "]")
	})
}

func TestFiftyThousandJumpClients(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		const total = 50_000
		b.fleet(total)
		c := b.client(nil)
		var before, now runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		start := time.Now()
		n, pending := 0, 0
		for j, err := range c.JumpClients(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if j.NeedsUpdate {
				pending++
			}
			if n++; n%10_000 == 0 {
				runtime.GC()
				runtime.ReadMemStats(&now)
				if grown := int64(now.HeapAlloc) - int64(before.HeapAlloc); grown > 4<<20 {
					t.Errorf("after %d clients the heap has grown by %d KiB, want it to stay as it is", n, grown>>10)
				}
			}
		}
		if n != total || pending != total/2 {
			t.Errorf("%d clients, %d pending, want %d and %d", n, pending, total, total/2)
		}
		if d := time.Since(start); d > time.Minute {
			t.Errorf("it took %v, want half a minute", d)
		}
		if b.conns != len(b.asked) {
			t.Errorf("%d connections for %d requests, want one each", b.conns, len(b.asked))
		}
	})
}

func TestJumpClient(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		b.on("GET /api/config/v1/jump-client", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("jump_group_type") == "shared" {
				io.WriteString(w, `[{"id":41,"jump_group_type":"shared","name":"db01","hostname":"db01","connection_type":"active","last_connect_timestamp":"2026-03-01T03:12:44+00:00",
				 "last_disconnect_timestamp":"2026-03-01T02:40:02+00:00","is_lost":false,"needs_update":true,"unavailable_reason":"none"}]`)
				return
			}
			io.WriteString(w, `[{"id":"42","jump_group_type":"personal","name":"lap\u202e\u001b]0;top","hostname":"lap","connection_type":"sometimes","last_connect_timestamp":1772334764,
			 "last_disconnect_timestamp":"1772334764","is_lost":"1","needs_update":"0","unavailable_reason":"disabled"}]`)
		})
		var got []beyondtrust.JumpClient
		for j, err := range b.client(nil).JumpClients(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, j)
		}
		at := time.Date(2026, 3, 1, 3, 12, 44, 0, time.UTC)
		want := []beyondtrust.JumpClient{
			{ID: "41", Name: "db01", Hostname: "db01", Type: beyondtrust.ConnectionActive, NeedsUpdate: true, LastConnect: at, LastDisconnect: time.Date(2026, 3, 1, 2, 40, 2, 0, time.UTC), Unavailable: "none"},
			{ID: "42", Name: "lap]0;top", Hostname: "lap", Type: "sometimes", Personal: true, LastConnect: at, LastDisconnect: at, Lost: true, Unavailable: "disabled"},
		}
		if d := cmp.Diff(want, got, cmpopts.IgnoreFields(beyondtrust.JumpClient{}, "AsOf")); d != "" {
			t.Errorf("JumpClients() (-want +got):\n%s", d)
		}
		if !got[0].Online() || got[1].Online() || (beyondtrust.JumpClient{}).Online() {
			t.Error("Online() is wrong: in doubt it is false")
		}
	})
}

func TestJumpClientsInTrouble(t *testing.T) {
	item := func(id int) string { return fmt.Sprintf(`{"id":%d,"name":"n","needs_update":false}`, id) }
	full := func(from int) string {
		list := make([]string, 100)
		for i := range list {
			list[i] = item(from + i)
		}
		return "[" + strings.Join(list, ",") + "]"
	}
	type page struct {
		header map[string]string
		body   string
	}
	tests := map[string]struct {
		pages []page
		want  int // items of the first pass before the end
		err   error
	}{
		"only a total, one page":               {[]page{{map[string]string{"X-BT-Pagination-Total": "2"}, "[" + item(1) + "," + item(2) + "]"}}, 2, nil},
		"no headers, a full page and the rest": {[]page{{nil, full(1)}, {nil, "[" + item(101) + "]"}}, 101, nil},
		"no headers, full pages only":          {[]page{{nil, full(1)}, {nil, "[]"}}, 100, nil},
		"one is removed meanwhile": {[]page{{map[string]string{"X-BT-Pagination-Total": "102", "X-BT-Pagination-Last-Page": "2"}, full(1)},
			{map[string]string{"X-BT-Pagination-Total": "101", "X-BT-Pagination-Last-Page": "2"}, "[" + item(102) + "]"}}, 101, beyondtrust.ErrIncomplete},
		"to its first page only":       {[]page{{map[string]string{"X-BT-Pagination-Total": "500", "X-BT-Pagination-Last-Page": "1"}, full(1)}}, 100, beyondtrust.ErrIncomplete},
		"the first page again":         {[]page{{map[string]string{"X-BT-Pagination-Current-Page": "1", "X-BT-Pagination-Last-Page": "2"}, full(1)}, {map[string]string{"X-BT-Pagination-Current-Page": "1", "X-BT-Pagination-Last-Page": "2"}, full(1)}}, 100, beyondtrust.ErrAnswer},
		"headers that contradict":      {[]page{{map[string]string{"Link": `<x>; rel="next"`, "X-BT-Pagination-Last-Page": "1"}, full(1)}}, 0, beyondtrust.ErrAnswer},
		"an empty page with a next":    {[]page{{map[string]string{"Link": `<x>; rel="next"`}, "[]"}}, 0, beyondtrust.ErrAnswer},
		"a header that is no number":   {[]page{{map[string]string{"X-BT-Pagination-Total": "many"}, "[]"}}, 0, beyondtrust.ErrAnswer},
		"null":                         {[]page{{nil, "null"}}, 0, beyondtrust.ErrAnswer},
		"HTML":                         {[]page{{nil, "<html></html>"}}, 0, beyondtrust.ErrAnswer},
		"half a page":                  {[]page{{nil, full(1)[:500]}}, 0, beyondtrust.ErrAnswer},
		"a page too long":              {[]page{{nil, `["` + strings.Repeat("x", 5<<20) + `"]`}}, 0, beyondtrust.ErrAnswer},
		"no word on updates":           {[]page{{nil, `[{"id":1,"name":"n"}]`}}, 0, beyondtrust.ErrAnswer},
		"neither true nor false":       {[]page{{nil, `[{"id":1,"needs_update":"maybe"}]`}}, 0, beyondtrust.ErrAnswer},
		"a time that cannot be read":   {[]page{{nil, `[{"id":1,"needs_update":true,"last_connect_timestamp":"yesterday"}]`}}, 0, beyondtrust.ErrAnswer},
		"it never ends, with headers":  {[]page{{map[string]string{"X-BT-Pagination-Current-Page": "1", "Link": `<x>; rel="next"`}, full(1)}}, 100, beyondtrust.ErrAnswer},
		"a dead end on the second one": {[]page{{nil, full(1)}, {nil, "["}}, 100, beyondtrust.ErrAnswer},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, b *box) {
				b.on("GET /api/config/v1/jump-client", func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Query().Get("jump_group_type") != "shared" {
						io.WriteString(w, "[]")
						return
					}
					n, _ := strconv.Atoi(r.URL.Query().Get("current_page"))
					p := tt.pages[min(n, len(tt.pages))-1]
					for k, v := range p.header {
						w.Header().Set(k, v)
					}
					io.WriteString(w, p.body)
				})
				got := 0
				var last error
				for j, err := range b.client(nil).JumpClients(t.Context()) {
					if last != nil {
						t.Fatal("something came after the error")
					}
					if last = err; err == nil {
						got++
					} else if j != (beyondtrust.JumpClient{}) {
						t.Errorf("the error came with %v", j)
					}
				}
				if got != tt.want || !errors.Is(last, tt.err) {
					t.Errorf("%d clients, then %v, want %d and class %v", got, last, tt.want, tt.err)
				}
			})
		})
	}
}

func TestListStopsWhenTold(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		b.fleet(1000)
		n := 0
		for range b.client(nil).JumpClients(t.Context()) {
			if n++; n == 150 {
				break
			}
		}
		if pages := b.count("GET /api/config"); pages != 2 {
			t.Errorf("150 clients took %d pages, want 2", pages)
		}
	})
}

func TestJumpoints(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		b.json("GET /api/config/v1/jumpoint", 200, `[{"id":1,"name":"dmz","hostname":"jp1","platform":"linux-x86","enabled":true,"connected":true,"clustered":false,"jzp_port":null}]`)
		var got []beyondtrust.Jumpoint
		for j, err := range b.client(nil).Jumpoints(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, j)
		}
		want := []beyondtrust.Jumpoint{{ID: "1", Name: "dmz", Hostname: "jp1", Platform: "linux-x86", Enabled: true, Connected: true}}
		if d := cmp.Diff(want, got, cmpopts.IgnoreFields(beyondtrust.Jumpoint{}, "AsOf")); d != "" {
			t.Errorf("Jumpoints() (-want +got):\n%s", d)
		}
		b.json("GET /api/config/v1/jumpoint", 200, `[{"id":1,"name":"dmz"}]`)
		for _, err := range b.client(nil).Jumpoints(t.Context()) {
			if !errors.Is(err, beyondtrust.ErrAnswer) {
				t.Errorf("Jumpoints() without a word on the connection: %v, want ErrAnswer", err)
			}
		}
	})
}
