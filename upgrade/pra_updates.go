package upgrade

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

// Labels of the Updates and Basics pages that no document has: a driver or a person who finds other words says so.
const (
	labelUpdateStatus = "Status"
	labelBaseSoftware = "Base Software"
	labelSiteSoftware = "Site Software"
	labelAgreement    = "License Agreement"
	buttonAccept      = "Accept"
	labelPackageFile  = "Package File"
)

// PRAUpdate is what is to be installed: the rows that the appliance's own Updates page shows, in the order in which it lets them be installed.
//
// The order is never computed: an older appliance may need several Base and site packages, and its own page is the only one that knows. So the rows are named here as that page, or
// the vendor's mail, names them, and each is installed only when the page offers it at that moment and does not block it.
type PRAUpdate struct {
	Packages []string            // "Base Software 7.0.0", "BeyondTrust-25.1.1": at least one
	Version  beyondtrust.Version // of the site software afterwards; the build is compared when given
	// By hand: the packages are uploaded in the section Manual Installation, from Store, where [FetchPackage] put them.
	Manual bool
	Store  Artifacts
	// Expected is how long one installation takes; default 1 hour (PRA Upgrade Guide: 15 minutes to an hour). Worry is from when on it is said that it takes much longer, with the vendor's advice; default twice
	// Expected. Limit is when to stop watching and say so, never to touch the appliance; default three times Expected. The second appliance of a pair is judged by what the first one took, in the
	// same proportions ([Like]): many recordings make both slow.
	Expected, Worry, Limit time.Duration
	BackupMaxAge           time.Duration // default DefaultBackupAge

	fresh bool // a factory-new appliance: it has no API before the first package
}

// asks is health, but an appliance without software has none, which is no error.
func (p PRA) asks(ctx context.Context, u PRAUpdate) (beyondtrust.Health, error) {
	h, err := p.health(ctx)
	if err != nil && u.fresh {
		return beyondtrust.Health{Healthy: true}, nil
	}
	return h, err
}

// Check says what is missing.
func (u PRAUpdate) Check() error {
	if len(u.Packages) == 0 || u.Version.Number == "" {
		return fmt.Errorf("upgrade: PRAUpdate: want Packages and a Version")
	}
	for _, title := range u.Packages {
		if c := beyondtrust.ParsePackage(title).Class; c != beyondtrust.PackageBase && c != beyondtrust.PackageSite {
			return fmt.Errorf("upgrade: PRAUpdate: package %q is neither Base nor site software: what it changes cannot be seen, so let a person install it", title)
		}
	}
	if last := beyondtrust.ParsePackage(u.Packages[len(u.Packages)-1]); last.Class == beyondtrust.PackageSite && beyondtrust.CompareNumbers(last.Number, u.Version.Number) != 0 {
		return fmt.Errorf("upgrade: PRAUpdate: the last package is %q, which is not version %s", last.Name, u.Version)
	}
	if u.Manual && u.Store == nil {
		return fmt.Errorf("upgrade: PRAUpdate: manual, and no Store to take the packages from")
	}
	return nil
}

func (u PRAUpdate) expected() time.Duration { return orElse(u.Expected, time.Hour) }
func (u PRAUpdate) worry() time.Duration    { return orElse(u.Worry, 2*u.expected()) }
func (u PRAUpdate) limit() time.Duration    { return orElse(u.Limit, 3*u.expected()) }
func (u PRAUpdate) with() map[string]string {
	return map[string]string{"packages": strings.Join(u.Packages, ", "), "version": u.Version.String()}
}

// has says whether v is the target, or newer than what a package brings.
func (u PRAUpdate) reached(v beyondtrust.Version, number string) bool {
	if beyondtrust.CompareNumbers(number, u.Version.Number) == 0 && u.Version.Build != "" {
		return beyondtrust.CompareNumbers(v.Number, number) > 0 || v.Number != "" && beyondtrust.CompareNumbers(v.Number, number) == 0 && v.Build == u.Version.Build
	}
	return v.Number != "" && beyondtrust.CompareNumbers(v.Number, number) >= 0
}

// done says whether the appliance runs the target.
func (u PRAUpdate) done(v beyondtrust.Version) bool { return u.reached(v, u.Version.Number) }

