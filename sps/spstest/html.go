package spstest

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"html/template"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/changeover-sdk/changeover/sps"
)

// The pages in a browser: a plain form for each screen, made from the same screens as Press and Read.
var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"href": href,
	"id":   func(s, r, l string) string { return s + "|" + r + "|" + l },
}).Parse(`<!DOCTYPE html>
<html><head><meta charset="utf-8"><title>{{.Title}} - {{.Host}} (simulated SPS)</title>
<style>body{font-family:sans-serif;margin:2em}table{border-collapse:collapse}td{border:1px solid #ccc;padding:.3em .6em;vertical-align:top}fieldset{margin:1em 0}.said{background:#ffd}</style></head>
<body><p><b>{{.Host}}</b> is simulated. <a href="/logout">Log out</a></p>
<nav>{{range .Menu}}<a href="{{href .}}">{{.}}</a> | {{end}}</nav>
<h1>{{.Title}}</h1>
{{if .Said}}<p class="said" id="said">{{.Said}}</p>{{end}}
<form method="post" enctype="multipart/form-data" action="{{href .Title}}">
{{range $s := .Sections}}<fieldset><legend>{{.Name}}</legend><table>
{{range $r := .Rows}}<tr><td>{{.Name}}</td>{{range .Items}}<td>{{$id := id $s.Name $r.Name .Label}}
{{- if eq .Kind 0}}<span>{{.Label}}</span>: <b>{{.Value}}</b>
{{- else if eq .Kind 1}}<button name="press" value="{{$id}}">{{.Label}}</button>
{{- else if eq .Kind 2}}<label>{{.Label}} <input name="{{$id}}" value="{{.Value}}"></label>
{{- else if eq .Kind 3}}<label>{{.Label}} <input type="password" name="{{$id}}" autocomplete="off"></label>
{{- else if eq .Kind 4}}<label>{{.Label}} <input type="file" name="{{$id}}"></label>
{{- else}}<label>{{.Label}} <select name="{{$id}}">{{range .Choices}}<option>{{.}}</option>{{end}}</select></label>{{end}}</td>{{end}}</tr>
{{end}}</table></fieldset>{{end}}</form></body></html>
`))

var loginTemplate = template.Must(template.New("login").Parse(`<!DOCTYPE html>
<html><head><meta charset="utf-8"><title>Login - {{.Host}} (simulated SPS)</title></head><body><h1>Login</h1>
{{if .Said}}<p id="said">{{.Said}}</p>{{end}}
<form method="post" action="/login"><label>Username <input name="username"></label> <label>Password <input type="password" name="password"></label>
<button>Login</button></form></body></html>
`))

var askTemplate = template.Must(template.New("ask").Parse(`<!DOCTYPE html>
<html><head><meta charset="utf-8"><title>Confirm</title></head><body><p id="question">{{.Question}}</p>
<form method="post" enctype="multipart/form-data" action="{{.Action}}">{{range $k, $v := .Fields}}<input type="hidden" name="{{$k}}" value="{{$v}}">{{end}}
<input type="hidden" name="dialog" value="{{.Question}}"><button name="press" value="{{.Press}}">OK</button></form>
<a href="{{.Action}}">Cancel</a></body></html>
`))

type htmlPage struct {
	Host, Title, Said string
	Menu              []string
	Sections          []htmlSection
}
type htmlSection struct {
	Name string
	Rows []htmlRow
}
type htmlRow struct {
	Name  string
	Items []htmlItem
}
type htmlItem struct {
	Label, Value string
	Kind         int
	Choices      []string
}

// href is the address of a page: "Basic Settings > System" is /ui/basic-settings/system.
func href(path string) string {
	var out strings.Builder
	out.WriteString("/ui")
	for _, p := range split(path) {
		out.WriteString("/" + strings.ReplaceAll(strings.ToLower(p), " ", "-"))
	}
	return out.String()
}

// servePage answers a browser.
func (n *Node) servePage(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	switch {
	case r.URL.Path == "/login":
		n.serveLogin(w, r)
		return
	case !n.browsing(r):
		http.Redirect(w, r, "/login", http.StatusSeeOther)
		return
	case r.URL.Path == "/logout":
		http.SetCookie(w, &http.Cookie{Name: "ui_session", Path: "/", MaxAge: -1, Secure: true, HttpOnly: true})
		http.Redirect(w, r, "/login", http.StatusSeeOther)
		return
	case r.URL.Path == "/" || r.URL.Path == "/ui":
		http.Redirect(w, r, href(sps.PageSystem), http.StatusSeeOther)
		return
	}
	var title string
	n.world.in(func() {
		for _, s := range n.screens() {
			if href(s.path) == r.URL.Path {
				title = s.path
			}
		}
	})
	switch {
	case title == "":
		http.NotFound(w, r)
	case r.Method == http.MethodPost:
		n.servePress(w, r, title)
	default:
		n.render(w, http.StatusOK, title, r.URL.Query().Get("said"))
	}
}

// webIdle is the time-out of the web interface (SPS 6.9.5 Administration Guide, Web interface timeout). It is not scaled: who sits at a browser is a person,
// and no faster than usual.
const webIdle = 10 * time.Minute

