package upgrade

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

// secretDownloadKey is what instructions call the key that the appliance's own page shows.
const secretDownloadKey = "the key that the appliance's Updates page shows under Appliance Download Key"

// DefaultUpdateServer is where a download key is submitted (PRA Upgrade Guide). Newer documents name https://btupdate.com.
const DefaultUpdateServer = "https://update.bomgar.com"

// FetchPackages returns the group that gets the packages of a manual update: a person submits the appliance's download key at the vendor's update server, on a machine that may reach it, downloads each package once and puts it
// into the inbox; from there it is stored with its SHA-256. server is the update server; default [DefaultUpdateServer].
//
// A package is served once: "Once an update has been downloaded, it no longer appears in your list of available updates" (PRA Upgrade Guide). So what is stored is never deleted, and a package that
// is stored or lies in the inbox is not asked for again. How a package is recognised is not documented; the appliance itself judges it when it is installed. Here it must be
// a file that is no page and no text, with the row's title in its name.
func FetchPackages(p PRA, u PRAUpdate, server string) Step {
	if server == "" {
		server = DefaultUpdateServer
	}
	steps := []Step{submitKey(p, u, server)}
	for _, title := range u.Packages {
		steps = append(steps, fetchPackage(p, u, title, server), storePackage(p, u, title))
	}
	return Group("get the packages of "+p.Name, steps...)
}

func submitKey(p PRA, u PRAUpdate, server string) Step {
	return Step{Name: "submit the download key", On: []string{p.Host()}, With: map[string]string{"server": server},
		Observe: func(ctx context.Context, look Look) (Observation, error) {
			missing, err := p.missing(ctx, u)
			switch {
			case err != nil:
				return Observation{}, err
			case len(missing) == 0:
				return See(Done, nil, "every package is here already"), nil
			case look.Since == nil:
				return See(Ready, missing, "to be fetched: %s", strings.Join(missing, ", ")), nil
			}
			// That somebody was asked to submit it proves nothing: the process may have ended before he read it, and a key may be refused.
			a, err := look.Ask(ctx, Question{Kind: AskConfirm, On: p.Host(), Options: []string{AnswerYes, AnswerNo},
				Text: fmt.Sprintf("Does %s list these updates now, for the key of %s (%s): %s?", server, p.Name, p.Host(), strings.Join(missing, ", "))})
			switch {
			case err != nil:
				return Observation{}, err
			case a == AnswerYes:
				return See(Done, missing, "a person sees them listed: %s", strings.Join(missing, ", ")), nil
			}
			return See(Ready, missing, "a person does not see them listed: %s", strings.Join(missing, ", ")), nil
		},
		Ask: func(*Mark) *Instruction {
			return &Instruction{Where: server, Set: []Field{{Label: beyondtrust.LinkDownloadKey, Value: secretDownloadKey, Secret: true}}, Button: "Submit",
				Expect: "the updates for this appliance are listed. The key fails when the appliance's clock is wrong"}
		},
		Again: Freely, Takes: 5 * time.Minute,
		Advice: "If the key is refused, see that the time on " + beyondtrust.MenuBasics + " is right, and the NTP setting on " + beyondtrust.MenuIPConfiguration + "."}
}

// missing are the packages that are neither stored nor in the inbox.
func (p PRA) missing(ctx context.Context, u PRAUpdate) (titles []string, err error) {
	for _, title := range u.Packages {
		o, err := p.packageHere(ctx, u, title, true)
		if err != nil {
			return nil, err
		}
		if o.Phase != Done {
			titles = append(titles, title)
		}
	}
	return titles, nil
}

// packageHere says whether a package is stored, or with inbox lies in the inbox.
func (p PRA) packageHere(ctx context.Context, u PRAUpdate, title string, inbox bool) (Observation, error) {
	st, err := u.Store.Stat(ctx, packageName(p, beyondtrust.ParsePackage(title)))
	switch {
	case err == nil:
		return See(Done, st, "%s is stored, %d bytes, SHA-256 %.12s…", title, st.Size, st.SHA256), nil
	case !errors.Is(err, fs.ErrNotExist):
		return Observation{}, err
	case inbox:
		name, err := inboxPackage(ctx, u.Store, title)
		if err == nil {
			return See(Done, name, "%s is in the inbox", name), nil
		}
		return See(Ready, nil, "%s is neither stored nor in the inbox: %s", title, firstLine(err)), nil
	}
	return See(Ready, nil, "%s is not stored", title), nil
}

func fetchPackage(p PRA, u PRAUpdate, title, server string) Step {
	return Step{Name: "download " + title, On: []string{p.Host()}, With: map[string]string{"package": title},
		Observe: func(ctx context.Context, _ Look) (Observation, error) { return p.packageHere(ctx, u, title, true) },
		Ask: func(*Mark) *Instruction {
			return &Instruction{Where: server, Row: title, Button: "Download",
				Expect: "a file; put it into the inbox of the artifacts folder under a name that has " + plainTitle(title) + " in it, and keep it: the update server serves it once"}
		},
		Settle: time.Minute, Every: 10 * time.Second, Limit: 4 * time.Hour, Takes: 15 * time.Minute,
		Advice: "A package is served once. For a second copy contact BeyondTrust Technical Support."}
}

