package axtree

import (
	"fmt"
	"strings"
	"testing"
)

// parse reads a tree written down as text: a line a node, indented by two blanks a level,
//
//	role "name" flag key=value
//
// Text is a node of role StaticText: a line that begins with a quote. Elements with a name and nothing inside get their name as text, as a browser does it.
func parse(t testing.TB, text string) *Snapshot {
	t.Helper()
	root := &Node{Role: "page"}
	stack := []*Node{root}
	id := int64(0)
	for line := range strings.SplitSeq(strings.Trim(text, "\n"), "\n") {
		trimmed := strings.TrimLeft(line, "\t")
		if strings.TrimSpace(trimmed) == "" {
			continue
		}
		depth := len(line) - len(trimmed)
		id++
		n := &Node{Backend: id}
		rest := trimmed
		if !strings.HasPrefix(rest, `"`) {
			n.Role, rest, _ = strings.Cut(rest, " ")
		} else {
			n.Role = "StaticText"
		}
		if strings.HasPrefix(rest, `"`) {
			var err error
			if _, err = fmt.Sscanf(rest, "%q", &n.Name); err != nil {
				t.Fatalf("line %q: %v", line, err)
			}
			rest = rest[strings.LastIndex(rest, `"`)+1:]
		}
		for _, word := range strings.Fields(rest) {
			key, value, _ := strings.Cut(word, "=")
			switch key {
			case "disabled":
				n.Disabled = true
			case "modal":
				n.Modal = true
			case "weak":
				n.Weak = true
			case "file":
				n.File = true
			case "level":
				fmt.Sscan(value, &n.Level)
			case "value":
				n.Value = value
			case "id":
				fmt.Sscan(value, &n.Backend)
			default:
				t.Fatalf("line %q: what is %q?", line, word)
			}
		}
		if depth+1 > len(stack) {
			t.Fatalf("line %q is too deep", line)
		}
		stack = stack[:depth+1]
		stack[depth].Add(n)
		stack = append(stack, n)
	}
	root.All(func(n *Node) bool {
		if len(n.Children) == 0 && n.Name != "" && (n.is(Button) || n.is(Heading) || cell(n)) {
			n.Add(&Node{Role: "StaticText", Name: n.Name})
			return false
		}
		return true
	})
	return &Snapshot{Root: root, Document: "1"}
}
