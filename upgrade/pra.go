package upgrade

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

// PRA is one appliance of a BeyondTrust PRA site, as the steps need it. Copy it freely.
type PRA struct {
	Name string // what operators call it: "A"
	// Client speaks to this appliance by its own unique address ([beyondtrust.Options].Dial), never by the site's name: that may lead to the other one.
	Client *beyondtrust.Client
	Pages  beyondtrust.Pages // what only pages can do; nil ones mean a person
}

// Host returns the appliance's unique address as steps, locks and instructions name it: without the port when that is 443.
func (p PRA) Host() string {
	host, port := p.endpoint()
	if port == 443 {
		return host
	}
	return net.JoinHostPort(host, strconv.Itoa(port))
}

func (p PRA) endpoint() (host string, port int) {
	host, text, err := net.SplitHostPort(p.Client.Dialed())
	if err != nil {
		return p.Client.Dialed(), 443
	}
	if port, err = strconv.Atoi(text); err != nil {
		return host, 443
	}
	return host, port
}

// site is the name the site is known by: what the client speaks as.
func (p PRA) site() string {
	host := strings.TrimPrefix(p.Client.Addr(), "https://")
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return host
}

// health asks the appliance itself how it is, now and not out of this process' memory, and refuses an answer of another one.
func (p PRA) health(ctx context.Context) (beyondtrust.Health, error) {
	h, err := p.Client.Identify(ctx)
	if err != nil {
		return beyondtrust.Health{}, err
	}
	if want := p.Client.PinnedGUID(); want != "" && !beyondtrust.SameGUID(want, h.GUID) {
		return beyondtrust.Health{}, fmt.Errorf("%w at %s: %s (%.60q), not %s", beyondtrust.ErrWrongAppliance, p.Host(), h.GUID, h.Hostname, want)
	}
	return h, nil
}

// praCannot sorts the error of a look at a PRA appliance: before an act, what no waiting mends is Blocked; anything else, and everything after an act,
// means "cannot tell".
func praCannot(look Look, err error) (Observation, error) {
	if look.Since != nil {
		return Observation{}, err
	}
	for _, x := range []struct {
		class  error
		detail string
	}{
		{beyondtrust.ErrWrongAppliance, "another appliance answers"},
		{beyondtrust.ErrBadCredential, "the appliance does not let us in"},
		{beyondtrust.ErrForbidden, "the API account may not do this"},
		{beyondtrust.ErrUntrusted, "the appliance's certificate is not trusted"},
		{beyondtrust.ErrRedirect, "another host is named by who answers"},
		{beyondtrust.ErrRefused, "the appliance refused the question"},
		{beyondtrust.ErrNotOffered, "the appliance's API does not offer this"},
	} {
		if errors.Is(err, x.class) {
			return See(Blocked, nil, "%s", x.detail), err
		}
	}
	return Observation{}, err
}

// read asks a person for a value on one of the appliance's pages.
func (p PRA) read(ctx context.Context, look Look, where, row, label, text string, options ...string) (string, error) {
	v, err := look.Ask(ctx, Question{Kind: AskValue, On: p.Host(), Where: where, Row: row, Label: label, Text: text, Options: options})
	return notThere(v), err
}

// SamePRA returns a guard: the appliance at p's address is the one it was when the journal began, by its GUID. Names and certificates move between appliances of
// a site; the GUID does not. An appliance without site software has no API that tells it, so that one is not guarded until it has.
func SamePRA(p PRA) Guard {
	return Guard{Name: "same appliance at " + p.Host(), On: []string{p.Host()}, Limit: guardPatience,
		Observe: func(ctx context.Context, look Look) (Observation, error) {
			h, err := p.health(ctx)
			switch {
			case errors.Is(err, beyondtrust.ErrUntrusted): // as after a factory reset: whether that was meant, the engine knows
				return Observation{}, err
			case err != nil:
				return praCannot(Look{}, err)
			}
			now := praIdentity{GUID: h.GUID, Host: h.Hostname}
			if look.Since != nil {
				var first praIdentity
				if err := readEvidence(look.Since.Before, &first); err != nil {
					return Observation{}, err
				}
				if !beyondtrust.SameGUID(first.GUID, now.GUID) {
					return See(Blocked, now, "%s (%s) answers, and it was %s when this journal began", now.GUID, now.Host, first.GUID), nil
				}
			}
			return See(Done, now, "%s (%s) answers", now.Host, now.GUID), nil
		}}
}

