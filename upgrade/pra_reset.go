package upgrade

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

// FactoryReset returns the group that returns an old appliance: a person types its name, then Reset Appliance to Factory Defaults, and Shut Down This Appliance once that is complete. There is no way back. It
// is never done while the site's name leads to the appliance, nor before soak has passed since successor was first seen to serve. End the program meanwhile, and run it again: the time counts on.
func FactoryReset(old, successor PRA, site *beyondtrust.Client, soak time.Duration) Step {
	word := ConfirmWord("confirm the reset of "+old.Name, fmt.Sprintf("%s (%s) is reset to factory defaults: all its settings, data and recordings are gone for ever. Type its name, %q, to go on.", old.Name, old.Host(), old.Name), old.Name)
	word.On = []string{old.Host()}
	return Group("return "+old.Name, soaked(old, successor, site, soak), word, resetStep(old, successor, site), shutDownStep(old))
}

// soaked waits until soak has passed since successor was first seen to serve the site. The program need not go on all the time: what counts is the first look in the journal, and that successor serves now.
func soaked(old, successor PRA, site *beyondtrust.Client, soak time.Duration) Step {
	return Step{Name: "soak time", Remembers: true, On: []string{old.Host()}, With: map[string]string{"soak": spell(soak)},
		Observe: func(ctx context.Context, look Look) (Observation, error) {
			serves, err := servesSite(ctx, successor, site, inARow)
			switch {
			case err != nil:
				return praCannot(look, err)
			case !serves:
				return See(Blocked, nil, "the site's name does not lead to %s", successor.Name), nil
			case look.Since == nil || look.Elapsed < soak:
				return See(Pending, nil, "%s serves the site, for %s of %s", successor.Name, spell(look.Elapsed), spell(soak)), nil
			}
			return See(Done, nil, "%s serves the site, and did so %s ago", successor.Name, spell(look.Elapsed)), nil
		},
		Every: min(time.Hour, max(soak/20, time.Second)), Limit: soak + time.Hour, Takes: soak}
}

func servesSite(ctx context.Context, p PRA, site *beyondtrust.Client, times int) (bool, error) {
	h, err := p.health(ctx)
	if err != nil {
		return false, err
	}
	for range times {
		at, err := site.Identify(ctx)
		if err != nil {
			return false, err
		}
		if !beyondtrust.SameGUID(at.GUID, h.GUID) {
			return false, nil
		}
	}
	return true, nil
}

func resetStep(old, successor PRA, site *beyondtrust.Client) Step {
	s := Step{Name: "reset " + old.Name, On: []string{old.Host()}, Down: []string{old.Host()}, NoReturn: true, Until: "shut down " + old.Name, Attended: old.Pages.Status == nil,
		Observe: func(ctx context.Context, look Look) (Observation, error) {
			serves, err := servesSite(ctx, successor, site, inARow)
			if err != nil {
				return praCannot(look, err)
			}
			if !serves {
				return See(Blocked, nil, "the site's name does not lead to %s", successor.Name), nil
			}
			version, err := old.siteVersion(ctx, look)
			if look.Since != nil && errors.Is(err, beyondtrust.ErrUntrusted) { // the factory's certificate, which no driver can know
				version, err = old.readSiteVersion(ctx, look)
			}
			switch {
			case err != nil && look.Since != nil && old.Pages.Status != nil && !noAnswer(err):
				return See(Pending, nil, "%s does not answer", old.Name), nil
			case err != nil:
				return Observation{}, err
			case version == "":
				return See(Done, nil, "%s has no site software", old.Name), nil
			}
			return See(Ready, version, "%s runs %s and does not serve the site", old.Name, version), nil
		},
		Ask: func(*Mark) *Instruction {
			return &Instruction{Where: beyondtrust.MenuBasics, Button: beyondtrust.ButtonReset, Expect: "the appliance goes away and comes back as it came from the factory"}
		},
		Settle: 10 * time.Minute, Every: time.Minute, Limit: 2 * time.Hour, Takes: 30 * time.Minute}
	if page := old.Pages.Status; page != nil {
		s.Act = func(ctx context.Context, _ *slog.Logger) error { return page.Reset(ctx) }
	}
	return s
}

// siteVersion is what Status > Basics shows; empty without site software.
func (p PRA) siteVersion(ctx context.Context, look Look) (string, error) {
	if p.Pages.Status == nil {
		return p.readSiteVersion(ctx, look)
	}
	b, err := p.Pages.Status.Basics(ctx)
	return b.Version, err
}

func (p PRA) readSiteVersion(ctx context.Context, look Look) (string, error) {
	return p.read(ctx, look, beyondtrust.MenuBasics, "", beyondtrust.LabelProductVersion, "Type it as it is shown, and - where nothing is. If the page does not answer, wait until it does.")
}

// shutDownStep has nothing to look at: an appliance that is off and one that is away look alike. What a crash hides, a person is asked.
func shutDownStep(old PRA) Step {
	s := Step{Name: "shut down " + old.Name, On: []string{old.Host()}, Down: []string{old.Host()}, Takes: 5 * time.Minute,
		Ask: func(*Mark) *Instruction {
			return &Instruction{Where: beyondtrust.MenuBasics, Button: beyondtrust.ButtonShutDown, Expect: "the appliance switches itself off"}
		}}
	if page := old.Pages.Status; page != nil {
		s.Act = func(ctx context.Context, _ *slog.Logger) error { return page.ShutDown(ctx) }
	}
	return s
}
