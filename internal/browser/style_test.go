package browser_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/changeover-sdk/changeover/internal/browser"
	"github.com/changeover-sdk/changeover/internal/browser/axtree"
	"github.com/changeover-sdk/changeover/internal/browser/browsertest"
)

// styles are one page in five sorts of markup: a plain form, drawn by a script with a question of the browser's, link-buttons in tables for layout, a card for
// each node, and a column for each.
var styles = map[string]struct {
	menu, page string
	ask        bool
}{
	"classic": {
		menu: `<h1>Welcome</h1><ul><li><a href="/ha">High Availability</a></li></ul>`,
		page: `<h1>High Availability</h1><form method="post" action="/press/x"><input type="hidden" name="token" value="t">
			<table><tr><th>Status</th><td>HA</td></tr></table>
			<table><tr><th></th><th>Node HA state</th><th></th></tr><tr><td>This node</td><td>HA</td><td><button formaction="/press/this">Shutdown</button></td></tr>
			<tr><td>Other node</td><td>standalone</td><td><button formaction="/press/other">Shutdown</button></td></tr></table></form>`,
	},
	"script": {
		menu: `<div id="r"></div><script>setTimeout(() => { r.innerHTML = '<h1>Welcome</h1><nav><button id="m">Basic Settings</button><div id="s" hidden><a href="/ha">High Availability</a></div></nav>';
			m.onclick = () => { s.hidden = !s.hidden } }, 200)</script>`,
		page: `<div id="r"></div><script>setTimeout(() => { r.innerHTML = '<header><h1>HIGH AVAILABILITY</h1></header><dl><dt>Status:</dt><dd>HA</dd></dl>' +
			['This node', 'Other node'].map((n, i) => '<section aria-label="' + n + '"><h2>' + n + '</h2><div><div>Node HA state</div><div>' + ['HA', 'standalone'][i] + '</div></div><button data-n="' + ['this', 'other'][i] + '">Shutdown</button></section>').join('');
			r.onclick = e => { const n = e.target.dataset.n; if (n && confirm('Shut the node down?')) fetch('/press/' + n, {method: 'POST'}).then(() => document.querySelector('header').append('Saved')) } }, 300)</script>`,
		ask: true,
	},
	"cards": {
		menu: `<header><h1>Welcome</h1><nav><details><summary>Basic Settings</summary><ul><li><a href="/ha"><span>High</span> <span>Availability</span></a></li></ul></details></nav></header>`,
		page: `<header><nav aria-label="Where"><a href="/">Home</a></nav></header><main><h1>High Availability</h1><p>Status: <strong>HA</strong></p><form method="post"><div class="cards">
			<article><h2>This node</h2><ul><li><b>Node HA state</b> <span>HA</span></li></ul><button formaction="/press/this"><svg width="10" height="10"></svg> Shutdown</button></article>
			<article><h2>Other node</h2><ul><li><b>Node HA state</b> <span>standalone</span></li></ul><button formaction="/press/other"><svg width="10" height="10"></svg> Shutdown</button></article></div></form></main><footer>Shutdown means off.</footer>`,
	},
	"a column each": {
		menu: `<h1>Welcome</h1><div role="tablist"><button role="tab" onclick="location='/ha'">High Availability</button></div>`,
		page: `<h1>High Availability</h1><form method="post"><div><span>Status</span><output>HA</output></div><table><thead><tr><td></td><th>This node</th><th>Other node</th></tr></thead>
			<tbody><tr><th>Node HA state</th><td>HA</td><td>standalone</td></tr><tr><th></th><td><input type="submit" formaction="/press/this" value="Shutdown"></td><td><input type="submit" formaction="/press/other" value="Shutdown"></td></tr></tbody></table></form>`,
	},
	"layout tables": {
		menu: `<table><tr><td><h1>Welcome</h1></td></tr><tr><td><ul><li><a href="#" onclick="s.style.display='block';return false">Basic Settings</a><ul id="s" style="display:none"><li><a href="/ha">High&nbsp;Availability</a></li></ul></li></ul></td></tr></table>`,
		page: `<table border="0"><tr><td colspan="2"><h2>High&nbsp;Availability</h2></td></tr><tr><td valign="top"><a href="/">Home</a></td><td><table border="0"><tr><td>Status:</td><td><b>HA</b></td></tr></table>
			<table border="0"><tr><td></td><td><b>Node HA state</b></td><td></td></tr><tr><td>This&nbsp;node</td><td>Node HA state: HA</td><td><a href="#" onclick="return go('this')">Shutdown</a></td></tr>
			<tr><td>Other&nbsp;node</td><td>Node HA state: standalone</td><td><a href="#" onclick="return go('other')">Shutdown</a></td></tr></table></td></tr></table>
			<form id="f" method="post"></form><script>function go(n) { f.action = '/press/' + n; f.submit(); return false }</script>`,
	},
}

// The same driver, the same labels: every style is read and pressed alike.
func TestPeerStyles(t *testing.T) {
	a := browsertest.NewAppliance(t)
	b := start(t, a, nil)
	at := axtree.Label{"High Availability"}
	for _, name := range sorted(styles) {
		style := styles[name]
		t.Run(name, func(t *testing.T) {
			a.Pressed()
			a.Page("/", style.menu)
			a.Page("/ha", style.page)
			if !style.ask {
				for _, n := range []string{"this", "other"} {
					a.Handle("/press/"+n, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/ha", http.StatusSeeOther) })
				}
			} else {
				a.Handle("/press/other", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "{}") })
			}
			ctx := t.Context()
			p, err := b.Open(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.Goto(ctx, "/", axtree.Label{"Welcome"}); err != nil {
				t.Fatal(err)
			}
			way := []axtree.Query{{Kind: axtree.Button, Label: axtree.Label{"Basic Settings"}}, {Kind: axtree.Button, Label: at}}
			_, i, err := p.Arrive(ctx, at, way)
			if err != nil {
				t.Fatal(err)
			}
			for ; i < len(way); i++ {
				proof := browser.Proof{Heading: at}
				if i == 0 {
					proof = browser.Proof{Shows: &way[1]}
				}
				if _, err := p.Press(ctx, way[i], proof); err != nil {
					t.Fatal(err)
				}
			}
			got := map[string]string{}
			for key, within := range map[string][]axtree.Label{"Status": nil, "Node HA state": {{"Other node"}}} {
				if got[key], err = p.Value(ctx, axtree.Label{key}, within...); err != nil {
					t.Errorf("read %s: %v", key, err)
				}
			}
			if diff := cmp.Diff(map[string]string{"Status": "HA", "Node HA state": "standalone"}, got); diff != "" {
				t.Errorf("read (-want +got):\n%s", diff)
			}
			q := axtree.Query{Label: axtree.Label{"Shutdown"}}
			_, err = p.Press(ctx, q, browser.Proof{Answer: true})
			wantReason(t, err, browser.Ambiguous)
			q.Within = []axtree.Label{{"Other node"}}
			var ask *browser.Ask
			if style.ask {
				ask = &browser.Ask{Type: "confirm", Text: axtree.Label{"Shut the node down?"}, Accept: true}
			}
			if _, err := p.Press(ctx, q, browser.Proof{Answer: true, Ask: ask}); err != nil {
				t.Error(err)
			}
			if pressed := strings.Join(a.Pressed(), " "); pressed != "other" {
				t.Errorf("pressed %q, want other, once", pressed)
			}
		})
	}
}