// readState reads the Updates page: by the driver all of it, by a person its state.
func (p PRA) readState(ctx context.Context, look Look) (beyondtrust.UpdateStatus, error) {
	if p.Pages.Updates != nil {
		return p.Pages.Updates.Updates(ctx)
	}
	var words []string
	for _, w := range []beyondtrust.UpdateState{beyondtrust.UpdateIdle, beyondtrust.UpdateChecking, beyondtrust.UpdateUpToDate, beyondtrust.UpdateAvailable, beyondtrust.UpdateCheckFailed,
		beyondtrust.UpdateEULARequired, beyondtrust.UpdateDownloading, beyondtrust.UpdateInstalling, beyondtrust.UpdateInstalled, beyondtrust.UpdateFailed} {
		words = append(words, string(w))
	}
	v, err := p.read(ctx, look, beyondtrust.MenuUpdates, "", labelUpdateStatus, "What is the page about? Reload it first; if it does not answer, wait until it does.", words...)
	return beyondtrust.UpdateStatus{State: beyondtrust.UpdateState(v)}, err
}

// readBase reads the version of the Base software, which is in no API.
func (p PRA) readBase(ctx context.Context, look Look) (string, error) {
	if p.Pages.Updates != nil {
		list, err := p.Pages.Updates.Installed(ctx)
		if err != nil {
			return "", err
		}
		for _, x := range list {
			if x.Class == beyondtrust.PackageBase {
				return x.Number, nil
			}
		}
		return "", fmt.Errorf("the Updates page does not name the Base software")
	}
	v, err := p.read(ctx, look, beyondtrust.MenuBasics, "", labelBaseSoftware, "Type the version of the Base software as it is shown. Reload the page first; if it does not answer, wait until it does.")
	return strings.TrimPrefix(v, "Base Software "), err
}

// CheckForUpdates returns the group that presses Check for updates and compares the list with what is to be installed: every package that is not installed yet has a row, the first of them can be
// installed, and site packages are built for this site. It is done before redundancy is given up, and again between packages. A check that failed is Blocked, with
// the vendor's advice; so are rows that are not there. "Automatic updates do not apply to failover pairs" in newer releases: where the button is missing, use the manual way.
func CheckForUpdates(p PRA, u PRAUpdate) Step {
	return Group("check for updates", pressCheck(p, u), compareUpdates(p, u))
}

// pressCheck is done when the page shows what the check found, whatever that is.
func pressCheck(p PRA, u PRAUpdate) Step {
	s := Step{Name: "press " + beyondtrust.ButtonCheckForUpdates, On: []string{p.Host()}, With: u.with(),
		Observe: func(ctx context.Context, look Look) (Observation, error) {
			h, err := p.asks(ctx, u)
			if err != nil {
				return praCannot(look, err)
			}
			if u.done(h.Version) {
				return See(Done, nil, "runs %s already", h.Version), nil
			}
			st, err := p.readState(ctx, look)
			if err != nil {
				return praPage(err)
			}
			switch st.State {
			case beyondtrust.UpdateAvailable, beyondtrust.UpdateCheckFailed, beyondtrust.UpdateUpToDate:
				if look.Since != nil {
					return See(Done, st.State, "the page says %q", st.State), nil
				}
			case beyondtrust.UpdateChecking:
				return See(Pending, st.State, "asks the update server"), nil
			case beyondtrust.UpdateDownloading, beyondtrust.UpdateInstalling, beyondtrust.UpdateEULARequired:
				return See(Blocked, st.State, "the page says %q: something is being installed already", st.State), nil
			case beyondtrust.UpdateIdle, beyondtrust.UpdateInstalled, beyondtrust.UpdateFailed:
			default:
				return See(Unknown, st.State, "the page says %q, which is not known here", st.State), nil
			}
			return See(Ready, st.State, "the page says %q", st.State), nil
		},
		Ask: func(*Mark) *Instruction {
			return &Instruction{Where: beyondtrust.MenuUpdates, Button: beyondtrust.ButtonCheckForUpdates, Expect: beyondtrust.TextUpdatesAvailable}
		},
		Again: Freely, EachRun: true, Settle: time.Minute, Every: 10 * time.Second, Limit: 15 * time.Minute, Takes: time.Minute, Attended: p.Pages.Updates == nil,
		Advice: adviceCheck}
	if page := p.Pages.Updates; page != nil {
		s.Act = func(ctx context.Context, _ *slog.Logger) error { return page.Check(ctx) }
	}
	return s
}

const adviceCheck = "If the check fails, see that the time on " + beyondtrust.MenuBasics + " is right, for the update server refuses a wrong one, and that the appliance reaches the update server; then the vendor's troubleshooting FAQ, or the manual way."

