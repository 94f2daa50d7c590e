package site

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"github.com/changeover-sdk/changeover/internal/browser"
	"github.com/changeover-sdk/changeover/internal/browser/axtree"
)

// Labels every table has: those of the page that asks for a login.
const (
	signIn     = "sign in"
	labelUser  = "sign in.user"
	labelPass  = "sign in.password"
	labelLogin = "sign in.button"
	labelGoOn  = "sign in.what's new" // optional: what leads on from What's New
)

// Site is one appliance's web interface. Its methods may be called from several goroutines; they go one after the other.
type Site struct {
	cfg      browser.Config
	table    Table
	login    func(start string) (user, password string, err error)
	evidence func(ctx context.Context, e browser.Evidence)

	mu      sync.Mutex
	b       *browser.Browser
	p       *browser.Page
	refused map[string]error // by start: a sign-in was refused, and is not tried again, which could lock the account
	seen    int              // how much Evidence there was
	closed  bool
}

// New returns a Site. Nothing is started before it is used. Login is asked for the account of the start of a page. Evidence, which may be nil, gets
// what was seen before and after each press, at each failure and by a probe, from the goroutine that called.
func New(cfg browser.Config, table Table, login func(start string) (user, password string, err error), evidence func(context.Context, browser.Evidence)) *Site {
	cfg.Secret = append(cfg.Secret, table.secrets()...)
	cfg.Words = axtree.Words{Password: table.Labels[labelPass].Text, Login: table.Labels[labelLogin].Text}
	return &Site{cfg: cfg, table: table, login: login, evidence: evidence, refused: map[string]error{}}
}

// Close ends the browser, if one was started. A Site that is closed does nothing any more.
func (s *Site) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return s.stop()
}

func (s *Site) stop() error {
	b := s.b
	s.b, s.p = nil, nil
	if b == nil {
		return nil
	}
	return b.Close()
}

// Visit opens a page and does something on it. Every error of it and of what f
// returns is of class act.ErrNotPressed unless something was pressed.
func (s *Site) Visit(ctx context.Context, page string, f func(v *Visit) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.open(ctx, page)
	v := &Visit{s: s, ctx: ctx, page: page}
	if err == nil {
		err = f(v)
	}
	if v.staged && s.p != nil && !pending(err) {
		err = errors.Join(err, s.p.Unstage())
	}
	if err == nil {
		return nil
	}
	if v.pressed { // what went wrong afterwards does not take the press back
		err = late(page, err)
	}
	s.see(ctx, browser.Failure, page, "", err)
	if e, ok := errors.AsType[*browser.Error](err); ok && (e.Reason == browser.Gone || e.Reason == browser.Crashed || e.Reason == browser.Certificate) {
		return errors.Join(err, s.stop()) // the next visit begins anew
	}
	if ctx.Err() != nil {
		return errors.Join(err, s.stop()) // what the page is doing now is not known
	}
	return err
}

// open brings a page up: start, sign in, menu.
func (s *Site) open(ctx context.Context, key string) error {
	page, ok := s.table.Pages[key]
	if !ok {
		return idle("open", key, fmt.Errorf("labels: there is no page %q", key))
	}
	if s.closed {
		return idle("open", key, errors.New("the driver is closed"))
	}
	start := page.Start
	if start == "" {
		start = "/"
	}
	if err := s.refused[start]; err != nil {
		return idle("sign in", "", fmt.Errorf("it was refused before, and is not tried again: %w", err))
	}
	state, way, err := s.arrive(ctx, start, page)
	if e, ok := errors.AsType[*browser.Error](err); ok && (e.Reason == browser.Certificate || e.Reason == browser.Gone || e.Reason == browser.Crashed) {
		// The appliance has another certificate since the browser was started, or the browser has ended. Begin again, with the certificate
		// verified again.
		if err := s.stop(); err != nil {
			return idle("end the browser", "", err)
		}
		state, way, err = s.arrive(ctx, start, page)
	}
	if err == nil && state == axtree.StateSignedOut {
		if err := s.signIn(ctx, start); err != nil {
			return err
		}
		state, way, err = s.arrive(ctx, start, page)
	}
	if l, ok := s.table.Labels[labelGoOn]; ok && err == nil && state == axtree.StateWhatsNew && way < 0 {
		if _, err := s.p.Press(ctx, axtree.Query{Kind: axtree.Button, Label: l.Text}, browser.Proof{Answer: true}); err != nil {
			return idle("open", key, err)
		}
		state, way, err = s.arrive(ctx, start, page)
	}
	if err != nil {
		return idle("open", start, err)
	}
	return s.walk(ctx, page, state, way)
}

