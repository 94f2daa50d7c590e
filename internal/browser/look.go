package browser

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/changeover-sdk/changeover/internal/browser/axtree"
)

// axNode is a node as the browser sends it.
type axNode struct {
	NodeID, ParentID string
	Ignored          bool
	Role             axValue
	Name             axValue
	Value            axValue
	Properties       []struct {
		Name  string
		Value axValue
	}
	ChildIDs         []string
	BackendDOMNodeID int64
}

type axValue struct {
	Value   any
	Sources []axSource
}

// axSource is where a name comes from, or might.
type axSource struct {
	Type, Attribute   string
	Superseded        bool
	Value             *struct{ Value any }
	AttributeValue    axRelated // of aria-labelledby
	NativeSourceValue axRelated // of a label element
}

type axRelated struct {
	RelatedNodes []struct{ BackendDOMNodeID int64 }
}

func (v axValue) String() string {
	switch x := v.Value.(type) {
	case nil:
		return ""
	case string:
		return x
	case float64:
		return fmt.Sprintf("%v", x)
	}
	return fmt.Sprint(v.Value)
}

// weak reports whether a name comes from a placeholder, a title or the browser itself: none of them is a label.
func (v axValue) weak() bool {
	for _, s := range v.Sources {
		if s.Superseded || s.Value == nil {
			continue
		}
		return s.Type == "placeholder" || s.Attribute == "placeholder" || s.Attribute == "title" || s.Attribute == "aria-placeholder"
	}
	return false
}

// labels are the elements, by backend node id, whose text is the name.
func (v axValue) labels() (ids []int64) {
	for _, s := range v.Sources {
		if s.Superseded || s.Value == nil {
			continue
		}
		for _, r := range append(s.AttributeValue.RelatedNodes, s.NativeSourceValue.RelatedNodes...) {
			ids = append(ids, r.BackendDOMNodeID)
		}
		return ids
	}
	return nil
}

// frame is a frame of the page and those inside.
type frame struct {
	Frame       struct{ ID, LoaderID, URL string }
	ChildFrames []frame
}

// nodeKind is what only the document tells of an element.
type nodeKind struct{ file, password bool }

// look takes the page as it is: one tree of all its frames. An error of type *Error is final; any other one may come of a page that is
// just changing.
func (p *Page) look(ctx context.Context) (*axtree.Snapshot, error) {
	var t struct{ FrameTree frame }
	if err := p.call(ctx, "Page.getFrameTree", nil, &t); err != nil {
		return nil, err
	}
	if err := p.ours(ctx, t.FrameTree); err != nil {
		return nil, err
	}
	root, err := p.tree(ctx, t.FrameTree)
	if err != nil {
		return nil, err
	}
	s := &axtree.Snapshot{Root: root, URL: plain(t.FrameTree.Frame.URL), Document: t.FrameTree.Frame.LoaderID, Words: p.b.cfg.Words}
	s.Hide(p.b.cfg.Secret)
	s.HideText(p.b.holdsSecret())
	return s, nil
}

// ours makes sure that the document came from the appliance, with the certificate that was verified.
func (p *Page) ours(ctx context.Context, f frame) error {
	if f.Frame.URL == "about:blank" || f.Frame.URL == "" {
		return nil
	}
	u, err := url.Parse(f.Frame.URL)
	site := p.b.cfg.Site
	if err != nil || u.Scheme != "https" || !strings.EqualFold(hostPort(u), hostPort(site)) {
		where := plain(f.Frame.URL)
		if u != nil && u.Scheme == "chrome-error" {
			where = "the browser's own error page"
		}
		return &Error{Reason: UnknownPage, Detail: "the page is not the appliance's: " + where}
	}
	if _, ok := p.checked[f.Frame.LoaderID]; ok {
		return nil
	}
	var c struct{ TableNames []string }
	if err := p.call(ctx, "Network.getCertificate", dict{"origin": u.Scheme + "://" + u.Host}, &c); err != nil {
		return err
	}
	if !p.b.sameLeaf(c.TableNames) {
		return &Error{Reason: Certificate, Detail: "the page came with another certificate than the one that was verified"}
	}
	p.checked[f.Frame.LoaderID] = struct{}{}
	clear(p.kinds)
	return nil
}

func hostPort(u *url.URL) string {
	if u.Port() == "" {
		return u.Hostname() + ":443"
	}
	return u.Host
}

