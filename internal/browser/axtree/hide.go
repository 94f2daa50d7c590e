package axtree

// Hide marks what stands beside the labels, and what is in fields that bear them, as secret, with all that is inside. Those who look for a value get
// it all the same; errors, lists and screenshots do not.
func (s *Snapshot) Hide(l Label) {
	if len(l) == 0 {
		return
	}
	mark := func(n *Node) {
		n.All(func(m *Node) bool { m.Secret = true; return true })
	}
	in := flat(s.Root)
	for _, h := range hitsOf(in, l) {
		mark(h.at)
	}
	for _, n := range in {
		if n.is(Field) && Field.fits(n, l) {
			mark(n)
		}
	}
}

// HideText marks every element as secret whose name or value holds one of the texts, so that not even a part of one is told when a list is cut short.
func (s *Snapshot) HideText(holds func(text string) bool) {
	s.Root.All(func(n *Node) bool {
		if n.Role != "RootWebArea" && (holds(n.Name) || holds(n.Value)) { // the name of the whole page is its title
			n.Secret = true
		}
		return true
	})
}

// hides reports whether there is anything secret in n.
func (n *Node) hides() (secret bool) {
	n.All(func(m *Node) bool {
		secret = secret || m.Secret
		return !secret
	})
	return secret
}
