package upgrade

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

// noRestart is the vendor's word for an installation that misbehaves.
const noRestart = "Do not restart the appliance, whatever it does. Contact BeyondTrust Technical Support. An appliance that stores many recordings takes significantly longer."

// installSeen is what a look at an appliance that installs found.
type installSeen struct {
	Version string                  `json:"version,omitempty"`
	Base    string                  `json:"base,omitempty"`
	State   beyondtrust.UpdateState `json:"state,omitempty"`
	Away    bool                    `json:"away,omitempty"` // it has been away, or unwell, since the act
}

// InstallUpdate returns the steps that install one package: the button Install This Update in its row, or, by hand, Update Software with the file. It is pressed once, and only while the appliance's own page offers the
// package and does not block it. It is done when the appliance answers in good health with the new version; that it is away, answers 503 or is unwell in between is normal.
// When the old version is back after that it is [Reverted]; when nothing at all happened, a person decides. A licence agreement is shown to a person, whose consent to that very text is journaled.
func InstallUpdate(p PRA, u PRAUpdate, title string) Step {
	pkg := beyondtrust.ParsePackage(title)
	return Whole("install "+title, installPackage(p, u, pkg), acceptAgreement(p, u, pkg))
}

// InstallFirst returns the steps that install the site software on a factory-new appliance: a check for updates, the package, and the licence agreement that has to be signed before. Until then the
// appliance has no API, so its pages are all there is.
func InstallFirst(p PRA, u PRAUpdate) Step {
	u.fresh = true
	steps := []Step{CheckForUpdates(p, u)}
	for _, title := range u.Packages {
		pkg := beyondtrust.ParsePackage(title)
		steps = append(steps, installPackage(p, u, pkg))
		if pkg.Class == beyondtrust.PackageSite {
			steps = append(steps, acceptAgreement(p, u, pkg))
		}
	}
	return Whole("install the software on "+p.Name, steps...) // a package that waits for its agreement is not to be left so
}

func installPackage(p PRA, u PRAUpdate, pkg beyondtrust.Package) Step {
	s := Step{Name: "install " + pkg.Name, On: []string{p.Host()}, Down: []string{p.Host()}, With: map[string]string{"package": pkg.Name}, Attended: p.Pages.Updates == nil,
		Observe: func(ctx context.Context, look Look) (Observation, error) {
			o, seen, err := p.lookAtInstall(ctx, look, u, pkg)
			if err != nil || o.Phase != Unknown {
				return o, err
			}
			return p.notInstalled(look, u, pkg, seen)
		},
		Settle: 2 * time.Minute, Every: 30 * time.Second, Limit: u.limit(), Takes: u.expected(), Worry: u.worry(), NoReturn: true, Advice: noRestart}
	if pkg.Class == beyondtrust.PackageSite || pkg.Class == beyondtrust.PackageBase {
		s.Outage = u.expected()
	}
	if u.Manual {
		s.Ask = func(*Mark) *Instruction {
			return &Instruction{Where: beyondtrust.MenuUpdates, Button: beyondtrust.ButtonUpdateSoftware, Set: []Field{{Label: labelPackageFile, Value: storedPath(p, u, pkg)}},
				Expect: "the installation begins; the appliance goes away for a while. Do not restart it"}
		}
	} else {
		s.Ask = func(*Mark) *Instruction {
			return &Instruction{Where: beyondtrust.MenuUpdates, Row: pkg.Name, Button: beyondtrust.ButtonInstallThisUpdate, Expect: "the appliance downloads and installs, and goes away for a while. Do not restart it"}
		}
	}
	if page := p.Pages.Updates; page != nil {
		s.Act = func(ctx context.Context, _ *slog.Logger) error {
			if u.Manual {
				name := packageName(p, pkg)
				return page.UpdateSoftware(ctx, artifactFS{ctx, u.Store}, name)
			}
			return page.Install(ctx, pkg.Name)
		}
	}
	return s
}

