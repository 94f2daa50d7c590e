package upgrade

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

// SyncNow returns the step that presses Sync Now on the primary and waits for the data-sync. It is done when the primary names a data-sync that is newer than the
// one before, by its own clock, with a status that is the same as before, or a good one. The vocabulary of the status is not documented: a word that is neither is
// shown to a person. limit is how long the sync may take; default 6 hours (PRA Upgrade Guide: "a few seconds to a few hours").
func SyncNow(primary, backup PRA, limit time.Duration) Step {
	s := Step{Name: "sync now", On: []string{primary.Host(), backup.Host()}, With: map[string]string{"from": primary.Name, "to": backup.Name},
		Observe: func(ctx context.Context, look Look) (Observation, error) {
			x, err := lookAtPair(ctx, primary, backup)
			if err != nil {
				return praCannot(look, err)
			}
			if x.Relation != beyondtrust.RelationEstablished || !x.right() || !x.sameSoftware() {
				o := See(Blocked, x, "nothing may be synchronised: %s", x)
				o.AsOf = x.asOf()
				return o, nil
			}
			o, err := syncSeen(ctx, look, x)
			o.AsOf = x.asOf()
			return o, err
		},
		Ask: func(*Mark) *Instruction {
			return &Instruction{Where: beyondtrust.MenuFailover, Button: beyondtrust.ButtonSyncNow, Expect: "a data-sync begins; leaving the page does not stop it"}
		},
		Settle: 10 * time.Minute, Every: 30 * time.Second, Limit: orElse(limit, 6*time.Hour), Takes: 15 * time.Minute,
		Advice: "A data-sync takes from a few seconds to a few hours. It may go on although nobody watches."}
	if page := primary.Pages.Failover; page != nil {
		s.Act = func(ctx context.Context, _ *slog.Logger) error { return page.SyncNow(ctx) }
	}
	return s
}

// syncSeen compares the last data-sync with the one before the act.
func syncSeen(ctx context.Context, look Look, x praPair) (Observation, error) {
	if look.Since == nil {
		return See(Ready, x, "the last data-sync was at %s", stamp(x.LastSync)), nil
	}
	var before praPair
	if err := readEvidence(look.Since.Before, &before); err != nil {
		return Observation{}, err
	}
	switch {
	case !x.LastSync.After(before.LastSync) && failedWord(x.SyncStatus) && x.SyncStatus != before.SyncStatus:
		return See(Blocked, x, "the data-sync: %q", x.SyncStatus), nil
	case !x.LastSync.After(before.LastSync):
		return See(Pending, x, "the last data-sync is still that of %s", stamp(x.LastSync)), nil
	}
	return syncWord(ctx, look, x, before.SyncStatus)
}

// syncWord judges a new data-sync by its status.
func syncWord(ctx context.Context, look Look, x praPair, before string) (Observation, error) {
	switch {
	case failedWord(x.SyncStatus):
		return See(Blocked, x, "the data-sync of %s: %q", stamp(x.LastSync), x.SyncStatus), nil
	case x.SyncStatus == before, goodWord(x.SyncStatus):
		return See(Done, x, "synchronised at %s by the appliance's clock: %q", stamp(x.LastSync), x.SyncStatus), nil
	}
	a, err := look.Ask(ctx, Question{Kind: AskConfirm, Options: []string{AnswerYes, AnswerNo},
		Text: fmt.Sprintf("The appliance calls the result of its data-sync %q. That word is not known here. Was the data-sync good?", x.SyncStatus)})
	switch {
	case err != nil:
		return Observation{}, err
	case a == AnswerYes:
		return See(Done, x, "synchronised; a person says that %q is good", x.SyncStatus), nil
	}
	return See(Blocked, x, "a person says that %q is not good", x.SyncStatus), nil
}

// noFailover is what a pair lacks from the break until the relationship is established again.
const noFailover = "the site has no failover"

