package pratest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

// Press does what a person does at a page of this appliance: on the page named by its menu path ("/login > Management > Failover"), in the row of its table
// ("" for none), it sets fields by their labels and presses the button with that label. Where a label is there twice it takes "Group > Label". A
// file field's value is a local path (see [Box.Files]), a box's is "on" or "off". A button behind a link ("Save Changes" behind an address, "Upload" behind "Import") is pressed by its
// own label or the link's. Dialog is the question that the presser expects to come up, "" for none; another one is an error, and nothing is pressed.
//
// It returns the file that the button gave, if it gave one. Errors list what is there instead. An error that wraps [beyondtrust.ErrNotPressed] says that nothing was
// pressed; any other is what the page answered, or that the connection broke.
//
// The person is signed in already, and has passed What's New.
func (b *Box) Press(ctx context.Context, where, row, button string, set map[string]string, dialog string) (name string, file io.Reader, err error) {
	files, err := b.openFiles(where, row, button, set)
	if err != nil {
		return "", nil, fmt.Errorf("pratest: press %q on %q: %w: %w", button, where, beyondtrust.ErrNotPressed, err)
	}
	d, err := b.press(ctx, where, row, button, set, dialog, files)
	if err != nil {
		return "", nil, fmt.Errorf("pratest: press %q on %q of %s: %w", button, where, b.Name, err)
	}
	if d == nil {
		return "", nil, nil
	}
	return d.name, d.body, nil
}

// Read returns the value beside a label on a page, in a row of its table ("" for none): a text that is shown, or what a field holds. What a password field
// holds is not shown. Errors list what is there instead.
func (b *Box) Read(ctx context.Context, where, row, label string) (string, error) {
	v, err := b.look(ctx, where)
	if err != nil {
		return "", fmt.Errorf("pratest: read %q on %q of %s: %w", label, where, b.Name, err)
	}
	text, err := v.read(row, label)
	if err != nil {
		return "", fmt.Errorf("pratest: read %q on %q of %s: %w", label, where, b.Name, err)
	}
	return text, nil
}

// read finds a value, or a field, by its label.
func (v *view) read(rowName, label string) (string, error) {
	values, top := v.values, &v.form
	if rowName != "" {
		r, err := v.row(rowName)
		if err != nil {
			return "", err
		}
		values, top = r.values, &r.form
	}
	var there []string
	for _, x := range values {
		if plain(x.label) == plain(label) {
			return x.text, nil
		}
		there = append(there, x.label)
	}
	forms := []*form{top}
	for i := range top.buttons {
		if sub := top.buttons[i].sub; sub != nil {
			forms = append(forms, sub)
		}
	}
	for _, f := range forms {
		if fd, err := f.field(label); err == nil {
			if fd.kind == fieldPassword {
				return strings.Repeat("*", min(len(fd.value), 8)), nil
			}
			return fd.value, nil
		}
		for _, fd := range f.fields {
			there = append(there, fd.name())
		}
	}
	return "", fmt.Errorf("there is no label %q; there are: %s", label, listed(there))
}

// look gets a page's view, through the faults that are planned for looking.
func (b *Box) look(ctx context.Context, where string) (*view, error) {
	s := b.site
	f, err := b.door(ctx, where, "read")
	if err != nil {
		return nil, err
	}
	if _, other := f.instead(); other {
		return nil, f.pageError("a look")
	}
	s.lock()
	defer s.mu.Unlock()
	if err := b.shut(where); err != nil {
		return nil, err
	}
	p, err := b.page(where)
	if err != nil {
		return nil, err
	}
	if f.broken() {
		return nil, f.pageError("a look")
	}
	return p.view(b), nil
}

// door is what every look and press goes through first: whether the page opens, what is planned to go wrong, and the time it takes.
func (b *Box) door(ctx context.Context, where, call string) (Fault, error) {
	b.enter()() // a box without a site says so
	s := b.site
	s.lock()
	s.w.calls[call]++
	if err := b.shut(where); err != nil {
		s.mu.Unlock()
		return Fault{}, err
	}
	f := b.fault(call)
	delay := s.scaled(s.slowness(b) + f.late())
	s.mu.Unlock()
	if f.Kind == FaultHang && !f.Acts {
		delay = forever
	}
	if delay > 0 && !s.pause(ctx, b, delay) {
		return f, b.gone(ctx)
	}
	return f, ctx.Err()
}

// gone is why a wait ended early.
func (b *Box) gone(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return os.NewSyscallError("read", syscall.ECONNRESET)
}

