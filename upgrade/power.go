package upgrade

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/changeover-sdk/changeover/sps"
)

// Power is the power button of one node. *ipmi.Machine is one. State says "on" or "off", and anything else when it cannot
// tell; PowerOn and PowerOff return when the state is reached, or say why not, and send at most once.
type Power interface {
	State(ctx context.Context) (string, error)
	PowerOn(ctx context.Context) error
	PowerOff(ctx context.Context) error
}

// States of a Power.
const (
	powerOn  = "on"
	powerOff = "off"
)

// A PowerMap gives each node's power button by the node's ID, as Basic Settings > High Availability shows it. After a takeover the other node
// is the other one: nothing here remembers which is which, it is looked at.
type PowerMap map[string]Power

// powers is what the power buttons say, by node.
type powers map[string]string

// look asks every button. One that cannot be asked is an error: half a picture is none.
func (m PowerMap) look(ctx context.Context) (powers, error) {
	p := powers{}
	for _, node := range slices.Sorted(maps.Keys(m)) {
		s, err := m[node].State(ctx)
		if err != nil {
			return p, fmt.Errorf("power of node %s: %w", node, err)
		}
		p[node] = s
	}
	return p, nil
}

// off returns the nodes that are off, and whether every other one is on.
func (p powers) off() (off []string, clear bool) {
	clear = true
	for _, node := range slices.Sorted(maps.Keys(p)) {
		switch p[node] {
		case powerOff:
			off = append(off, node)
		case powerOn:
		default:
			clear = false
		}
	}
	return off, clear
}

func (p powers) String() string {
	var parts []string
	for _, node := range slices.Sorted(maps.Keys(p)) {
		parts = append(parts, node+" "+p[node])
	}
	return strings.Join(parts, ", ")
}

// CheckPower returns a check, days before the window and again in it: both nodes' BMCs answer and say that the power is on, and which one is
// the other node's is known: the page names a node by the very ID a BMC was given under, or a person says so. A run without
// a power button that was just proven to work would strand the secondary (SPS 7.0.2.1 LTS, upgrade checklist).
func CheckPower(c *sps.Client, page sps.HAPage, power PowerMap) Step {
	return Step{Name: "check the power buttons", On: []string{c.Host()}, Attended: page == nil,
		With: map[string]string{"nodes": strings.Join(slices.Sorted(maps.Keys(power)), ", ")},
		Observe: func(ctx context.Context, look Look) (Observation, error) {
			if len(power) != 2 {
				return See(Blocked, nil, "%d power buttons are given; a pair has two", len(power)), nil
			}
			p, err := power.look(ctx)
			if err != nil {
				return Observation{}, err
			}
			if off, clear := p.off(); len(off) > 0 || !clear {
				return See(Blocked, p, "not both nodes are on: %s", p), nil
			}
			ha, err := readHA(ctx, c, page, look, haThisID, haOtherID)
			if err != nil {
				return spsCannot(err)
			}
			ev := map[string]any{"power": p, "this": ha.This.ID, "other": ha.Other.ID}
			_, this := power[ha.This.ID]
			_, other := power[ha.Other.ID]
			if this && other && ha.This.ID != ha.Other.ID {
				return See(Done, ev, "both are on; the other node is %s", ha.Other.ID), nil
			}
			nodes := slices.Sorted(maps.Keys(power))
			a, err := look.Ask(ctx, Question{Kind: AskConfirm, On: c.Host(), Where: sps.PageHA, Options: append(nodes, AnswerNo),
				Text: fmt.Sprintf("The page calls the nodes %q and %q, the power buttons were given for %s. Which of these buttons is the other node's, the secondary's?", ha.This.ID, ha.Other.ID, strings.Join(nodes, " and "))})
			if err != nil {
				return Observation{}, err
			}
			ev["confirmed"] = a
			if a == AnswerNo {
				return See(Blocked, ev, "nobody knows which power button is the secondary's"), nil
			}
			return See(Done, ev, "both are on; a person says that the other node's is %s", a), nil
		},
		Every: 15 * time.Second, Limit: 5 * time.Minute, Takes: 10 * time.Second,
		Advice: "Connect the IPMI port before the mains, or it may not work (SPS Installation Guide). Without a working button do not begin."}
}