// BreakFailover returns the step that presses Break Failover Relationships on the primary. It is done when neither appliance is in a relationship. Until the step called until
// begins, that is looked at again before every act: a relationship that somebody re-established in between would synchronise across versions.
func BreakFailover(primary, backup PRA, until string) Step {
	s := Step{Name: "break failover", On: []string{primary.Host(), backup.Host()}, Until: until, Exposes: noFailover,
		Observe: func(ctx context.Context, look Look) (Observation, error) {
			x, err := lookAtPair(ctx, primary, backup)
			if err != nil {
				return praCannot(look, err)
			}
			o := See(Blocked, x, "the pair is in no state to be broken: %s", x)
			switch {
			case x.Relation == beyondtrust.RelationNone:
				o = See(Done, x, "both stand alone")
			case x.Relation == beyondtrust.RelationEstablished && x.right():
				o = See(Ready, x, "%s is primary, %s is backup", primary.Name, backup.Name)
			case look.Since != nil && x.Relation == beyondtrust.RelationHalfBroken:
				o = See(Unknown, x, "one stands alone, the other still believes in a relationship: %s", x)
			}
			o.AsOf = x.asOf()
			return o, nil
		},
		Ask: func(*Mark) *Instruction {
			return &Instruction{Where: beyondtrust.MenuFailover, Button: beyondtrust.ButtonBreak, Expect: beyondtrust.TextNotConfigured}
		},
		Settle: 3 * time.Minute, Every: 30 * time.Second, Limit: 15 * time.Minute, Takes: 2 * time.Minute,
		Advice: "From here on the site has no failover. Break only after the data-sync was completed."}
	if page := primary.Pages.Failover; page != nil {
		s.Act = func(ctx context.Context, _ *slog.Logger) error { return page.Break(ctx) }
	}
	return s
}

// EstablishFailover returns the step that presses Establish Relationship on the appliance that is to be primary, with the unique addresses of both, as the guide recommends. The data of the
// other one is replaced, so have a person confirm the direction before ([ConfirmOverwrite]). Before it, both must stand alone, be healthy and hold one version and build. It is done when the roles are right
// and a first data-sync is newer than the act, by the primary's own clock: a new relationship may show the former one's last sync. limit is how long that may take; default 6 hours.
func EstablishFailover(primary, backup PRA, limit time.Duration) Step {
	ph, pp := primary.endpoint()
	bh, bp := backup.endpoint()
	form := beyondtrust.Establish{Backup: beyondtrust.Endpoint{Host: bh, Port: bp}, Primary: beyondtrust.Endpoint{Host: ph, Port: pp}}
	s := Step{Name: "establish failover", On: []string{primary.Host(), backup.Host()}, With: map[string]string{"primary": primary.Name, "backup": backup.Name},
		Observe: func(ctx context.Context, look Look) (Observation, error) {
			x, err := lookAtPair(ctx, primary, backup)
			if err != nil {
				return praCannot(look, err)
			}
			o, err := establishSeen(ctx, look, x, primary, backup)
			o.AsOf = x.asOf()
			return o, err
		},
		Ask: func(*Mark) *Instruction {
			field := func(group, label, value string) Field { return Field{Label: group + " > " + label, Value: value} }
			return &Instruction{Where: beyondtrust.MenuFailover, Button: beyondtrust.ButtonEstablish, Set: []Field{
				field(beyondtrust.GroupNewBackup, beyondtrust.LabelHost, bh), field(beyondtrust.GroupNewBackup, beyondtrust.LabelPort, strconv.Itoa(bp)),
				field(beyondtrust.GroupReverse, beyondtrust.LabelHost, ph), field(beyondtrust.GroupReverse, beyondtrust.LabelPort, strconv.Itoa(pp)),
			}, Expect: "this appliance is the primary and " + backup.Name + " the backup; a first data-sync follows within minutes"}
		},
		Settle: 3 * time.Minute, Every: 30 * time.Second, Limit: orElse(limit, 6*time.Hour), Takes: 15 * time.Minute, NoReturn: true,
		Advice: "Both appliances need the same version and build and the same Inter-appliance Communication Pre-shared Key, and must reach each other at these addresses on the TLS port. Establish on no other appliance: it would overwrite the one that serves."}
	if page := primary.Pages.Failover; page != nil {
		s.Act = func(ctx context.Context, _ *slog.Logger) error { return page.Establish(ctx, form) }
	}
	return s
}