// lookAtInstall says what needs no further thought: installed, away, under way, failed. Otherwise the phase is Unknown, and seen tells.
func (p PRA) lookAtInstall(ctx context.Context, look Look, u PRAUpdate, pkg beyondtrust.Package) (Observation, installSeen, error) {
	var seen installSeen
	if look.Since != nil {
		if err := readEvidence(look.Since.Last, &seen); err != nil {
			return Observation{}, seen, err
		}
	}
	took := ""
	if look.Since != nil {
		took = ", " + spell(look.Elapsed.Truncate(time.Minute)) + " so far"
	}
	h, err := p.asks(ctx, u)
	switch {
	case err != nil && look.Since != nil && praAway(err):
		seen.Away = true
		return See(Pending, seen, "does not answer%s", took), seen, nil
	case err != nil:
		o, err := praCannot(look, err)
		return o, seen, err
	case !h.Healthy:
		seen.Away = seen.Away || look.Since != nil
		return See(Pending, seen, "is not healthy: %s%s", h.Problem, took), seen, nil
	}
	seen.Version = h.Version.String()
	if pkg.Class == beyondtrust.PackageSite && u.reached(h.Version, pkg.Number) {
		o := See(Done, seen, "runs %s", h.Version)
		o.AsOf = h.AsOf
		return o, seen, nil
	}
	st, err := p.readState(ctx, look)
	switch {
	case err != nil && u.fresh && look.Since != nil:
		seen.Away = true
		return See(Pending, seen, "its page does not answer%s", took), seen, nil
	case err != nil:
		o, err := praPage(err)
		return o, seen, err
	}
	seen.State = st.State
	switch {
	case busy(st.State):
		return See(Pending, seen, "%s%s", st.State, took), seen, nil
	case st.State == beyondtrust.UpdateFailed && look.Since != nil:
		return See(Blocked, seen, "the installation failed: %s", orText(st.Text)), seen, nil
	}
	if pkg.Class == beyondtrust.PackageBase {
		if seen.Base, err = p.readBase(ctx, look); err != nil {
			o, err := praPage(err)
			return o, seen, err
		}
		if beyondtrust.CompareNumbers(seen.Base, pkg.Number) >= 0 && seen.Base != "" {
			return See(Done, seen, "the Base software is %s", seen.Base), seen, nil
		}
	}
	if look.Since == nil && !u.Manual && p.Pages.Updates != nil {
		if o, ok := offered(st, pkg, seen); !ok {
			return o, seen, nil
		}
	}
	return Observation{}, seen, nil
}

// praPage is praCannot for a page: a driver that does not recognise it, or a page that does not answer, may do so at the next look.
func praPage(err error) (Observation, error) {
	return Observation{}, fmt.Errorf("the Updates page: %w", err)
}

// offered says whether the page lets pkg be installed now.
func offered(st beyondtrust.UpdateStatus, pkg beyondtrust.Package, seen installSeen) (Observation, bool) {
	if st.State == beyondtrust.UpdateEULARequired {
		return Observation{}, true
	}
	at := slices.IndexFunc(st.Available, func(x beyondtrust.Update) bool { return x.Name == pkg.Name })
	switch {
	case at < 0:
		return See(Blocked, seen, "%s is not in the list of available updates (%s): check for updates, then run again", pkg.Name, st.State), false
	case st.Available[at].Blocked != "":
		return See(Blocked, seen, "%s", st.Available[at].Blocked), false
	}
	return Observation{}, true
}

// notInstalled judges an appliance that answers in good health without the package.
func (p PRA) notInstalled(look Look, u PRAUpdate, pkg beyondtrust.Package, seen installSeen) (Observation, error) {
	switch {
	case seen.State == beyondtrust.UpdateEULARequired:
		return See(Done, seen, "the licence agreement of %s is to be signed", pkg.Name), nil
	case look.Since == nil:
		return See(Ready, seen, "%s can be installed", pkg.Name), nil
	case seen.Away:
		return See(Blocked, seen, "it was away and is back without %s (the page says %q)", pkg.Name, seen.State), ErrReverted
	case seen.State == beyondtrust.UpdateAvailable:
		return See(Ready, seen, "%s is still offered, and nothing has happened", pkg.Name), nil
	case u.Manual && (seen.State == beyondtrust.UpdateIdle || seen.State == beyondtrust.UpdateInstalled):
		return See(Ready, seen, "the page says %q, and nothing has happened", seen.State), nil
	}
	return See(Unknown, seen, "the page says %q, and %s is not installed", seen.State, pkg.Name), nil
}