// tree builds one frame's tree and splices those of the frames inside.
func (p *Page) tree(ctx context.Context, f frame) (*axtree.Node, error) {
	var got struct{ Nodes []axNode }
	if err := p.call(ctx, "Accessibility.getFullAXTree", dict{"frameId": f.Frame.ID}, &got); err != nil {
		return nil, err
	}
	root, byBackend, err := build(got.Nodes)
	if err != nil {
		return nil, err
	}
	for backend, n := range byBackend {
		if n.Role == "button" || n.Role == "textbox" {
			k, err := p.kind(ctx, backend)
			if err != nil {
				return nil, err
			}
			n.File, n.Password = k.file, k.password
			if n.File && n.Name == "Choose File" {
				n.Weak = true // the browser's own word
			}
		}
	}
	for _, child := range f.ChildFrames {
		var owner struct{ BackendNodeID int64 }
		if err := p.call(ctx, "DOM.getFrameOwner", dict{"frameId": child.Frame.ID}, &owner); err != nil {
			return nil, err
		}
		at := byBackend[owner.BackendNodeID]
		if at == nil {
			continue // a hidden frame is not on the page
		}
		inside, err := p.tree(ctx, child)
		if err != nil {
			return nil, err
		}
		at.Add(inside)
	}
	return root, nil
}

// build makes a tree of the list that the browser sends. What is not for people is left out, its children stay.
func build(nodes []axNode) (*axtree.Node, map[int64]*axtree.Node, error) {
	byID := make(map[string]*axNode, len(nodes))
	for i := range nodes {
		byID[nodes[i].NodeID] = &nodes[i]
	}
	if len(nodes) == 0 {
		return nil, nil, errors.New("the page has no tree yet")
	}
	byBackend := make(map[int64]*axtree.Node, len(nodes))
	seen := make(map[string]bool, len(nodes))
	names := map[int64]int64{} // the element that another one is the label of
	for i := range nodes {
		for _, label := range nodes[i].Name.labels() {
			names[label] = nodes[i].BackendDOMNodeID
		}
	}
	labels := map[*axtree.Node]int64{} // pieces of text that are the label of an element
	var fill func(at *axtree.Node, id string, named int64)
	fill = func(at *axtree.Node, id string, named int64) {
		raw := byID[id]
		if raw == nil || seen[id] {
			return
		}
		seen[id] = true
		role := raw.Role.String()
		if role == "InlineTextBox" {
			return
		}
		if of, ok := names[raw.BackendDOMNodeID]; ok {
			named = of
		}
		if !raw.Ignored {
			n := convert(raw)
			at.Add(n)
			if n.Backend != 0 {
				byBackend[n.Backend] = n
			}
			at = n
			if role == "StaticText" {
				labels[n] = named
				return
			}
		}
		for _, c := range raw.ChildIDs {
			fill(at, c, named)
		}
	}
	top := &axtree.Node{Role: "page"}
	fill(top, nodes[0].NodeID, 0)
	for text, of := range labels {
		text.Names = byBackend[of]
	}
	return top, byBackend, nil
}

func convert(raw *axNode) *axtree.Node {
	n := &axtree.Node{Role: raw.Role.String(), Name: raw.Name.String(), Value: raw.Value.String(), Backend: raw.BackendDOMNodeID, Weak: raw.Name.weak()}
	for _, prop := range raw.Properties {
		v := prop.Value.String()
		switch prop.Name {
		case "disabled":
			n.Disabled = v == "true"
		case "modal":
			n.Modal = v == "true"
		case "checked":
			n.Checked = v
		case "level":
			fmt.Sscan(v, &n.Level)
		}
	}
	return n
}

// kind tells a file field from a button, and a password field from another.
func (p *Page) kind(ctx context.Context, backend int64) (nodeKind, error) {
	if k, ok := p.kinds[backend]; ok {
		return k, nil
	}
	var d struct {
		Node struct {
			NodeName   string
			Attributes []string
		}
	}
	if err := p.call(ctx, "DOM.describeNode", dict{"backendNodeId": backend}, &d); err != nil {
		return nodeKind{}, err
	}
	var k nodeKind
	for i := 0; i+1 < len(d.Node.Attributes); i += 2 {
		if strings.EqualFold(d.Node.NodeName, "input") && strings.EqualFold(d.Node.Attributes[i], "type") {
			k.file = strings.EqualFold(d.Node.Attributes[i+1], "file")
			k.password = strings.EqualFold(d.Node.Attributes[i+1], "password")
		}
	}
	p.kinds[backend] = k
	return k, nil
}