func storePackage(p PRA, u PRAUpdate, title string) Step {
	name := packageName(p, beyondtrust.ParsePackage(title))
	return Step{Name: "store " + title, On: []string{p.Host()}, With: map[string]string{"artifact": name},
		Observe: func(ctx context.Context, _ Look) (Observation, error) { return p.packageHere(ctx, u, title, false) },
		Act: func(ctx context.Context, _ *slog.Logger) error {
			file, err := inboxPackage(ctx, u.Store, title)
			if err != nil {
				return fmt.Errorf("%w: the inbox: %w", ErrNotSent, err)
			}
			f, err := u.Store.Inbox().Open(file)
			if err != nil {
				return fmt.Errorf("%w: %w", ErrNotSent, err)
			}
			defer f.Close()
			_, err = u.Store.Put(ctx, name, func(w io.Writer) error { _, err := io.Copy(w, f); return err })
			if errors.Is(err, fs.ErrExist) {
				return nil
			}
			return err
		},
		Again: Freely, Limit: time.Hour, Takes: time.Minute}
}

// plainTitle is the part of a file's name by which a package is found.
func plainTitle(title string) string { return strings.ReplaceAll(title, " ", "-") }

// inboxPackage finds the one file of the inbox that may be the package called title. A file that is stored already, as another appliance's package, does not count.
func inboxPackage(ctx context.Context, a Artifacts, title string) (string, error) {
	entries, err := fs.ReadDir(a.Inbox(), ".")
	if err != nil {
		return "", err
	}
	stored, err := a.List(ctx)
	if err != nil {
		return "", err
	}
	var found []string
	for _, e := range entries {
		if !e.Type().IsRegular() || !strings.Contains(strings.ToLower(e.Name()), strings.ToLower(plainTitle(title))) {
			continue
		}
		sum, err := checkPackage(a.Inbox(), e.Name())
		if err != nil {
			return "", err
		}
		if !slices.ContainsFunc(stored, func(x Artifact) bool { return x.SHA256 == sum }) {
			found = append(found, e.Name())
		}
	}
	if len(found) != 1 {
		return "", fmt.Errorf("%d files have %s in their name, want one", len(found), plainTitle(title))
	}
	return found[0], nil
}

// checkPackage returns the SHA-256 of a file that may be a package.
func checkPackage(inbox fs.FS, name string) (string, error) {
	f, err := inbox.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	head, err := io.ReadAll(io.LimitReader(f, beyondtrust.BackupHead))
	if err != nil {
		return "", err
	}
	if beyondtrust.CheckBackup(head) != nil { // the same signs: a page, a text, next to nothing
		return "", fmt.Errorf("%s is no package, but a page, a text or next to nothing", name)
	}
	sum, err := sumOf(io.MultiReader(bytes.NewReader(head), f))
	if err != nil {
		return "", err
	}
	return sum, nil
}

// sumOf returns the SHA-256 of what r gives, in hexadecimal digits.
func sumOf(r io.Reader) (string, error) {
	h := sha256.New()
	_, err := io.Copy(h, r)
	return hex.EncodeToString(h.Sum(nil)), err
}

// storedPath is where a person finds a stored package.
func storedPath(p PRA, u PRAUpdate, pkg beyondtrust.Package) string {
	return artifactPath(u.Store, packageName(p, pkg))
}

// artifactPath is where a person finds an artifact: its path, where artifacts are files.
func artifactPath(a Artifacts, name string) string {
	if d, ok := a.(*ArtifactDir); ok {
		return filepath.Join(filepath.Dir(d.InboxPath()), name)
	}
	return name
}

// CheckPackages returns a check before redundancy is given up: every package of a manual update is stored, and still what its SHA-256 says.
func CheckPackages(p PRA, u PRAUpdate) Step {
	return Step{Name: "check the packages of " + p.Name, On: []string{p.Host()}, With: u.with(),
		Observe: func(ctx context.Context, look Look) (Observation, error) {
			h, err := p.health(ctx)
			if err == nil && u.done(h.Version) {
				return See(Done, nil, "runs %s already", h.Version), nil
			}
			var stored []Artifact
			for _, title := range u.Packages {
				name := packageName(p, beyondtrust.ParsePackage(title))
				st, err := u.Store.Stat(ctx, name)
				if errors.Is(err, fs.ErrNotExist) {
					return See(Blocked, nil, "%s for %s is not stored", title, p.Name), nil
				} else if err != nil {
					return Observation{}, err
				}
				r, err := u.Store.Open(ctx, name)
				if err != nil {
					return Observation{}, err
				}
				sum, err := sumOf(r)
				r.Close()
				switch {
				case err != nil:
					return Observation{}, err
				case sum != st.SHA256:
					return See(Blocked, st, "%s is not what it was when it was stored", name), nil
				}
				stored = append(stored, st)
			}
			return See(Done, stored, "%d packages for %s are stored and unchanged", len(stored), p.Name), nil
		}}
}
