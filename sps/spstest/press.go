package spstest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/changeover-sdk/changeover/sps"
)

// Press does what a person does: on the page with the menu path where ("Basic Settings > High Availability"; a heading of the page, and a row, may
// follow in it), in the named row ("" for none), it fills in the fields named in set and presses the button. A field for a file takes its path, see
// [Node.Files]. The page's question, if it asks one, must be dialog, word for word; "" means that none is expected.
//
// It returns when the page has answered, with the file that the page gives, if any. Whoever is told to press what is not there, gets an error that lists
// what is; every error that wraps [sps.ErrNotPressed] means that nothing happened.
func (n *Node) Press(ctx context.Context, where, row, button string, set map[string]string, dialog string) (name string, file io.Reader, err error) {
	n.begin()
	return n.desk().press(ctx, where, row, button, set, dialog)
}

// Read returns the value beside a label, as a person reads it: see [Node.Press] for where and row.
func (n *Node) Read(ctx context.Context, where, row, label string) (string, error) {
	n.begin()
	return n.desk().read(ctx, where, row, label)
}

// desk is a person in front of a browser that shows the pages of whoever answers at an address.
type desk struct {
	w     *world
	host  string
	look  func() (*Node, face)
	files fs.FS
}

func (n *Node) desk() (d *desk) {
	n.world.in(func() { d = &desk{w: n.world, host: n.address(), look: n.site.look, files: n.Files} })
	return d
}

// page returns the node that answers; its pages are not there while it is down or boots.
func (d *desk) page(ctx context.Context) (n *Node, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	d.w.in(func() {
		var f face
		n, f = d.look()
		switch {
		case d.w.closed:
			err = errClosed
		case n == nil || f != faceServe:
			err = fmt.Errorf("spstest: %s: the page does not load: nothing answers: %w", d.host, sps.ErrNotPressed)
		case n.phase != phaseUp:
			err = fmt.Errorf("spstest: %s: there is only a page that says %q: %w", d.host, n.name()+" is starting", sps.ErrNotPressed)
		}
	})
	return n, err
}

func (d *desk) press(ctx context.Context, where, row, label string, set map[string]string, dialog string) (string, io.Reader, error) {
	n, err := d.page(ctx)
	if err != nil {
		return "", nil, err
	}
	refuse := func(err error) (string, io.Reader, error) {
		return "", nil, fmt.Errorf("spstest: press %s: %w: %w", label, err, sps.ErrNotPressed)
	}
	var it item
	var fields []item
	var question, full string
	n.world.in(func() {
		var p place
		if p, err = n.find(where, row, label, true); err != nil {
			return
		}
		it, fields, full = p.item, p.fields(), p.String()
		question = n.Switches.Dialogs[it.label]
	})
	if err != nil {
		return refuse(err)
	}
	if question != dialog {
		return refuse(fmt.Errorf("the page asks %q, expected was %q", question, dialog))
	}
	values, err := d.fill(ctx, n, fields, set)
	if err != nil {
		return refuse(err)
	}
	var out *download
	act := func() (err error) {
		out, err = n.pressItem(ctx, full, it, values)
		return err
	}
	if err := n.faultyPage(ctx, "press "+it.label, act); err != nil {
		return "", nil, fmt.Errorf("spstest: %s: press %s: %w", n.name(), full, err)
	}
	if out == nil {
		return "", nil, nil
	}
	return out.name, bytes.NewReader(out.data), nil
}

// pressItem presses a button and records it.
func (n *Node) pressItem(ctx context.Context, full string, it item, values form) (*download, error) {
	n.world.in(func() { n.note(Press, "%s", full) })
	return it.press(ctx, values)
}

// fill reads the files and checks the choices.
func (d *desk) fill(ctx context.Context, n *Node, fields []item, set map[string]string) (form, error) {
	out := form{}
	for _, f := range fields {
		out[f.label] = field{text: f.value}
	}
	for label, v := range set {
		i := slices.IndexFunc(fields, func(f item) bool { return same(f.label, label) })
		if i < 0 {
			return nil, fmt.Errorf("there is no field %q; there are %s", label, list(fields))
		}
		f := fields[i]
		value := field{text: v}
		if f.kind == file {
			image, err := d.open(v)
			if err != nil {
				return nil, err
			}
			value.image, err = n.receive(ctx, image)
			image.Close()
			if err != nil {
				return nil, err
			}
		}
		if f.kind == choice {
			i := slices.IndexFunc(f.choices, func(c string) bool { return same(c, v) })
			if i < 0 {
				return nil, fmt.Errorf("%q is no choice of %s; there are %q", v, f.label, f.choices)
			}
			value.text = f.choices[i]
		}
		out[f.label] = value
	}
	return out, nil
}

func (d *desk) open(path string) (fs.File, error) {
	if d.files != nil {
		return d.files.Open(path)
	}
	return os.Open(path)
}

// receive reads an image as it comes from a browser, at the speed of the node.
func (n *Node) receive(ctx context.Context, image io.Reader) (*imageCheck, error) {
	check := new(imageCheck)
	var epoch int
	n.world.in(func() { epoch = n.epoch })
	return check, n.take(ctx, epoch, check, image, func() {})
}

func (d *desk) read(ctx context.Context, where, row, label string) (string, error) {
	n, err := d.page(ctx)
	if err != nil {
		return "", err
	}
	var out string
	look := func() (err error) {
		n.world.in(func() {
			var p place
			if p, err = n.find(where, row, label, false); err == nil {
				out = p.item.value
				if p.item.label == "Upgrade Notes" {
					n.note(ReadNotes, "%s", p.row.name)
				}
			}
		})
		return err
	}
	if err := n.faultyPage(ctx, "read "+label, look); err != nil {
		return "", fmt.Errorf("spstest: %s: read %s: %w", n.name(), label, err)
	}
	return out, nil
}

