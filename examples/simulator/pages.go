package main

import (
	"flag"
	"fmt"
	"strings"

	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
	"github.com/changeover-sdk/changeover/sps/spstest"
)

// code is what -gates second-factor wants to hear.
const code = "271828"

// pages is how the pages are made for a browser. The words are the same for both products.
type pages struct {
	markup        spstest.Markup
	frames, newer bool

	asks  map[string]string
	traps spstest.Traps

	factor             string
	agreement, expired bool
}

func (p *pages) flags(fs *flag.FlagSet) {
	p.asks = map[string]string{}
	fs.Func("markup", fmt.Sprintf("how the pages are made: one of %q; default classic", spstest.Markups()), func(word string) error {
		p.markup = spstest.Markup(word)
		return p.markup.Check()
	})
	fs.BoolVar(&p.frames, "frames", false, "the menu and the rest of a page are in different frames")
	fs.BoolVar(&p.newer, "newer", false, "the words of newer releases where they differ from the guides'")
	fs.Func("gates", "what comes between signing in and the pages, with commas: second-factor (the code is printed), agreement, expired", p.gate)
	fs.Func("ask", "a question before a button does its work, \"Reboot=Really?\"; may be given again", func(s string) error {
		button, question, ok := strings.Cut(s, "=")
		if !ok || question == "" {
			return fmt.Errorf("want BUTTON=QUESTION")
		}
		p.asks[button] = question
		return nil
	})
	fs.Func("trap", "spoil the pages, to see a driver refuse: \"twice=Reboot\"; may be given again. "+strings.Join(spstest.TrapNames(), ", "), func(s string) error {
		name, what, _ := strings.Cut(s, "=")
		return p.traps.Set(name, what)
	})
}

func (p *pages) gate(words string) error {
	for word := range strings.SplitSeq(words, ",") {
		switch strings.TrimSpace(word) {
		case "second-factor":
			p.factor = code
		case "agreement":
			p.agreement = true
		case "expired":
			p.expired = true
		default:
			return fmt.Errorf("there is no %q", word)
		}
	}
	return nil
}

// sps sets a node up.
func (p *pages) sps(n *spstest.Node) {
	sw := &n.Switches
	n.Markup, n.Traps, sw.Frames, sw.Newer, sw.Dialogs = p.markup, p.traps, p.frames, p.newer, p.asks
	sw.SecondFactor, sw.Agreement, sw.PasswordExpired = p.factor, p.agreement, p.expired
}

// pra sets a site up.
func (p *pages) pra(s *pratest.Site) {
	sw := &s.Switches
	s.Markup, s.Traps, sw.Frames, sw.Newer, sw.Dialogs = p.markup, p.traps, p.frames, p.newer, p.asks
	sw.SecondFactor, sw.Agreement, sw.PasswordExpired = p.factor, p.agreement, p.expired
}