// compareUpdates is a check of what the page offers.
func compareUpdates(p PRA, u PRAUpdate) Step {
	return Step{Name: "compare the list", On: []string{p.Host()}, With: u.with(), Attended: p.Pages.Updates == nil, Every: 10 * time.Second, Limit: 15 * time.Minute, Takes: time.Second,
		Observe: func(ctx context.Context, look Look) (Observation, error) {
			h, err := p.asks(ctx, u)
			if err != nil {
				return praCannot(look, err)
			}
			if u.done(h.Version) {
				return See(Done, nil, "runs %s already", h.Version), nil
			}
			st, err := p.readState(ctx, look)
			switch {
			case err != nil:
				return praPage(err)
			case st.State == beyondtrust.UpdateChecking:
				return See(Pending, st.State, "asks the update server"), nil
			case st.State != beyondtrust.UpdateAvailable:
				return See(Blocked, st.State, "the page says %q: %s", st.State, orText(st.Text)), nil
			}
			return p.offers(ctx, look, u, st)
		},
		Advice: adviceCheck}
}

func orText(s string) string {
	if s == "" {
		return "the page says no more"
	}
	return s
}

// offers compares the rows of the page with what is to be installed.
func (p PRA) offers(ctx context.Context, look Look, u PRAUpdate, st beyondtrust.UpdateStatus) (Observation, error) {
	if p.Pages.Updates == nil {
		return p.offersByHand(ctx, look, u)
	}
	want, err := p.wanted(ctx, look, u)
	if err != nil {
		return praPage(err)
	}
	var names []string
	for _, row := range st.Available {
		names = append(names, row.Name)
		for _, d := range row.Details {
			if d.Label == beyondtrust.LabelPrimaryHostname && !strings.EqualFold(d.Text, p.site()) && slices.Contains(want, row.Name) {
				return See(Blocked, st.Available, "%s is built for the site %s, not for %s", row.Name, d.Text, p.site()), nil
			}
		}
	}
	for i, title := range want {
		at := slices.Index(names, title)
		switch {
		case at < 0:
			return See(Blocked, names, "%s is not offered; there are: %s", title, strings.Join(names, ", ")), nil
		case i == 0 && st.Available[at].Blocked != "":
			return See(Blocked, names, "%s: %s", title, st.Available[at].Blocked), nil
		}
	}
	return See(Done, names, "offered: %s", strings.Join(names, ", ")), nil
}

// offersByHand lets a person read the one value that every site package's row has.
func (p PRA) offersByHand(ctx context.Context, look Look, u PRAUpdate) (Observation, error) {
	for _, title := range u.Packages {
		if beyondtrust.ParsePackage(title).Class != beyondtrust.PackageSite {
			continue
		}
		v, err := p.read(ctx, look, beyondtrust.MenuUpdates, title, beyondtrust.LabelPrimaryHostname, "Type it as the row shows it.")
		switch {
		case err != nil:
			return Observation{}, err
		case !strings.EqualFold(v, p.site()):
			return See(Blocked, v, "%s is built for the site %q, not for %s", title, v, p.site()), nil
		}
	}
	return See(Done, nil, "a person sees %s", strings.Join(u.Packages, ", ")), nil
}

// wanted are the packages that are not installed yet.
func (p PRA) wanted(ctx context.Context, look Look, u PRAUpdate) ([]string, error) {
	h, err := p.asks(ctx, u)
	if err != nil {
		return nil, err
	}
	base, err := p.readBase(ctx, look)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(u.Packages), func(title string) bool {
		k := beyondtrust.ParsePackage(title)
		if k.Class == beyondtrust.PackageBase {
			return beyondtrust.CompareNumbers(base, k.Number) >= 0
		}
		return u.reached(h.Version, k.Number)
	}), nil
}

// UpdateAppliance returns the group that brings an appliance to a version: each package in its turn, after every Base software a fresh list and a backup, and then the next package at
// once. It must not be left half-way: "download a backup and immediately install the BeyondTrust software updates before doing anything else" (PRA Upgrade Guide).
// Nothing in it, or anywhere in this package, restarts the appliance.
func UpdateAppliance(p PRA, u PRAUpdate, a Artifacts) Step {
	var steps []Step
	for i, title := range u.Packages {
		pkg := beyondtrust.ParsePackage(title)
		if i > 0 {
			if !u.Manual {
				s := CheckForUpdates(p, u)
				s.Name = "check again before " + title
				steps = append(steps, s)
			}
			steps = append(steps, backupBefore(p, a, u, title))
		}
		steps = append(steps, installPackage(p, u, pkg))
		if pkg.Class == beyondtrust.PackageSite {
			steps = append(steps, acceptAgreement(p, u, pkg))
		}
	}
	return Whole("update "+p.Name, steps...)
}
