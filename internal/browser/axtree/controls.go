package axtree

// Control is something on a page that can be pressed, filled in or ticked. What is filled in is not told.
type Control struct {
	Kind     Kind   `json:"kind"`
	Label    string `json:"label"`
	Place    string `json:"place,omitempty"` // the row or group it is in
	Disabled bool   `json:"disabled,omitempty"`
	On       bool   `json:"on,omitempty"` // it is ticked, or the one that is chosen
}

// Controls lists them in the order of the page, the first 400.
func (s *Snapshot) Controls() (out []Control) {
	const most = 400
	for _, n := range flat(s.top()) {
		for _, k := range []Kind{Button, Field, Check, Choice, File} {
			if n.is(k) && len(out) < most {
				out = append(out, Control{Kind: k, Label: clip(n.label()), Place: n.whereabouts(), Disabled: n.Disabled, On: n.Checked == "true"})
			}
		}
	}
	return out
}

// whereabouts is the row or group that n is in, for people.
func (n *Node) whereabouts() string {
	for p := n.Parent; p != nil; p = p.Parent {
		switch {
		case row(p) && p.Text() != n.Text():
			return "row " + clip(p.Shown())
		case p.Name != "" && group(p) && !p.Secret:
			return clip(p.Name)
		}
	}
	return ""
}
