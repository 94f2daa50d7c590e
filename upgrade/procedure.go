package upgrade

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Procedure is a guide: an ordered tree of steps, with the guards that are looked at before every act. It is data:
// print it with [Plan], insert steps into Steps, run it with [Run].
type Procedure struct {
	Name   string  // "SPS upgrade to 7.0.2.1"
	Source string  // the guide it follows
	Guards []Guard // looked at before every act
	Steps  []Step

	Vigils []Vigil // asked all along every run, for the report
}

// Index returns the position in Steps of the step called name, or of the group that holds it at any depth; -1 if there is none.
func (p Procedure) Index(name string) int {
	return slices.IndexFunc(p.Steps, func(s Step) bool { return s.Name == name || holds(s.Steps, name) })
}

func holds(steps []Step, name string) bool {
	return slices.ContainsFunc(steps, func(s Step) bool { return s.Name == name || holds(s.Steps, name) })
}

// Validate reports everything that is wrong with the procedure, joined: names missing or double, steps that can do
// nothing, an Until that leads nowhere, a Hold where a run must not end, IfNotBegun without Settle. [Run] calls it first.
func (p Procedure) Validate() error {
	_, err := p.compile()
	return err
}

// node is a step at its place in the tree.
type node struct {
	*Step
	path   string
	order  int // of leaves, in the guide's order
	parent *node
	kids   []*node
	until  *node
	like   *node
	whole  *node // outermost group that must not be left half-way
}

// tree is a procedure made ready to run.
type tree struct {
	p      Procedure
	root   *node
	leaves []*node
	byPath map[string]*node
	digest string
}

func (p Procedure) compile() (*tree, error) {
	t := &tree{p: p, byPath: map[string]*node{}}
	t.root = &node{Step: &Step{Name: p.Name, Steps: p.Steps}}
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf("upgrade: "+format, args...)) }
	if p.Name == "" {
		bad("the procedure has no name")
	}
	if len(p.Steps) == 0 {
		bad("procedure %q has no steps", p.Name)
	}
	t.grow(t.root, bad)
	t.resolveUntil(bad)
	t.resolveLike(bad)
	seen := map[string]bool{}
	for _, g := range p.Guards {
		switch {
		case !goodName(g.Name) || g.Observe == nil:
			bad("guard %q needs an Observe and a name of one line without a slash", g.Name)
		case t.byPath[guardPath(g.Name)] != nil:
			bad("a guard and a step are both called %q in the journal", guardPath(g.Name))
		case g.Every < 0 || g.Limit < 0:
			bad("guard %q has a negative duration", g.Name)
		}
		if seen[g.Name] {
			bad("two guards are called %q", g.Name)
		}
		seen[g.Name] = true
	}
	p.checkVigils(bad)
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	t.digest = t.fingerprint()
	return t, nil
}

func (t *tree) grow(n *node, bad func(string, ...any)) {
	names := map[string]bool{}
	for i := range n.Steps {
		s := &n.Steps[i]
		kid := &node{Step: s, parent: n, path: s.Name, whole: n.whole}
		if n.path != "" {
			kid.path = n.path + "/" + s.Name
		}
		if kid.whole == nil && s.Whole {
			kid.whole = kid
		}
		switch {
		case !goodName(s.Name):
			bad("step %d of %q has the name %q: a name is one line of text without a slash", i+1, cmp.Or(n.path, t.p.Name), s.Name)
		case names[s.Name]:
			bad("two steps of %q are called %q", cmp.Or(n.path, t.p.Name), s.Name)
		}
		names[s.Name] = true
		kid.check(bad)
		n.kids = append(n.kids, kid)
		t.byPath[kid.path] = kid
		if s.group() {
			t.grow(kid, bad)
			continue
		}
		kid.order = len(t.leaves)
		t.leaves = append(t.leaves, kid)
	}
}

// goodName says whether a name can stand in a path, a table and a journal.
func goodName(name string) bool {
	return name != "" && utf8.ValidString(name) && !strings.ContainsFunc(name, func(r rune) bool { return r == '/' || !unicode.IsPrint(r) })
}

// guardPath is how a journal calls a guard.
func guardPath(name string) string { return "guard " + name }

