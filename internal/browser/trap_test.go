package browser_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/internal/act"
	"github.com/changeover-sdk/changeover/internal/browser"
	"github.com/changeover-sdk/changeover/internal/browser/axtree"
	"github.com/changeover-sdk/changeover/internal/browser/browsertest"
)

var heading = axtree.Label{"High Availability"}

// button is a button that presses NAME on the appliance, by a form of its own.
func button(name, label string) string {
	return fmt.Sprintf(`<form method="post" action="/press/%s"><button>%s</button></form>`, name, label)
}

// page has the heading and, in between, what a test is about.
func page(body string) string { return "<h1>High Availability</h1>" + body }

func start(t testing.TB, a *browsertest.Appliance, edit func(*browser.Config)) *browser.Browser {
	t.Helper()
	browsertest.Need(t)
	cfg := browser.Config{Site: a.Site(), Dial: a.Dial(), CA: a.CA.Pool(), Patience: 1500 * time.Millisecond, Answer: 3 * time.Second}
	if edit != nil {
		edit(&cfg)
	}
	b, err := browser.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// open opens the address in a new page.
func open(t testing.TB, b *browser.Browser, path string) *browser.Page {
	t.Helper()
	p, err := b.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Goto(t.Context(), path, heading); err != nil {
		t.Fatal(err)
	}
	return p
}

// The traps of a page. Each says how many presses reach the appliance, and whether the driver says so: never a press that it denies.
//
// Where each trap is laid for the mechanics; packages spsweb and praweb lay those that a simulated appliance can lay for the drivers:
//
//	two equal buttons                     here; "a twin in a frame"
//	missing label                         here; "label inside a longer one", "without a role"
//	other heading                         here; "heading twice"
//	stray alert                           here; between two steps: package site, TestPeerEvidence
//	moving or covered button              here; covered by a frame, invisibly, when the mouse comes, for a moment
//	restless page                         here; on pictures: TestPeerScreenshot
//	slow data                             here; "enabled after a while"
//	menu that must be opened              TestPeerStyles, two of three styles
//	hidden twins                          here
//	frames                                here: "in a frame"; "in a closed shadow"
//	disabled control                      here; "disabled by a group"
//	renderer crash                        TestPeerEnds, before and in the middle of a press
//	frozen browser                        TestPeerEnds, before and in the middle of a press; TestPeerKilled
//	lost session in the middle            here; before: "lost session before"; between two steps: package site, TestPeerSession
//	expired password                      here; at the sign-in: package site, TestPeerNeedsPerson
//	certificate swapped in mid-run        TestPeerCertificate
//	attacker's chain, genuine appended    TestPeerCertificate, at the start and in mid-run
//	redirect to another host              here, as the answer to a press; TestPeerElsewhere, as the answer to a look
func TestPeerTrap(t *testing.T) {
	activate := button("activate", "Activate Slave")
	tests := map[string]struct {
		body   string
		within []axtree.Label
		ask    *browser.Ask
		goes   browser.Reason // of the error of Goto, if there is one; else
		want   browser.Reason // of the error of Press, "" for none
		posts  int            // presses that reach the appliance
		says   bool           // the error says that it was pressed
	}{
		"plain":                     {body: page(activate), posts: 1},
		"two equal buttons":         {body: page(activate + button("other", "Activate Slave")), want: browser.Ambiguous},
		"missing label":             {body: page(button("other", "Activate")), want: browser.NotFound},
		"label inside a longer one": {body: page(button("other", "Activate Slave and shut down")), want: browser.NotFound},
		"other heading":             {body: "<h1>High Availability of something else</h1>" + activate, goes: browser.UnknownPage},
		"heading twice":             {body: page(page(activate)), goes: browser.UnknownPage},
		"stray alert":               {body: page(`<div id="d"></div><script>setTimeout(() => alert("Your session is about to expire"), 500); setTimeout(() => d.innerHTML = ` + "`" + activate + "`" + `, 900)</script>`), want: browser.Dialog},
		"moving button": {body: page(`<style>@keyframes m { from { transform: translateX(0) } to { transform: translateX(400px) } }
			button { animation: m .5s linear infinite alternate }</style>` + activate), want: browser.Moving},
		"covered button":               {body: page(`<div style="position:fixed;inset:0;background:#8888"></div>` + activate), want: browser.Covered},
		"covered invisibly":            {body: page(`<div style="position:fixed;inset:0;opacity:0"></div>` + activate), want: browser.Covered},
		"covered by a frame":           {body: page(`<iframe srcdoc="hello" style="position:fixed;inset:0;width:100%;height:100%;border:0"></iframe>` + activate), want: browser.Covered},
		"covered when the mouse comes": {body: page(`<style>.t { position:fixed; inset:0; display:none; background:#fff } form:hover ~ .t { display:block }</style>` + activate + `<div class="t">Help</div>`), want: browser.Covered},
		"covered but for a moment":     {body: page(`<div id="o" style="position:fixed;inset:0"></div>` + activate + `<script>setTimeout(() => o.remove(), 0)</script>`), posts: 1},
		"without a box":                {body: page(`<form method="post" action="/press/x"><button style="width:0;height:0;padding:0;border:0;overflow:hidden">Activate Slave</button></form>`), want: browser.Covered},
		"restless page":                {body: page(`<p id="c"></p><script>setInterval(() => c.textContent = Date.now(), 50); (function poll() { fetch("/hang").finally(poll) })()</script>` + activate), posts: 1},
		"slow data":                    {body: page(`<div id="d"></div><script>setTimeout(() => d.innerHTML = ` + "`" + activate + "`" + `, 800)</script>`), posts: 1},
		"hidden twins": {body: page(activate + `<div style="display:none">` + button("x", "Activate Slave") + `</div><div style="visibility:hidden">` + button("x", "Activate Slave") + `</div><details><summary>More</summary>` +
			button("x", "Activate Slave") + `</details><dialog>` + button("x", "Activate Slave") + `</dialog>`), posts: 1},
		"a twin in a frame":     {body: page(activate + `<iframe srcdoc='` + button("x", "Activate Slave") + `'></iframe>`), want: browser.Ambiguous},
		"in a frame":            {body: page(`<div style="height:1500px"></div><iframe src="/inner" style="height:300px"></iframe>`), posts: 1},
		"far down":              {body: page(`<div style="height:5000px"></div>` + activate + `<div style="height:900px"></div>`), posts: 1},
		"in a closed shadow":    {body: page(`<div id="h"></div><script>h.attachShadow({mode: "closed"}).innerHTML = ` + "`" + activate + "`" + `</script>`), posts: 1},
		"upper-cased by style":  {body: page(`<style>button { text-transform: uppercase }</style>` + activate), posts: 1},
		"disabled control":      {body: page(`<form method="post" action="/press/x"><button disabled>Activate Slave</button></form>`), want: browser.Disabled},
		"disabled by a group":   {body: page(`<form method="post" action="/press/x"><fieldset disabled><button>Activate Slave</button></fieldset></form>`), want: browser.Disabled},
		"enabled after a while": {body: page(`<form method="post" action="/press/activate"><button id="b" disabled>Activate Slave</button></form><script>setTimeout(() => b.disabled = false, 600)</script>`), posts: 1},
		"a link that submits":   {body: page(`<form id="f" method="post" action="/press/activate"></form><a href="#" onclick="f.submit(); return false">Activate Slave</a>`), posts: 1},
		"without a role":        {body: page(`<div onclick="fetch('/press/x', {method: 'POST'})">Activate Slave</div>`), want: browser.NotFound},

		"a question nobody announced":              {body: page(asking("Really?")), want: browser.Dialog, says: true},
		"the question announced":                   {body: page(asking("Really?")), ask: &browser.Ask{Type: "confirm", Text: axtree.Label{"really?"}, Accept: true}, posts: 1},
		"another question":                         {body: page(asking("Erase the disk?")), ask: &browser.Ask{Type: "confirm", Text: axtree.Label{"Really?"}, Accept: true}, want: browser.Dialog, says: true},
		"another kind of question":                 {body: page(asking("Really?")), ask: &browser.Ask{Type: "alert", Text: axtree.Label{"Really?"}, Accept: true}, want: browser.Dialog, says: true},
		"an announced question that does not come": {body: page(activate), ask: &browser.Ask{Type: "confirm", Text: axtree.Label{"Really?"}, Accept: true}, want: browser.NoDialog, posts: 1, says: true},
		"a question on a page":                     {body: page(`<form action="/ask"><button>Activate Slave</button></form>`), ask: &browser.Ask{Type: browser.AskPage, Text: axtree.Label{"Really?"}, Button: axtree.Label{"OK"}}, posts: 1},
		"unsaved input":                            {body: page(`<input id="i" aria-label="Name" autofocus>` + activate + `<script>addEventListener("beforeunload", e => { e.preventDefault(); e.returnValue = "x" })</script>`), want: browser.Dialog, says: true},

		"another window":                    {body: page(`<form method="post" action="/press/late" target="_blank"><button>Activate Slave</button></form>`), want: browser.Window, says: true},
		"nothing happens":                   {body: page(`<button>Activate Slave</button>`), want: browser.NoAnswer, says: true},
		"the appliance says no":             {body: page(button("refused", "Activate Slave")), want: browser.Refused, posts: 1, says: true},
		"a gateway says no":                 {body: page(button("gateway", "Activate Slave")), want: browser.NoAnswer, posts: 1, says: true},
		"the connection breaks":             {body: page(button("break", "Activate Slave")), want: browser.NoAnswer, posts: 1, says: true},
		"the connection breaks on a script": {body: page(`<button onclick="fetch('/press/break', {method: 'POST'})">Activate Slave</button>`), want: browser.NoAnswer, posts: 1, says: true},
		"it answers and goes away":          {body: page(button("away", "Activate Slave")), posts: 1},
		"redirect to another host":          {body: page(button("elsewhere", "Activate Slave")), want: browser.UnknownPage, posts: 1, says: true},
		"redirect to another address":       {body: page(button("numbered", "Activate Slave")), want: browser.UnknownPage, posts: 1, says: true},
		"redirect by a script":              {body: page(`<button onclick="fetch('/press/elsewhere', {method: 'POST', mode: 'no-cors'})">Activate Slave</button>`), want: browser.UnknownPage, posts: 1, says: true},
		"lost session in the middle":        {body: page(button("lost", "Activate Slave")), want: browser.UnknownPage, posts: 1, says: true},
		"lost session told to a script":     {body: page(`<button onclick="fetch('/press/unauthorized', {method: 'POST'})">Activate Slave</button>`), want: browser.UnknownPage, posts: 1, says: true},
		"lost session before":               {body: page(`<div id="d">` + activate + `</div><script>setTimeout(() => document.body.innerHTML = '<input type=password aria-label=Password><button>Login</button>', 400)</script>` + ``), within: []axtree.Label{{"nowhere yet"}}, want: browser.UnknownPage},
		"expired password":                  {body: page(button("expired", "Activate Slave")), want: browser.UnknownPage, posts: 1, says: true},
		"a field of the same name":          {body: page(`<input aria-label="Activate Slave">` + activate), posts: 1},
		"a box over the page":               {body: page(activate + `<dialog id="d">Wait<button>Close</button></dialog><script>d.showModal()</script>`), goes: browser.UnknownPage},
		"script that is never done":         {body: page(`<button onclick="for (;;) {}">Activate Slave</button>`), want: browser.Failed, says: true},
	}
	a := browsertest.NewAppliance(t)
	a.Page("/done", page("<p>Done.</p>"))
	a.Page("/inner", `<div style="height:200px"></div><form method="post" action="/press/activate" target="_top"><button>Activate Slave</button></form>`)
	a.Page("/ask", `<p>Really?</p>`+button("activate", "OK"))
	a.Handle("/hang", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	a.Handle("/press/refused", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusConflict)
		fmt.Fprint(w, page("The other node is not ready."))
	})
	a.Handle("/press/gateway", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	a.Handle("/press/break", func(w http.ResponseWriter, _ *http.Request) {
		if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
			c.Close()
		}
	})
	a.Handle("/press/away", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/broken", http.StatusSeeOther) })
	a.Handle("/broken", func(w http.ResponseWriter, _ *http.Request) {
		if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
			c.Close()
		}
	})
	a.Handle("/press/unauthorized", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
	other := browsertest.NewAppliance(t)
	for name, to := range map[string]string{"elsewhere": "https://elsewhere.example.test/done", "numbered": "https://" + other.Dial() + "/done"} {
		a.Handle("/press/"+name, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusSeeOther) })
	}
	a.Page("/press/lost", `<h1>Login</h1><label>User <input></label><label>Password <input type="password"></label><button>Login</button>`)
	a.Page("/press/expired", `<p>Your password has expired.</p>`)
	b := start(t, a, nil)
	for _, name := range sorted(tests) {
		tt := tests[name]
		t.Run(name, func(t *testing.T) {
			a.Page("/page", tt.body)
			a.Pressed()
			ctx := t.Context()
			p, err := b.Open(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if name == "script that is never done" {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, 4*time.Second)
				defer cancel()
			}
			if _, err := p.Goto(ctx, "/page", heading); err != nil || tt.goes != "" {
				wantReason(t, err, tt.goes)
				if got := a.Pressed(); len(got) > 0 {
					t.Errorf("pressed %q", got)
				}
				return
			}
			_, err = p.Press(ctx, axtree.Query{Label: axtree.Label{"Activate Slave"}, Within: tt.within}, browser.Proof{Answer: true, Ask: tt.ask})
			wantReason(t, err, tt.want)
			if tt.says && tt.posts == 0 {
				time.Sleep(300 * time.Millisecond) // a press that must not have happened may be on its way: another process sends it
			}
			// What another window sends may come while it is being closed, or later, or not at all.
			posts := slices.DeleteFunc(a.Pressed(), func(name string) bool { return name == "late" })
			if len(posts) != tt.posts || slices.Contains(posts, "x") {
				t.Errorf("presses at the appliance: %q, want %d", posts, tt.posts)
			}
			if err != nil && errors.Is(err, act.ErrNotPressed) == tt.says {
				t.Errorf("Press() = %v; says that it was pressed: %t, want %t", err, !tt.says, tt.says)
			}
		})
	}
	if n := other.Requests(); n != 0 {
		t.Errorf("%d requests reached another host", n)
	}
}

func asking(question string) string {
	return fmt.Sprintf(`<form method="post" action="/press/activate"><button onclick="return confirm('%s')">Activate Slave</button></form>`, question)
}

func sorted[T any](m map[string]T) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func wantReason(t *testing.T, err error, want browser.Reason) {
	t.Helper()
	if want == "" {
		if err != nil {
			t.Errorf("error = %v, want none", err)
		}
		return
	}
	e, ok := errors.AsType[*browser.Error](err)
	if !ok || e.Reason != want {
		t.Errorf("error = %v, want reason %q", err, want)
	}
	if ok && strings.Contains(e.Error(), "\n") {
		t.Errorf("error has several lines: %q", e)
	}
}
