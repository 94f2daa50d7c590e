package pratest

import (
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

// Names and passwords of the administrators of the two interfaces. A factory-new appliance's site has the guide's "admin" and "password", and wants
// another password at the first sign-in.
const (
	AdminUser     = "admin"
	AdminPassword = "admin password"
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
		return redirect(signIn)
	case root == "/login" && b.st.data.password == factoryPassword:
		return b.passwordPage(k)
	case root == "/login" && b.st.whatsNew && !b.site.Switches.NoWhatsNew:
		return b.whatsNewPage(k)
	case k.path == root || k.path == root+"/":
		return b.indexPage(root)
	}
	for i := range pages {
		p := &pages[i]
		if p.path == k.path && !p.distant && (p.shown == nil || p.shown(b)) {
			return b.tablePage(k, p, id)
		}
	}
	b.site.note(b, UnknownRequest, "%s", k.path)
	return answer{status: http.StatusNotFound, kind: kindHTML, body: []byte("<html><body>Not Found</body></html>"), unknown: true}
}

const factoryPassword = "password"

// doorway is the cookie of an interface, and the path of its sign-in page. Cookie names and the path of /appliance's were seen, /login's path is this package's.
func (b *Box) doorway(root string) (cookie, signIn string) {
	if root == "/appliance" {
		return "nsbase_session", "/appliance/login.ns"
	}
	return "ns_s", "/login/login"
}

func cookieOf(h http.Header, name string) string {
	r := http.Request{Header: h}
	if c, err := r.Cookie(name); err == nil {
		return c.Value
	}
	return ""
}

func redirect(to string) answer {
	return answer{status: http.StatusSeeOther, kind: kindHTML, header: http.Header{"Location": {to}}}
}

func htmlPage(title, body string) answer {
	return answer{status: http.StatusOK, kind: kindHTML, body: []byte("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>" +
		html.EscapeString(title) + "</title></head><body>\n<h1>" + html.EscapeString(title) + "</h1>\n" + body + "</body></html>\n")}
}

// signInPage has the field names that were seen on /appliance/login.ns for both interfaces.
func (b *Box) signInPage(k *call, root string) answer {
	note := ""
	if k.method == http.MethodPost {
		want := AdminPassword
		if root == "/login" {
			want = b.st.data.password
		}
		if k.form.Get("login[username]") == AdminUser && k.form.Get("login[password]") == want {
			b.site.w.unique++
			id := revision(fmt.Sprint(b.GUID, root, b.site.w.unique))
			b.st.signedIn[id] = root
			cookie, _ := b.doorway(root)
			a := redirect(root + "/")
			a.header.Set("Set-Cookie", cookie+"="+id+"; Path=/; Secure; HttpOnly")
			return a
		}
		note = "<p role=\"alert\">The user name or the password is wrong.</p>"
	}
	return htmlPage("Sign in", note+`<form method="post"><label for="u">Username</label> <input id="u" name="login[username]">`+
		`<label for="p">Password</label> <input id="p" type="password" name="login[password]"><button name="login[submit]" value="Login">Login</button></form>`)
}

// passwordPage wants another password than the factory's.
func (b *Box) passwordPage(k *call) answer {
	if next := k.form.Get("login[new]"); k.method == http.MethodPost && next != "" && next != factoryPassword {
		b.st.data.password = next
		b.changed("administrator's password")
		return redirect("/login/")
	}
	return htmlPage("Change Password", `<form method="post"><label for="n">New Password</label> <input id="n" type="password" name="login[new]">`+
		`<button name="login[submit]" value="Change Password">Change Password</button></form>`)
}

// whatsNewPage is the first page of /login after an update, once.
func (b *Box) whatsNewPage(k *call) answer {
	if k.method == http.MethodPost {
		b.st.whatsNew = false
		return redirect("/login/")
	}
	return htmlPage(beyondtrust.HeadingWhatsNew, `<p>`+html.EscapeString(b.st.version)+`</p><form method="post"><button name="continue" value="1">Continue</button></form>`)
}

func (b *Box) indexPage(root string) answer {
	var out strings.Builder
	out.WriteString("<ul>\n")
	for i := range pages {
		p := &pages[i]
		if !p.distant && strings.HasPrefix(p.path, root+"/") && (p.shown == nil || p.shown(b)) {
			fmt.Fprintf(&out, "<li><a href=\"%s\">%s</a></li>\n", p.path, html.EscapeString(p.menu(b)))
		}
	}
	out.WriteString("</ul>\n")
	return htmlPage(strings.TrimPrefix(root, "/"), out.String())
}

// tablePage shows a page of the table, or presses one of its buttons.
func (b *Box) tablePage(k *call, p *page, id string) answer {
	v := p.view(b)
	title := v.heading
	if label := k.query.Get("open"); label != "" {
		bt, err := v.link(k.query.Get("row"), label)
		if err != nil {
			return answer{status: http.StatusNotFound, kind: kindHTML, body: []byte(html.EscapeString(err.Error()))}
		}
		v, title = &view{heading: bt.title, form: *bt.sub}, bt.title
	}
	if k.method != http.MethodPost {
		return htmlPage(title, v.html(b, p, id))
	}
	if !b.site.Switches.NoToken && k.form.Get("token") != id {
		return answer{status: http.StatusForbidden, kind: kindHTML, body: []byte("<html><body>The form has expired.</body></html>")}
	}
	for name, label := range k.form {
		rowName, ok := strings.CutPrefix(name, "press[")
		if !ok {
			continue
		}
		return b.pressHTML(k, p, v, strings.TrimSuffix(rowName, "]"), label[0])
	}
	return htmlPage(title, v.html(b, p, id))
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
func (b *Box) pressHTML(k *call, p *page, v *view, rowName, label string) answer {
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
		return redirect(p.path)
	}
	return answer{
		status: http.StatusOK, kind: "application/octet-stream", stream: d.body, size: d.size,
		header: http.Header{"Content-Disposition": {"attachment; filename=" + strconv.Quote(d.name)}},
	}
}