// faultyPage lets a page do its work, wrongly if a fault is due. What a fault says of a request holds here as it can: an answer other than the
// page's is an error, and so is one that never comes.
func (n *Node) faultyPage(ctx context.Context, what string, do func() error) error {
	var f *Fault
	n.world.in(func() { f = n.fault([]string{what}) })
	if f == nil {
		return do()
	}
	if f.Acts || f.Kind == FaultCut || f.Kind == FaultSlow {
		if err := do(); err != nil {
			return err
		}
	}
	switch f.Kind {
	case FaultSlow:
		return n.world.sleep(ctx, max(f.Delay, time.Minute))
	case FaultHang:
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-n.world.done:
			return errClosed
		}
	case FaultLogout:
		n.KillSessions()
		return errors.New("the page asks for a login")
	case FaultDown:
		n.world.in(func() { n.goDown(true) })
		return errors.New("the connection was reset")
	case FaultReset, FaultCut:
		return errors.New("the connection was reset")
	}
	return fmt.Errorf("the page shows an error (%s, status %d)", f.Kind, f.Status)
}

// place is an item and where it was found.
type place struct {
	screen  screen
	section section
	row     row
	item    item
}

// String names the place as the menu does.
func (p place) String() string {
	parts := []string{p.screen.path}
	for _, s := range []string{p.section.name, p.row.name, p.item.label} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, " > ")
}

// fields are what is filled in before the button of this place is pressed: those of its row, or of its section when it is outside a table.
func (p place) fields() (out []item) {
	for _, it := range p.row.items {
		if it.kind != button && it.kind != value {
			out = append(out, it)
		}
	}
	return out
}

// same compares words of a page as a person does.
func same(a, b string) bool { return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b)) }

// sameRow also knows that "7.0.2.1 LTS" is 7.0.2.1.
func sameRow(a, b string) bool {
	v, err1 := sps.ParseVersion(a)
	w, err2 := sps.ParseVersion(b)
	return same(a, b) || err1 == nil && err2 == nil && v.Same(w)
}

// find finds a button (or a value) by words. With the lock held. Exactly one must fit.
func (n *Node) find(where, row, label string, wantButton bool) (place, error) {
	path := split(where)
	var on []place // everything on the page that was named
	known := map[string]bool{}
	for _, s := range n.screens() {
		known[s.path] = true
		rest, ok := cut(path, split(s.path))
		if !ok {
			continue
		}
		for _, sec := range s.sections {
			rest, inSection := rest, true
			if len(rest) > 0 && sec.name != "" && same(rest[0], sec.name) {
				rest = rest[1:]
			} else if len(rest) > 0 && sec.name != "" {
				inSection = false
			}
			for _, r := range sec.rows {
				inRow := inSection && (len(rest) == 0 || len(rest) == 1 && sameRow(rest[0], r.name))
				if !inRow || row != "" && !sameRow(row, r.name) && !same(row, sec.name+" > "+r.name) {
					continue
				}
				for _, it := range r.items {
					on = append(on, place{s, sec, r, it})
				}
			}
		}
	}
	if len(on) == 0 {
		return place{}, n.nothingThere(where, row, slices.Sorted(maps.Keys(known)))
	}
	var found, loose []place // loose: outside a table, so they need no row
	for _, p := range on {
		isButton := p.item.kind == button
		if isButton != wantButton || !isButton && p.item.kind != value || !same(p.item.label, label) {
			continue
		}
		found = append(found, p)
		if p.row.name == "" {
			loose = append(loose, p)
		}
	}
	if row == "" && len(found) > 1 && len(loose) == 1 {
		found = loose
	}
	kind := map[bool]string{true: "button", false: "label"}[wantButton]
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		var there []string
		for _, p := range on {
			if (p.item.kind == button) == wantButton && p.item.kind <= button {
				there = append(there, p.String())
			}
		}
		return place{}, fmt.Errorf("there is no %s %q at %q in row %q; there are %q", kind, label, where, row, there)
	}
	return place{}, fmt.Errorf("there are %d of the %s %q at %q in row %q: name the row", len(found), kind, label, where, row)
}

// nothingThere lists what there is instead.
func (n *Node) nothingThere(where, row string, pages []string) error {
	var rows []string
	for _, s := range n.screens() {
		if _, ok := cut(split(where), split(s.path)); !ok {
			continue
		}
		for _, sec := range s.sections {
			for _, r := range sec.rows {
				rows = append(rows, strings.Trim(sec.name+" > "+r.name, " >"))
			}
		}
	}
	if rows != nil {
		return fmt.Errorf("there is nothing at %q in row %q; the page has %q", where, row, rows)
	}
	return fmt.Errorf("there is no page %q; there are %q", where, pages)
}

func split(path string) []string {
	var out []string
	for p := range strings.SplitSeq(path, ">") {
		if p = strings.TrimSpace(p); p != "" {
			out = append(out, p)
		}
	}
	return out
}

// cut removes a prefix of words.
func cut(path, prefix []string) ([]string, bool) {
	if len(path) < len(prefix) {
		return nil, false
	}
	for i, p := range prefix {
		if !same(p, path[i]) {
			return nil, false
		}
	}
	return path[len(prefix):], true
}

func list(items []item) string {
	var out []string
	for _, it := range items {
		out = append(out, fmt.Sprintf("%q", it.label))
	}
	if out == nil {
		return "none"
	}
	return strings.Join(out, ", ")
}