func establishSeen(ctx context.Context, look Look, x praPair, primary, backup PRA) (Observation, error) {
	switch {
	case x.Relation == beyondtrust.RelationNone && !x.sameSoftware():
		return See(Blocked, x, "the versions differ: %s and %s", x.Primary, x.Backup), nil
	case x.Relation == beyondtrust.RelationNone && !(x.p.Healthy && x.b.Healthy):
		return See(Pending, x, "one of them is not healthy: %s %s", x.p.Problem, x.b.Problem), nil
	case x.Relation == beyondtrust.RelationNone:
		return See(Ready, x, "both stand alone with %s", x.Primary), nil
	case x.Relation == beyondtrust.RelationEstablished && !x.right():
		return See(Blocked, x, "%s is primary and %s is backup: the wrong way round", backup.Name, primary.Name), nil
	case x.Relation == beyondtrust.RelationHalfBroken && look.Since != nil, x.Relation == beyondtrust.RelationBothBackup:
		return See(Pending, x, "the roles change: %s", x), nil
	case x.Relation != beyondtrust.RelationEstablished:
		return See(Blocked, x, "the pair is in no state for this: %s", x), nil
	case !x.sameSoftware():
		return See(Blocked, x, "related with different versions, %s and %s: a data-sync would run across them", x.Primary, x.Backup), nil
	}
	var before praPair
	if look.Since != nil {
		if err := readEvidence(look.Since.Before, &before); err != nil {
			return Observation{}, err
		}
	}
	if x.LastSync.IsZero() || !x.LastSync.After(before.Date) {
		return See(Pending, x, "%s is primary, %s is backup; the first data-sync is awaited", primary.Name, backup.Name), nil
	}
	return syncWord(ctx, look, x, before.SyncStatus)
}

// ConfirmOverwrite returns the question that comes before [EstablishFailover]: who overwrites whom. The answer is the name of the appliance whose data is
// replaced, so that it is not given without reading.
func ConfirmOverwrite(primary, backup PRA) Step {
	s := ConfirmWord("confirm who overwrites whom", fmt.Sprintf("%s (%s) becomes the primary, and its data and settings replace those of %s (%s). Settings that were changed on %s meanwhile are lost. "+
		"Answer with the name of the appliance that is overwritten.", primary.Name, primary.Host(), backup.Name, backup.Host(), backup.Name), backup.Name)
	s.On = []string{primary.Host(), backup.Host()}
	return s
}

// CompareKeys returns a check: the Inter-appliance Communication Pre-shared Keys are equal. The page drivers compare them without showing either; without drivers a
// person compares them, and types neither.
func CompareKeys(a, b PRA) Step {
	s := Step{Name: "compare the keys", On: []string{a.Host(), b.Host()}, Attended: a.Pages.Security == nil || b.Pages.Security == nil, Every: 30 * time.Second,
		Advice: "Enter the same " + beyondtrust.LabelInterApplianceKey + " on both: " + beyondtrust.MenuSecurity + "."}
	s.Observe = func(ctx context.Context, look Look) (Observation, error) {
		if s.Attended {
			q := fmt.Sprintf("Is the %s the same on %s (%s) and %s (%s)? See %s. Do not type it here.", beyondtrust.LabelInterApplianceKey, a.Name, a.Host(), b.Name, b.Host(), beyondtrust.MenuSecurity)
			v, err := look.Ask(ctx, Question{Kind: AskConfirm, Text: q, Options: []string{AnswerYes, AnswerNo}})
			switch {
			case err != nil:
				return Observation{}, err
			case v == AnswerYes:
				return See(Done, nil, "a person says that the keys are the same"), nil
			}
			return See(Blocked, nil, "a person says that the keys differ"), nil
		}
		same, err := beyondtrust.SameKey(ctx, a.Pages.Security, b.Pages.Security)
		switch {
		case err != nil && !errors.Is(err, context.Canceled):
			return Observation{}, fmt.Errorf("compare the keys: %w", err)
		case !same:
			return See(Blocked, nil, "the keys differ"), err
		}
		return See(Done, nil, "the keys are the same"), nil
	}
	return s
}
