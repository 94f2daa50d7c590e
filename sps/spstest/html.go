package spstest

import (
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/changeover-sdk/changeover/internal/markup"
	"github.com/changeover-sdk/changeover/sps"
)

// Markup is how the pages are made for a browser. What is on them is the same in every one; the vendor's own markup is not public.
type Markup = markup.Style

// Sorts of markup. The zero value is MarkupClassic.
const (
	MarkupClassic  = markup.Classic  // plain forms with a hidden token
	MarkupScript   = markup.Script   // drawn by a script that fetches what is on the page; questions are dialogs of the browser
	MarkupTables   = markup.Tables   // tables for layout, links as buttons, a menu that must be opened
	MarkupCards    = markup.Cards    // cards with definition lists, floating labels and switches, a form that is sent without leaving the page
	MarkupPanels   = markup.Panels   // a bar with drop-down menus, panels, labels left of their fields, tables of labels and values; questions are dialogs of the browser
	MarkupDocument = markup.Document // one column of plain HTML: summary lists, labels above their fields, big boxes, field sets; questions are dialogs of the browser
)

// Markups returns all sorts of markup.
func Markups() []Markup { return markup.Styles() }

// Traps spoil the pages in a browser, so that a driver can be seen to refuse.
type Traps = markup.Traps

// TrapNames are the names by which [Traps] are laid with their method Set.
func TrapNames() []string { return markup.TrapNames() }

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
	reply := func(a markup.Reply) { a.Write(w) }
	if r.URL.Path == "/login" {
		reply(n.serveLogin(w, r))
		return
	}
	s := n.browsing(r)
	switch {
	case s == nil:
		reply(n.Markup.SignedOut(r.Header, "/login"))
		return
	case r.URL.Path == "/logout":
		n.world.in(func() { n.leave(s) })
		http.SetCookie(w, &http.Cookie{Name: "ui_session", Path: "/", MaxAge: -1, Secure: true, HttpOnly: true})
		reply(n.Markup.Enter(r.Header, "/login"))
		return
	}
	if a, stays := n.serveGate(w, r, s); stays {
		reply(a)
		return
	}
	if r.URL.Path == "/" || r.URL.Path == "/ui" {
		reply(n.Markup.Go(r.Header, href(sps.PageSystem)))
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
		n.servePress(w, r, s, title)
	default:
		n.show(w, r, http.StatusOK, title, s)
	}
}

// webIdle is the time-out of the web interface (SPS 6.9.5 Administration Guide, Web interface timeout). It is not scaled: who sits at a browser is a person,
// and no faster than usual.
const webIdle = 10 * time.Minute

// browsing returns the session of a browser; nil when it is not signed in.
func (n *Node) browsing(r *http.Request) (s *session) {
	cookie, err := r.Cookie("ui_session")
	if err != nil {
		return nil
	}
	n.world.in(func() {
		if s = n.web[cookie.Value]; s == nil || n.world.now().Sub(s.last) >= webIdle {
			s = nil
			return
		}
		s.last = n.world.now()
	})
	return s
}

// leave ends the session of a browser. With the lock held.
func (n *Node) leave(s *session) {
	for id, x := range n.web {
		if x == s {
			delete(n.web, id)
		}
	}
}

// servePress presses the button of a form. A page of the classic markup asks its question on a page of its own, with the fields kept; a file cannot be kept, so no
// upload asks.
func (n *Node) servePress(w http.ResponseWriter, r *http.Request, s *session, title string) {
	refuse := func(w http.ResponseWriter, status int, err error) {
		n.world.in(func() { s.refused = err.Error() })
		n.show(w, r, status, title, s)
	}
	fields, images, err := n.readForm(r)
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	if !n.Switches.NoToken && fields["token"] != s.token {
		refuse(w, http.StatusForbidden, errors.New("the form has expired"))
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
		refuse(w, http.StatusConflict, err)
		return
	}
	switch label := found.item.label; {
	case markup.Same(n.Traps.Leave, label):
		n.world.in(func() { n.leave(s) })
		n.Markup.SignedOut(r.Header, "/login").Write(w)
		return
	case markup.Same(n.Traps.Elsewhere, label):
		n.Markup.Go(r.Header, markup.Outside).Write(w)
		return
	}
	if n.asksOnPage() && question != fields["dialog"] {
		n.Markup.Page(r.Header, http.StatusOK, n.askPage(title, question, id, fields)).Write(w)
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
			refuse(w, http.StatusConflict, err)
		case file != nil:
			w.Header().Set("Content-Type", "application/octet-stream")
			w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", file.name))
			w.Header().Set("Content-Length", strconv.Itoa(len(file.data)))
			w.Write(file.data)
		default:
			n.world.in(func() { s.said = found.item.label + ": done." })
			n.Markup.Go(r.Header, href(title)).Write(w)
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