// arrive opens the start page, with a browser that is running.
func (s *Site) arrive(ctx context.Context, start string, page Page) (state axtree.State, way int, err error) {
	if s.b == nil {
		b, err := browser.Start(ctx, s.cfg)
		if err != nil {
			return "", -1, err
		}
		s.b = b
		if s.p, err = b.Open(ctx); err != nil {
			return "", -1, errors.Join(err, s.stop())
		}
	}
	if _, err := s.p.Goto(ctx, start, nil); err != nil {
		return "", -1, err
	}
	return s.p.Arrive(ctx, page.Heading, page.way())
}

// way is what is pressed to get to a page.
func (p Page) way() (out []axtree.Query) {
	for _, m := range p.Menu {
		out = append(out, axtree.Query{Kind: axtree.Button, Label: m})
	}
	return out
}

func (s *Site) signIn(ctx context.Context, start string) error {
	user, password, err := s.login(start)
	if err != nil {
		return idle("sign in", "", err)
	}
	err = s.p.SignIn(ctx, s.table.Labels[labelUser].Text, s.table.Labels[labelPass].Text, s.table.Labels[labelLogin].Text, user, password)
	if e, ok := errors.AsType[*browser.Error](err); ok {
		e.Pressed = false
		if e.Reason == browser.Refused {
			s.refused[start] = err
		}
	}
	return err
}

// walk presses menu entries until the page is there, from the last one of them on that is to be seen already: a menu that is open is not pressed
// again.
func (s *Site) walk(ctx context.Context, page Page, state axtree.State, way int) error {
	if state == axtree.StatePage || way < 0 {
		return s.p.Expect(ctx, page.Heading) // it says what is there instead
	}
	for queries, i := page.way(), way; i < len(queries); i++ {
		proof := browser.Proof{}
		if i+1 < len(queries) {
			proof.Shows = &queries[i+1]
		} else {
			proof.Heading = page.Heading
		}
		if _, err := s.p.Press(ctx, queries[i], proof); err != nil {
			return idle("open", fmt.Sprint(page.Heading), err)
		}
	}
	return nil
}

// idle is an error of the way to a page: whatever was pressed on it, no button of a step was.
func idle(op, label string, err error) error {
	if e, ok := errors.AsType[*browser.Error](err); ok {
		e.Pressed = false
		return err
	}
	return &browser.Error{Reason: browser.Failed, Op: op, Label: label, Err: err}
}

// pending reports whether something was pressed whose outcome is not known: a file may still be on its way.
func pending(err error) bool {
	e, ok := errors.AsType[*browser.Error](err)
	return ok && e.Pressed
}

// late is an error of something that came after a press, which it does not take back.
func late(page string, err error) error {
	e, ok := errors.AsType[*browser.Error](err)
	if !ok {
		return &browser.Error{Reason: browser.Failed, Op: "look after the press at", Label: page, Pressed: true, Err: err}
	}
	c := *e
	c.Pressed = true
	return &c
}

// Visit is a page that is open. It holds for the duration of the function it is given to.
type Visit struct {
	s       *Site
	ctx     context.Context
	page    string
	pressed bool // a button of a step
	staged  bool // a file was chosen, and lies in the browser's directory
}

// Values stand for "{name}" in the places of a table.
type Values map[string][]string

