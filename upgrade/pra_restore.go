package upgrade

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

// Labels of the section Software :: Restore Settings that no document has.
const (
	labelBackupFile     = "Backup File"
	labelBackupPassword = "Backup Password"
	secretBackup        = "the password of the backup"
)

// RestoreBackup returns the step that restores the newest backup of one appliance onto another: Software Management > Upload Backup. password is the backup's; a person knows it. The backup must have been made with the version
// that the new appliance runs. It is done when the appliance went away and is healthy again, in no failover relationship: a restore overwrites the failover settings and the Inter-appliance
// Communication Pre-shared Key (Data Recovery, Privileged Remote Access). By hand the appliance may be back before the person says that he pressed; then he says what the page told him.
func RestoreBackup(from, to PRA, a Artifacts, password beyondtrust.Secret) Step {
	newest := func(ctx context.Context) (Artifact, beyondtrust.Health, error) {
		h, err := from.health(ctx)
		if err != nil {
			return Artifact{}, h, err
		}
		list, err := a.List(ctx)
		if err != nil {
			return Artifact{}, h, err
		}
		var best Artifact
		for _, x := range list {
			if strings.HasPrefix(x.Name, "pra-"+plainName(h.Hostname)+"-"+plainName(h.Version.Number+"_"+h.Version.Build)+"-") && (best.Name == "" || x.Name > best.Name) {
				best = x
			}
		}
		if best.Name == "" {
			return best, h, fmt.Errorf("no backup of %s with %s is stored", h.Hostname, h.Version)
		}
		return best, h, nil
	}
	var file string // set by the look that is always just before the act
	s := Step{Name: "restore the backup", On: []string{to.Host(), from.Host()}, Down: []string{to.Host()}, With: map[string]string{"from": from.Name, "to": to.Name}, NoReturn: true, Attended: to.Pages.Software == nil,
		Observe: func(ctx context.Context, look Look) (Observation, error) {
			var seen installSeen
			if look.Since != nil {
				if err := readEvidence(look.Since.Last, &seen); err != nil {
					return Observation{}, err
				}
			}
			h, err := to.health(ctx)
			switch {
			case err != nil && look.Since != nil && praAway(err), err == nil && !h.Healthy:
				seen.Away = look.Since != nil
				return See(Pending, seen, "is not back yet"), nil
			case err != nil:
				return praCannot(look, err)
			}
			seen.Version = h.Version.String()
			switch {
			case look.Since != nil && seen.Away && h.FailoverRole != beyondtrust.RoleNone:
				return See(Blocked, seen, "the restored settings make it a %q: break that relationship on the old side, then on this one", h.FailoverRole), nil
			case look.Since != nil && seen.Away:
				return See(Done, seen, "it was away and is back with %s", h.Version), nil
			}
			best, was, err := newest(ctx)
			file = best.Name
			switch {
			case err != nil:
				return Observation{}, err
			case look.Since != nil && to.Pages.Software == nil && look.Elapsed >= time.Minute:
				return restoredByHand(ctx, look, to, best.Name, seen)
			case !was.Version.Same(h.Version):
				return See(Blocked, seen, "the backup is of %s, and %s runs %s", was.Version, to.Name, h.Version), nil
			case was.FailoverRole != beyondtrust.RoleNone:
				return See(Blocked, seen, "%s is a %q: break its relationship first, for the restore would give it to %s too", from.Name, was.FailoverRole, to.Name), nil
			}
			return See(Ready, seen, "%s is to be restored", best.Name), nil
		},
		Settle: 2 * time.Minute, Every: 10 * time.Second, Limit: 2 * time.Hour, Takes: 10 * time.Minute,
		Advice: "The Vault encryption key has a backup of its own, without which the Vault accounts are of no use. Session recordings stay on the old appliance."}
	if page := to.Pages.Software; page != nil {
		s.Act = func(ctx context.Context, _ *slog.Logger) error {
			best, _, err := newest(ctx)
			if err != nil {
				return fmt.Errorf("%w: %w", ErrNotSent, err)
			}
			return page.Restore(ctx, artifactFS{ctx, a}, best.Name, password)
		}
		return s
	}
	s.Ask = func(*Mark) *Instruction {
		group := beyondtrust.SectionRestoreSettings + " > "
		set := []Field{{Label: group + labelBackupFile, Value: artifactPath(a, file)}}
		if !password.IsZero() {
			set = append(set, Field{Label: group + labelBackupPassword, Value: secretBackup, Secret: true})
		}
		return &Instruction{Where: beyondtrust.MenuSoftware, Set: set, Button: beyondtrust.ButtonUploadBackup, Expect: "the site goes away for a while and comes back with the settings of " + from.Name}
	}
	return s
}

// restoredByHand asks what the page said: an appliance that was away and is back looks like one that never was.
func restoredByHand(ctx context.Context, look Look, to PRA, file string, seen installSeen) (Observation, error) {
	v, err := look.Ask(ctx, Question{Kind: AskConfirm, Options: []string{AnswerYes, AnswerNo},
		Text: fmt.Sprintf("%s (%s) answers, and it was not seen that it was away. Did %s say that %s was restored, and does the site show the restored settings?", to.Name, to.Host(), beyondtrust.MenuSoftware, file)})
	switch {
	case err != nil:
		return Observation{}, err
	case v == AnswerYes:
		return See(Done, seen, "a person says that %s was restored", file), nil
	}
	return See(Ready, seen, "a person says that %s was not restored", file), nil
}