// shut is why a page of b cannot be opened; nil when it can.
func (b *Box) shut(where string) error {
	if p, err := b.page(where); err == nil && p.distant {
		return nil
	}
	switch b.st.front {
	case away:
		return fmt.Errorf("%w: %w", beyondtrust.ErrNotPressed, os.NewSyscallError("connect", syscall.ECONNREFUSED))
	case unavailable:
		return fmt.Errorf("%w: the site is temporarily unavailable (503)", beyondtrust.ErrNotPressed)
	}
	return nil
}

// broken reports whether the page's answer does not arrive whole.
func (f *Fault) broken() bool {
	switch f.Kind {
	case FaultReset, FaultDown, FaultCut, FaultHalf, FaultStall, FaultHang:
		return true
	}
	return false
}

// pageError is a fault as the person at a browser meets it.
func (f *Fault) pageError(call string) error {
	if f.broken() {
		return os.NewSyscallError("read", syscall.ECONNRESET)
	}
	return fmt.Errorf("another page than the expected one came after %s: %.80s", call, f.Body)
}

// press is Press with the files opened. All that makes it certain that nothing was pressed comes first.
func (b *Box) press(ctx context.Context, where, rowName, label string, set map[string]string, dialog string, files map[string]upload) (*download, error) {
	s := b.site
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", beyondtrust.ErrNotPressed, err)
	}
	call := b.finalLabel(where, rowName, label)
	f, err := b.door(ctx, where, "press "+call)
	if err != nil {
		return nil, err
	}
	if !f.acts() {
		return nil, f.pageError(call)
	}
	d, err := b.pressLocked(where, rowName, label, set, dialog, files)
	switch {
	case errors.Is(err, beyondtrust.ErrNotPressed):
		return nil, err
	case f.Kind == FaultHang:
		s.pause(ctx, b, forever)
		return nil, b.gone(ctx)
	case f.Kind != "" && f.Kind != FaultSlow && f.Kind != FaultTrickle:
		return nil, f.pageError(call)
	}
	return d, err
}

func (b *Box) pressLocked(where, rowName, label string, set map[string]string, dialog string, files map[string]upload) (*download, error) {
	defer b.enter()()
	return b.pressed(where, rowName, label, set, dialog, files)
}

// finalLabel is the button that is pressed in the end when label names the link to it.
func (b *Box) finalLabel(where, rowName, label string) string {
	defer b.enter()()
	if _, bt, _, err := b.find(where, rowName, label); err == nil {
		return bt.label
	}
	return label
}

func (b *Box) pressed(where, rowName, label string, set map[string]string, dialog string, files map[string]upload) (*download, error) {
	not := func(err error) error { return fmt.Errorf("%w: %w", beyondtrust.ErrNotPressed, err) }
	if err := b.shut(where); err != nil {
		return nil, err
	}
	p, bt, with, err := b.find(where, rowName, label)
	if err != nil {
		return nil, not(err)
	}
	in := input{values: map[string]string{}, files: map[string]upload{}}
	for _, fd := range with.fields {
		in.values[fd.name()] = fd.value
	}
	for label, value := range set {
		fd, err := with.field(label)
		if err != nil {
			return nil, not(err)
		}
		if in.values[fd.name()], err = fd.set(value); err != nil {
			return nil, not(err)
		}
		if fd.kind == fieldFile {
			in.files[fd.name()] = files[label]
		}
	}
	if q := b.question(bt); plain(q) != plain(dialog) {
		return nil, not(fmt.Errorf("the question %q came up, expected was %q", q, dialog))
	}
	b.site.note(b, Press, "%s", strings.Join(trim(p.menu(b), rowName, bt.label), " | "))
	return b.do(p, bt, in)
}

// do carries a button out. Its refusal is shown on the page too.
func (b *Box) do(p *page, bt *button, in input) (*download, error) {
	delete(b.st.message, p.where)
	d, err := bt.do(in)
	if err != nil {
		b.site.note(b, Refused, "%s: %v", bt.label, err)
		b.st.message[p.where] = err.Error()
	}
	return d, err
}

// question is what comes up when bt is pressed.
func (b *Box) question(bt *button) string {
	if q := b.site.Switches.Dialogs[bt.label]; q != "" {
		return q
	}
	return bt.dialog
}

func trim(parts ...string) []string {
	var out []string
	for _, p := range parts {
		if p != "" {
			out = append(out, p)
		}
	}
	return out
}

// find finds a button, and the form whose fields go with it.
func (b *Box) find(where, rowName, label string) (*page, *button, *form, error) {
	p, err := b.page(where)
	if err != nil {
		return nil, nil, nil, err
	}
	v := p.view(b)
	f := &v.form
	if rowName != "" {
		r, err := v.row(rowName)
		if err != nil {
			return nil, nil, nil, err
		}
		f = &r.form
	}
	bt, with, err := f.button(label)
	return p, bt, with, err
}