// Press presses the button of the table's label; a box or a choice is ticked.
func (v *Visit) Press(key string, values Values) error {
	q, l, err := v.s.table.query(key, values)
	if err != nil {
		return idle("press", key, err)
	}
	v.s.see(v.ctx, browser.Before, v.page, key, nil)
	switch q.Kind {
	case axtree.Check:
		err = v.s.p.Tick(v.ctx, q, true)
	case axtree.Choice:
		err = v.s.p.Pick(v.ctx, q)
	default:
		_, err = v.s.p.Press(v.ctx, q, browser.Proof{Answer: true, Ask: l.ask(), Heading: v.s.table.Pages[l.Then].Heading})
	}
	if err == nil {
		v.pressed = true
		v.s.see(v.ctx, browser.After, v.page, key, nil)
	}
	return err
}

// Follow presses a link that leads to a page of its own. Like the menu, it counts for nothing pressed.
func (v *Visit) Follow(key, page string, values Values) error {
	q, _, err := v.s.table.query(key, values)
	if err != nil {
		return idle("follow", key, err)
	}
	if _, err := v.s.p.Press(v.ctx, q, browser.Proof{Heading: v.s.table.Pages[page].Heading}); err != nil {
		return idle("follow", key, err)
	}
	return nil
}

// Reveal returns what is in a field, which may be a secret.
func (v *Visit) Reveal(key string, values Values) (string, error) {
	q, _, err := v.s.table.query(key, values)
	if err != nil {
		return "", idle("read", key, err)
	}
	return v.s.p.Reveal(v.ctx, q)
}

// Save presses a button that gives a file, and writes it to w.
func (v *Visit) Save(key string, values Values, w io.Writer) (browser.Transfer, error) {
	q, l, err := v.s.table.query(key, values)
	if err != nil {
		return browser.Transfer{}, idle("download", key, err)
	}
	v.s.see(v.ctx, browser.Before, v.page, key, nil)
	t, err := v.s.p.Save(v.ctx, q, l.ask(), w)
	if err == nil {
		v.pressed = true
		v.s.see(v.ctx, browser.After, v.page, key, nil)
	}
	return t, err
}

// Set types into a field.
func (v *Visit) Set(key, text string, values Values) error {
	q, _, err := v.s.table.query(key, values)
	if err != nil {
		return idle("fill in", key, err)
	}
	return v.s.p.Set(v.ctx, q, text)
}

// SetSecret types what nobody must see into a field.
func (v *Visit) SetSecret(key, text string, values Values) error {
	q, _, err := v.s.table.query(key, values)
	if err != nil {
		return idle("fill in", key, err)
	}
	return v.s.p.SetSecret(v.ctx, q, text)
}

// Tick ticks a box, or takes the tick away.
func (v *Visit) Tick(key string, on bool, values Values) error {
	q, _, err := v.s.table.query(key, values)
	if err != nil {
		return idle("tick", key, err)
	}
	return v.s.p.Tick(v.ctx, q, on)
}

// Pick presses one of several choices.
func (v *Visit) Pick(key string, values Values) error {
	q, _, err := v.s.table.query(key, values)
	if err != nil {
		return idle("choose", key, err)
	}
	return v.s.p.Pick(v.ctx, q)
}

// Attach chooses a file for a field.
func (v *Visit) Attach(key string, values Values, fsys fs.FS, name string) (browser.Transfer, error) {
	q, _, err := v.s.table.query(key, values)
	if err != nil {
		return browser.Transfer{}, idle("choose a file for", key, err)
	}
	v.staged = true
	return v.s.p.Attach(v.ctx, q, fsys, name)
}

// Read reads the page until two readings in a row are the same, so that a page that is still being filled is not taken for a whole
// one.
func (v *Visit) Read(f func(r *Reading) error) error {
	return v.s.p.Read(v.ctx, v.page, func(now *axtree.Snapshot) (string, error) {
		r := &Reading{t: &v.s.table, now: now}
		err := f(r)
		return fmt.Sprint(r.log), errors.Join(err, r.err)
	})
}