// acceptAgreement is done when the package is installed. Where the page asks for a licence agreement first, a person who may is shown its text; his yes to it is journaled, then
// it is accepted. Accepting is a legal act: there is no way around the question.
func acceptAgreement(p PRA, u PRAUpdate, pkg beyondtrust.Package) Step {
	var text string // what the person agreed to; set by the look that is always just before the act
	s := Step{Name: "licence agreement of " + pkg.Name, On: []string{p.Host()}, Down: []string{p.Host()}, With: map[string]string{"package": pkg.Name},
		Observe: func(ctx context.Context, look Look) (Observation, error) {
			o, seen, err := p.lookAtInstall(ctx, look, u, pkg)
			if err != nil || o.Phase != Unknown {
				return o, err
			}
			if seen.State == beyondtrust.UpdateEULARequired {
				if text, err = p.readAgreement(ctx, look); err != nil {
					return Observation{}, err
				}
				return consent(ctx, look, p, text, seen)
			}
			if look.Since == nil {
				return See(Blocked, seen, "%s is neither installed nor waiting for an agreement (the page says %q)", pkg.Name, seen.State), nil
			}
			return p.notInstalled(look, u, pkg, seen)
		},
		Ask: func(*Mark) *Instruction {
			return &Instruction{Where: beyondtrust.MenuUpdates, Button: buttonAccept, Expect: "the installation begins"}
		},
		Settle: 2 * time.Minute, Every: 30 * time.Second, Limit: u.limit(), Takes: time.Second, Advice: noRestart}
	if page := p.Pages.Updates; page != nil {
		s.Act = func(ctx context.Context, _ *slog.Logger) error { return page.AcceptEULA(ctx, text) }
	}
	return s
}

func (p PRA) readAgreement(ctx context.Context, look Look) (string, error) {
	if p.Pages.Updates == nil {
		return p.read(ctx, look, beyondtrust.MenuUpdates, "", labelAgreement, "Read the agreement, and type or paste its title.")
	}
	st, err := p.Pages.Updates.Updates(ctx)
	return st.EULA, err
}

func consent(ctx context.Context, look Look, p PRA, text string, seen installSeen) (Observation, error) {
	a, err := look.Ask(ctx, Question{Kind: AskConfirm, Options: []string{AnswerYes, AnswerNo},
		Text: fmt.Sprintf("%s (%s) asks for this licence agreement to be accepted, which is a legal act. Do you accept it, and may you?\n%s", p.Name, p.Host(), text)})
	switch {
	case err != nil:
		return Observation{}, err
	case a != AnswerYes:
		return See(Blocked, seen, "the licence agreement was not accepted"), nil
	}
	return See(Ready, seen, "a person accepts the licence agreement"), nil
}

// artifactFS shows artifacts as files.
type artifactFS struct {
	ctx context.Context
	a   Artifacts
}

// Open opens an artifact.
func (f artifactFS) Open(name string) (fs.File, error) {
	st, err := f.a.Stat(f.ctx, name)
	if err != nil {
		return nil, err
	}
	r, err := f.a.Open(f.ctx, name)
	if err != nil {
		return nil, err
	}
	return &artifactFile{ReadCloser: r, st: st}, nil
}

type artifactFile struct {
	io.ReadCloser
	st Artifact
}

func (f *artifactFile) Stat() (fs.FileInfo, error) { return artifactInfo{f.st}, nil }

type artifactInfo struct{ a Artifact }

func (i artifactInfo) Name() string       { return i.a.Name }
func (i artifactInfo) Size() int64        { return i.a.Size }
func (i artifactInfo) Mode() fs.FileMode  { return 0o600 }
func (i artifactInfo) ModTime() time.Time { return i.a.At }
func (i artifactInfo) IsDir() bool        { return false }
func (i artifactInfo) Sys() any           { return nil }

// packageName is how the artifact of an appliance's package is called: packages are made for one appliance.
func packageName(p PRA, pkg beyondtrust.Package) string {
	return strings.Join([]string{"pra-package", plainName(p.Host()), plainName(pkg.Name)}, "-") + ".pkg"
}
