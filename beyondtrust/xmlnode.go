package beyondtrust

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// node is an element of an XML answer. Its name is the local one: three spellings of the namespace are in circulation, so none of them
// is looked at.
type node struct {
	name  string
	attrs map[string]string
	text  string // white space around it trimmed; of this element alone
	kids  []*node

	said strings.Builder // the text while it is read
}

// xmlDepth is far deeper than any documented answer (four levels) and keeps a hostile one from growing a tall tree.
const xmlDepth = 32

// xmlMost is how many elements an answer may have: an element can be four bytes of it, and takes far more of memory.
const xmlMost = 200_000

// parseXML reads one whole XML document. Half a document, a second root, text around the root and a document type (as HTML has) are errors:
// the decoder of encoding/xml takes all of these but the first.
func parseXML(b []byte) (*node, error) {
	d := xml.NewDecoder(bytes.NewReader(b))
	var root *node
	var open []*node
	elements := 0
	for {
		tok, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read XML: %w", err)
		}
		switch t := tok.(type) {
		case xml.StartElement:
			if len(open) == xmlDepth {
				return nil, fmt.Errorf("read XML: more than %d levels", xmlDepth)
			}
			if elements++; elements > xmlMost {
				return nil, fmt.Errorf("read XML: more than %d elements", xmlMost)
			}
			n := &node{name: t.Name.Local}
			for _, a := range t.Attr {
				if n.attrs == nil {
					n.attrs = make(map[string]string, len(t.Attr))
				}
				n.attrs[a.Name.Local] = a.Value
			}
			switch {
			case len(open) > 0:
				up := open[len(open)-1]
				up.kids = append(up.kids, n)
			case root == nil:
				root = n
			default:
				return nil, errors.New("read XML: a second root element")
			}
			open = append(open, n)
		case xml.EndElement:
			n := open[len(open)-1]
			n.text = strings.TrimSpace(n.said.String())
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 {
				open[len(open)-1].said.Write(t)
			} else if len(bytes.TrimSpace(t)) > 0 {
				return nil, errors.New("read XML: text outside the root element")
			}
		case xml.Directive:
			return nil, errors.New("read XML: a document type")
		}
	}
	if root == nil {
		return nil, errors.New("read XML: no element")
	}
	return root, nil
}

// all returns the children called name.
func (n *node) all(name string) []*node {
	var list []*node
	for _, k := range n.kids {
		if k.name == name {
			list = append(list, k)
		}
	}
	return list
}

// one returns the only child called name, nil when there is none. Two are an error: which of them counts is anybody's guess.
func (n *node) one(name string) (*node, error) {
	list := n.all(name)
	switch len(list) {
	case 0:
		return nil, nil
	case 1:
		return list[0], nil
	}
	return nil, fmt.Errorf("%d elements %s in %s", len(list), name, n.name)
}

// word returns the text of the only child called name, and "" when there is none.
func (n *node) word(name string) (string, error) {
	k, err := n.one(name)
	if k == nil {
		return "", err
	}
	return k.text, nil
}