type praIdentity struct {
	GUID string `json:"guid"`
	Host string `json:"host"`
}

// inARow is how often the site's name is asked in one look, over fresh connections.
const inARow = 3

// SiteServed returns a guard: the site's name leads to exactly one appliance, which is one of these and healthy. site speaks to the name and is pinned to no
// GUID. While a step has taken an appliance down on purpose, not being able to tell is no alarm; another appliance, or two, always is.
func SiteServed(site *beyondtrust.Client, boxes ...PRA) Guard {
	g := Guard{Name: "one appliance serves the site", Limit: guardPatience}
	for _, p := range boxes {
		g.On = append(g.On, p.Host())
	}
	g.Observe = func(ctx context.Context, look Look) (Observation, error) {
		known, err := knownGUIDs(ctx, look, boxes)
		if err != nil {
			return praCannot(Look{}, err)
		}
		var first beyondtrust.Health
		for i := range inARow {
			h, err := site.Identify(ctx)
			if err != nil {
				return praCannot(Look{}, err)
			}
			switch {
			case i == 0:
				first = h
			case !beyondtrust.SameGUID(first.GUID, h.GUID):
				return See(Blocked, known, "two appliances answer at the site's name: %s and %s", first.Hostname, h.Hostname), nil
			}
			if !h.Healthy {
				return See(Pending, known, "%s serves the site and is not healthy: %s", h.Hostname, h.Problem), nil
			}
		}
		for name, guid := range known {
			if beyondtrust.SameGUID(guid, first.GUID) {
				return See(Done, known, "%s (%s) serves the site", name, first.Hostname), nil
			}
		}
		return See(Blocked, known, "the site's name leads to %s (%s), which is none of these appliances", first.Hostname, first.GUID), nil
	}
	return g
}

// knownGUIDs are the appliances' GUIDs by their names: those that are pinned, those of the guard's first look, and else what they say.
func knownGUIDs(ctx context.Context, look Look, boxes []PRA) (map[string]string, error) {
	known := map[string]string{}
	if look.Since != nil {
		if err := readEvidence(look.Since.Before, &known); err != nil {
			return nil, err
		}
	}
	for _, p := range boxes {
		if guid := p.Client.PinnedGUID(); guid != "" {
			known[p.Name] = guid
		}
		if known[p.Name] != "" {
			continue
		}
		h, err := p.health(ctx)
		if err != nil {
			return nil, err
		}
		known[p.Name] = h.GUID
	}
	return known, nil
}

// CheckServes returns a check: the site's name leads to p; that it leads to one appliance alone is for [SiteServed]. Until the step called until begins, that is looked at again before every act, so that no appliance is
// installed, and no relationship established, on the wrong side of a name that somebody moved.
func CheckServes(p PRA, site *beyondtrust.Client, until string) Step {
	return Step{Name: "check that " + p.Name + " serves", On: []string{p.Host()}, Until: until,
		Observe: func(ctx context.Context, look Look) (Observation, error) {
			serves, err := servesSite(ctx, p, site, 1) // that it is one appliance alone, the guard SiteServed tells
			switch {
			case err != nil:
				return praCannot(look, err)
			case !serves:
				return See(Blocked, nil, "the site's name does not lead to %s (%s)", p.Name, p.Host()), nil
			}
			return See(Done, nil, "the site's name leads to %s", p.Name), nil
		},
		Every: 10 * time.Second, Limit: guardPatience, Takes: time.Second,
		Advice: "Find out who moved the name, and why. Lead it to " + p.Name + " again before you go on."}
}
