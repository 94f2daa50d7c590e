package upgrade

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

// WatchSite returns a vigil: which of these appliances answers at the site's name, asked all along as a client with a fresh connection would. What answers and is none of them, or is not healthy, is no answer. site speaks to
// the name and is pinned to no GUID; every is the pause between two questions, default 30 seconds: some 120 requests an hour of the 15,000 that an API account has, and 1,200 in an hour without an answer.
func WatchSite(site *beyondtrust.Client, every time.Duration, boxes ...PRA) Vigil {
	known := map[string]string{} // names by GUID, learned from those that answer
	return Vigil{Name: "who answers at " + PRA{Client: site}.site(), Every: every, Ask: func(ctx context.Context) (string, error) {
		h, err := site.Identify(ctx)
		if err != nil {
			return unnamed(ctx, site, err)
		}
		if !h.Healthy {
			return "", fmt.Errorf("%.60q answers and is not healthy: %s", h.Hostname, h.Problem)
		}
		if name := known[h.GUID]; name != "" {
			return name, nil
		}
		for _, p := range boxes {
			is := beyondtrust.SameGUID(p.Client.PinnedGUID(), h.GUID)
			if p.Client.PinnedGUID() == "" {
				own, err := p.Client.Identify(ctx)
				is = err == nil && beyondtrust.SameGUID(own.GUID, h.GUID)
			}
			if is {
				known[h.GUID] = p.Name
				return p.Name, nil
			}
		}
		return "", fmt.Errorf("%w: %s (%.60q) answers", beyondtrust.ErrWrongAppliance, h.GUID, h.Hostname)
	}}
}

// unnamed asks the page that needs no account: what lets nobody in but serves is not away.
func unnamed(ctx context.Context, site *beyondtrust.Client, why error) (string, error) {
	if !errors.Is(why, beyondtrust.ErrUnavailable) && !errors.Is(why, beyondtrust.ErrUntrusted) {
		if probe, err := site.Probe(ctx); err == nil && probe.Healthy {
			return "an appliance that does not tell us which", nil
		}
	}
	return "", why
}

// SameNewPRA is [SamePRA] for an appliance that has no site software yet: until its API answers, the GUID is read at Status > Basics, by the page driver or by a person, and is the one that
// the client is pinned to.
func SameNewPRA(p PRA) Guard {
	g := SamePRA(p)
	api := g.Observe
	g.Observe = func(ctx context.Context, look Look) (Observation, error) {
		o, err := api(ctx, look)
		if o.Phase == Done || errors.Is(err, beyondtrust.ErrWrongAppliance) {
			return o, err
		}
		guid, err := p.guidOnPage(ctx, look)
		switch {
		case err != nil:
			return Observation{}, fmt.Errorf("%s: %w", beyondtrust.MenuBasics, err)
		case guid == "":
			return See(Unknown, nil, "%s shows no GUID", beyondtrust.MenuBasics), nil
		case !beyondtrust.SameGUID(guid, p.Client.PinnedGUID()):
			return See(Blocked, nil, "%s shows the GUID %s, and %s is meant", beyondtrust.MenuBasics, guid, p.Client.PinnedGUID()), nil
		}
		return See(Done, praIdentity{GUID: p.Client.PinnedGUID()}, "its page shows the GUID %s", guid), nil
	}
	return g
}

const labelGUID = "Appliance GUID"

func (p PRA) guidOnPage(ctx context.Context, look Look) (string, error) {
	if p.Pages.Status == nil {
		return p.readGUID(ctx, look)
	}
	b, err := p.Pages.Status.Basics(ctx)
	if errors.Is(err, beyondtrust.ErrUntrusted) { // the factory's certificate, which no driver can know
		return p.readGUID(ctx, look)
	}
	return b.GUID, err
}

func (p PRA) readGUID(ctx context.Context, look Look) (string, error) {
	return p.read(ctx, look, beyondtrust.MenuBasics, "", labelGUID, "Type it as it is shown. If the page does not answer, wait until it does.")
}
