package pratest

import (
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/changeover-sdk/changeover/internal/markup"
)

func isPage(path string) bool {
	return path == "/login" || path == "/appliance" || strings.HasPrefix(path, "/login/") || strings.HasPrefix(path, "/appliance/")
}

// pageName is how faults and counts know a request for a page.
func (k *call) pageName() string {
	for name := range k.form {
		if strings.HasPrefix(name, "press[") {
			return "press " + k.form.Get(name)
		}
	}
	if k.method == http.MethodGet {
		return "read"
	}
	return k.method + " " + k.path
}

// readUpload reads a multipart form. Files are read as they come, whatever their size.
func (k *call) readUpload(r *http.Request) error {
	parts, err := r.MultipartReader()
	if err != nil {
		return err
	}
	k.form, k.files = url.Values{}, map[string]upload{}
	for {
		part, err := parts.NextPart()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if part.FileName() != "" {
			if k.files[part.FormName()], err = readFile(part.FileName(), part); err != nil {
				return err
			}
			continue
		}
		text, err := io.ReadAll(io.LimitReader(part, maxBody))
		if err != nil {
			return err
		}
		k.form.Add(part.FormName(), string(text))
	}
}

// servePage answers for both interfaces: sign-in first, then the page of the table.
func (b *Box) servePage(k *call) answer {
	root := "/login"
	if strings.HasPrefix(k.path, "/appliance") {
		root = "/appliance"
	}
	if root == "/login" && b.st.factory {
		return answer{status: http.StatusServiceUnavailable, kind: kindHTML, body: []byte(page503)}
	}
	cookie, signIn := b.doorway(root)
	id := cookieOf(k.header, cookie)
	switch {
	case k.path == signIn:
		return b.signInPage(k, root)
	case b.st.signedIn[id] != root:
		return answers(b.site.Markup.SignedOut(k.header, signIn))
	case k.path == root+"/logout":
		b.signOut(id)
		return answers(b.site.Markup.Enter(k.header, signIn))
	}
	if a, stays := b.gate(k, root, id); stays {
		return a
	}
	if k.path == root || k.path == root+"/" {
		home := b.inside(root, root+"/", "Home", id)
		home.Texts = []string{"Choose a page in the menu."}
		return b.draw(k, home)
	}
	for i := range pages {
		p := &pages[i]
		if p.path == k.path && !p.distant && (p.shown == nil || p.shown(b)) {
			return b.tablePage(k, root, p, id)
		}
	}
	b.site.note(b, UnknownRequest, "%s", k.path)
	return answer{status: http.StatusNotFound, kind: kindHTML, body: []byte("<html><body>Not Found</body></html>"), unknown: true}
}

// tablePage shows a page of the table, or presses one of its buttons.
func (b *Box) tablePage(k *call, root string, p *page, id string) answer {
	v := p.view(b)
	self, title := p.path, v.heading
	if label := k.query.Get("open"); label != "" {
		bt, err := v.link(k.query.Get("row"), label)
		if err != nil {
			return answer{status: http.StatusNotFound, kind: kindHTML, body: []byte(html.EscapeString(err.Error()))}
		}
		v, title = &view{heading: bt.title, form: *bt.sub}, bt.title
		self += "?" + k.query.Encode()
	}
	if k.method == http.MethodPost {
		if !b.fresh(k, id) {
			return answer{status: http.StatusForbidden, kind: kindHTML, body: []byte("<html><body>The form has expired.</body></html>")}
		}
		for name, label := range k.form {
			if rowName, ok := strings.CutPrefix(name, "press["); ok {
				return b.pressHTML(k, root, p, v, strings.TrimSuffix(rowName, "]"), label[0], id)
			}
		}
	}
	out := b.inside(root, self, title, id)
	v.fill(b, p, &out)
	return b.draw(k, out)
}

// link finds the link to a form of its own.
func (v *view) link(rowName, label string) (*button, error) {
	f := &v.form
	if rowName != "" {
		r, err := v.row(rowName)
		if err != nil {
			return nil, err
		}
		f = &r.form
	}
	for i := range f.buttons {
		if f.buttons[i].label == label && f.buttons[i].sub != nil {
			return &f.buttons[i], nil
		}
	}
	return nil, fmt.Errorf("there is no link %q", label)
}

// pressHTML is a press that came as a form.
func (b *Box) pressHTML(k *call, root string, p *page, v *view, rowName, label, id string) answer {
	f := &v.form
	if rowName != "" {
		r, err := v.row(rowName)
		if err != nil {
			return answer{status: http.StatusNotFound, kind: kindHTML, body: []byte(html.EscapeString(err.Error()))}
		}
		f = &r.form
	}
	bt, with, err := f.button(label)
	if err != nil {
		return answer{status: http.StatusNotFound, kind: kindHTML, body: []byte(html.EscapeString(err.Error()))}
	}
	switch {
	case markup.Same(b.site.Traps.Leave, bt.label):
		b.signOut(id)
		_, signIn := b.doorway(root)
		return answers(b.site.Markup.SignedOut(k.header, signIn))
	case markup.Same(b.site.Traps.Elsewhere, bt.label):
		return answers(b.site.Markup.Go(k.header, markup.Outside))
	}
	in := input{values: map[string]string{}, files: map[string]upload{}}
	for i, fd := range with.fields {
		name := "f" + strconv.Itoa(i)
		if fd.kind == fieldFile {
			if up, ok := k.files[name]; ok {
				in.files[fd.name()] = up
			}
			continue
		}
		given := k.form.Get(name)
		if in.values[fd.name()], err = fd.set(given); err != nil {
			in.values[fd.name()] = fd.value
		}
	}
	b.site.note(b, Press, "%s", strings.Join(trim(p.menu(b), k.query.Get("row"), rowName, bt.label), " | ")) // the row stands in the link to a form of its own
	d, err := b.do(p, bt, in)
	if err != nil || d == nil {
		return answers(b.site.Markup.Go(k.header, p.path))
	}
	return answer{
		status: http.StatusOK, kind: "application/octet-stream", stream: d.body, size: d.size,
		header: http.Header{"Content-Disposition": {"attachment; filename=" + strconv.Quote(d.name)}},
	}
}