func (n *Node) browsing(r *http.Request) (ok bool) {
	cookie, err := r.Cookie("ui_session")
	if err != nil {
		return false
	}
	n.world.in(func() {
		s := n.web[cookie.Value]
		if ok = s != nil && n.world.now().Sub(s.last) < webIdle; ok {
			s.last = n.world.now()
		}
	})
	return ok
}

func (n *Node) serveLogin(w http.ResponseWriter, r *http.Request) {
	said := ""
	if r.Method == http.MethodPost {
		r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
		user, password := n.Login()
		got := r.FormValue("username") + "\x00" + r.FormValue("password")
		if subtle.ConstantTimeCompare([]byte(got), []byte(user+"\x00"+password)) == 1 {
			id := newToken(20)
			n.world.in(func() {
				n.web[id] = &session{user: user, last: n.world.now()}
				n.note(Login, "%s, in a browser", user)
			})
			http.SetCookie(w, &http.Cookie{Name: "ui_session", Value: id, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode})
			http.Redirect(w, r, href(sps.PageSystem), http.StatusSeeOther)
			return
		}
		n.world.in(func() { n.note(LoginRefused, "in a browser") })
		said = "Wrong username or password."
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	loginTemplate.Execute(w, map[string]string{"Host": n.host(), "Said": said})
}

// render shows a page.
func (n *Node) render(w http.ResponseWriter, status int, title, said string) {
	p := htmlPage{Host: n.host(), Title: title, Said: said}
	n.world.in(func() {
		for _, s := range n.screens() {
			p.Menu = append(p.Menu, s.path)
			if s.path == title {
				p.Sections = htmlSections(s)
			}
		}
	})
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	pageTemplate.Execute(w, p)
}

func htmlSections(s screen) (out []htmlSection) {
	for _, sec := range s.sections {
		hs := htmlSection{Name: sec.name}
		for _, r := range sec.rows {
			hr := htmlRow{Name: r.name}
			for _, it := range r.items {
				hr.Items = append(hr.Items, htmlItem{it.label, it.value, int(it.kind), it.choices})
			}
			hs.Rows = append(hs.Rows, hr)
		}
		out = append(out, hs)
	}
	return out
}

// servePress presses the button of a form. A page that asks a question first shows it, with the fields kept; a file cannot be kept, so no upload asks.
func (n *Node) servePress(w http.ResponseWriter, r *http.Request, title string) {
	fields, images, err := n.readForm(r)
	if err != nil {
		n.render(w, http.StatusBadRequest, title, err.Error())
		return
	}
	id := fields["press"]
	var found place
	question := ""
	n.world.in(func() {
		found, err = n.place(title, id)
		question = n.Switches.Dialogs[found.item.label]
	})
	if err != nil {
		n.render(w, http.StatusConflict, title, err.Error())
		return
	}
	if question != fields["dialog"] {
		delete(fields, "press")
		delete(fields, "dialog")
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		askTemplate.Execute(w, map[string]any{"Question": question, "Action": href(title), "Fields": fields, "Press": id})
		return
	}
	values := form{}
	for _, f := range found.fields() {
		name := found.section.name + "|" + found.row.name + "|" + f.label
		values[f.label] = field{text: fields[name], image: images[name]}
	}
	n.faulty(w, r, []string{"press " + found.item.label}, func(w http.ResponseWriter, r *http.Request) {
		file, err := n.pressItem(r.Context(), found.String(), found.item, values)
		switch {
		case errors.Is(err, errDown):
			breakConnection(w)
		case err != nil:
			n.render(w, http.StatusConflict, title, err.Error())
		case file != nil:
			w.Header().Set("Content-Type", "application/octet-stream")
			w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", file.name))
			w.Header().Set("Content-Length", strconv.Itoa(len(file.data)))
			w.Write(file.data)
		default:
			http.Redirect(w, r, href(title)+"?said="+url.QueryEscape(found.item.label+": done."), http.StatusSeeOther)
		}
	})
}

// readForm reads a form as it comes: a file is looked at and not kept.
func (n *Node) readForm(r *http.Request) (map[string]string, map[string]*imageCheck, error) {
	m, err := r.MultipartReader()
	if err != nil {
		return nil, nil, fmt.Errorf("the form cannot be read: %w", err)
	}
	fields, images := map[string]string{}, map[string]*imageCheck{}
	for {
		var part *multipart.Part
		if part, err = m.NextPart(); err == io.EOF {
			return fields, images, nil
		}
		if err != nil {
			return nil, nil, err
		}
		if part.FileName() != "" {
			if images[part.FormName()], err = n.receive(r.Context(), part); err != nil {
				return nil, nil, err
			}
			continue
		}
		b, err := io.ReadAll(io.LimitReader(part, 64<<10))
		if err != nil {
			return nil, nil, err
		}
		fields[part.FormName()] = string(b)
	}
}

// place finds the button that a form names. With the lock held.
func (n *Node) place(title, id string) (place, error) {
	for _, s := range n.screens() {
		for _, sec := range s.sections {
			for _, r := range sec.rows {
				i := slices.IndexFunc(r.items, func(it item) bool { return it.kind == button && sec.name+"|"+r.name+"|"+it.label == id })
				if s.path == title && i >= 0 {
					return place{s, sec, r, r.items[i]}, nil
				}
			}
		}
	}
	return place{}, fmt.Errorf("the page has no button %q any more", id)
}