func (n *node) check(bad func(string, ...any)) {
	s := n.Step
	acts := s.Observe != nil || s.Act != nil || s.Ask != nil
	switch {
	case s.group() && (acts || s.hold || s.Restore != nil || s.Until != ""):
		bad("group %q has functions of its own: put them into a step", n.path)
	case s.hold && (acts || s.Restore != nil || s.Until != ""):
		bad("hold %q has functions of its own: put them into a step", n.path)
	case !s.group() && !acts && !s.hold:
		bad("step %q has neither Observe, Act, Ask nor Steps", n.path)
	case !s.group() && (s.Whole || s.AtOnce > 1):
		bad("step %q is no group, so Whole and AtOnce mean nothing", n.path)
	case s.Again == IfNotBegun && s.Settle <= 0:
		bad("step %q may be sent again if it has not begun, so it needs a Settle above 0", n.path)
	case s.Again < Never || s.Again > Freely:
		bad("step %q has an Again that does not exist", n.path)
	case s.Restore != nil && s.Observe == nil:
		bad("step %q has a Restore, so it needs an Observe: what was before must have been seen", n.path)
	case s.Until != "" && s.Observe == nil:
		bad("step %q has an Until, so it needs an Observe: its effect is looked at again", n.path)
	case s.Exposes != "" && s.Until == "":
		bad("step %q exposes the site, so it needs an Until: the step that ends that", n.path)
	case s.Remembers && (s.Observe == nil || s.Act != nil || s.Ask != nil):
		bad("step %q remembers its looks, so it only looks: an Observe and neither Act nor Ask", n.path)
	case s.Like != "" && s.Act == nil && s.Ask == nil:
		bad("step %q does nothing, so it is Like no other", n.path)
	case s.EachRun && (s.Observe == nil || s.Again != Freely):
		bad("step %q is looked at by every run, so it needs an Observe and Again: Freely", n.path)
	case s.EachRun && (s.Restore != nil || s.Until != ""):
		bad("step %q is looked at by every run, so its effect cannot last: no Restore, no Until", n.path)
	case slices.ContainsFunc(s.Down, func(a string) bool { return !slices.Contains(s.On, a) }):
		bad("step %q takes down %q, and touches only %q: name it in On, too", n.path, s.Down, s.On)
	}
	if s.Every < 0 || s.Settle < 0 || s.Limit < 0 || s.Takes < 0 || s.Worry < 0 || s.Outage < 0 {
		bad("step %q has a negative duration", n.path)
	}
	if !s.hold {
		return
	}
	if n.whole != nil {
		bad("hold %q is inside %q, which must not be left half-way", n.path, n.whole.path)
	}
	for up := n.parent; up != nil; up = up.parent {
		if up.AtOnce > 1 {
			bad("hold %q is inside %q, whose steps run at the same time", n.path, up.path)
		}
	}
}

// resolveUntil finds the step an Until names, by path or by name, behind the step it is a field of: in its own group first, then
// further out, so that two halves of a procedure may use the same names.
func (t *tree) resolveUntil(bad func(string, ...any)) {
	for _, n := range t.leaves {
		if n.Until == "" {
			continue
		}
		var found []*node
		for scope := n.parent; scope != nil && len(found) == 0; scope = scope.parent {
			scope.each(func(m *node) {
				if m != scope && (m.path == n.Until || m.Name == n.Until) && m.first() > n.order {
					found = append(found, m)
				}
			})
		}
		if len(found) != 1 {
			bad("step %q holds until %q, and %d steps behind it are called that; want one", n.path, n.Until, len(found))
			continue
		}
		n.until = found[0]
	}
}

// resolveLike finds the step a Like names, by path or by the end of it, before the step it is a field of.
func (t *tree) resolveLike(bad func(string, ...any)) {
	for _, n := range t.leaves {
		if n.Like == "" {
			continue
		}
		var found []*node
		for _, m := range t.leaves[:n.order] {
			if m.path == n.Like || strings.HasSuffix(m.path, "/"+n.Like) {
				found = append(found, m)
			}
		}
		if len(found) != 1 {
			bad("step %q is to take as long as %q, and %d steps before it are called that; want one", n.path, n.Like, len(found))
			continue
		}
		n.like = found[0]
	}
}

// first returns the order of the first leaf.
func (n *node) first() int {
	for len(n.kids) > 0 {
		n = n.kids[0]
	}
	return n.order
}

// each calls do for n and everything below it, in order.
func (n *node) each(do func(*node)) {
	do(n)
	for _, k := range n.kids {
		k.each(do)
	}
}

// fingerprint covers what makes a procedure another one: paths, references, inputs, appliances and the shape of groups. Not
// functions, texts and limits, and not who does it: going from a person to a driver between two windows is the same procedure.
func (t *tree) fingerprint() string {
	type shape struct {
		Path, Ref string
		With      map[string]string `json:",omitempty"`
		On        []string          `json:",omitempty"`
		Hold      bool
		Whole     bool
		AtOnce    int
	}
	h := sha256.New()
	enc := json.NewEncoder(h)
	enc.SetEscapeHTML(false)
	t.root.each(func(n *node) {
		if n == t.root {
			enc.Encode(t.p.Name) // a hash never fails
			return
		}
		enc.Encode(shape{n.path, n.Ref, n.With, sorted(n.On), n.hold, n.Whole, max(n.AtOnce, 1)})
	})
	return hex.EncodeToString(h.Sum(nil))
}
