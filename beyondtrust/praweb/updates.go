package praweb

import (
	"context"
	"io/fs"
	"strings"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/internal/browser/site"
)

type updates struct{ d *Driver }

const pageUpdates = "updates"

// Check presses the button.
func (u updates) Check(ctx context.Context) error {
	return u.d.press(ctx, pageUpdates, "updates.check", nil)
}

// Updates reads the page.
func (u updates) Updates(ctx context.Context) (out beyondtrust.UpdateStatus, err error) {
	err = u.d.visit(ctx, pageUpdates, func(v *site.Visit) error {
		return v.Read(func(r *site.Reading) error { out = readUpdates(r); return nil })
	})
	if err != nil {
		return beyondtrust.UpdateStatus{}, err
	}
	return out, nil
}

func readUpdates(r *site.Reading) beyondtrust.UpdateStatus {
	s := beyondtrust.UpdateStatus{Text: strings.Join(r.Texts(), " "), Progress: r.Value("updates.progress", nil), AsOf: time.Now()}
	for _, row := range r.Items("updates.row install") {
		if row.Head() == "" {
			continue
		}
		up := beyondtrust.Update{Package: beyondtrust.ParsePackage(row.Head()), Blocked: row.Value("updates.row message", nil)}
		if up.Blocked == "" && !row.Has("updates.row install", nil) {
			up.Blocked = "there is no button in its row" // and so nobody can install it, whatever the page says in words that are not known
		}
		for _, key := range []string{"updates.hostname", "updates.licenses", "updates.expires"} {
			if text := row.Value(key, nil); text != "" {
				up.Details = append(up.Details, beyondtrust.Reading{Label: row.Word(key), Text: text})
			}
		}
		s.Available = append(s.Available, up)
	}
	if r.Has("updates.accept", nil) {
		s.EULA = r.Value("updates.agreement", nil)
	}
	// The page's own word where it has one; else what is on the page. An unknown word is kept.
	s.State = beyondtrust.UpdateState(r.Value("updates.status", nil))
	switch {
	case s.State != "":
	case s.EULA != "":
		s.State = beyondtrust.UpdateEULARequired
	case s.Progress != "":
		s.State = beyondtrust.UpdateInstalling
	case len(s.Available) > 0 || r.Says("updates.there are"):
		s.State = beyondtrust.UpdateAvailable
	}
	return s
}

// Install presses the button in the row of the package.
func (u updates) Install(ctx context.Context, name string) error {
	return u.d.press(ctx, pageUpdates, "updates.install", site.Values{"package": {name}})
}

// AcceptEULA presses Accept if the text is still text.
func (u updates) AcceptEULA(ctx context.Context, text string) error {
	return u.d.visit(ctx, pageUpdates, func(v *site.Visit) error {
		var now beyondtrust.UpdateStatus
		if err := v.Read(func(r *site.Reading) error { now = readUpdates(r); return nil }); err != nil {
			return err
		}
		if text == "" || strings.Join(strings.Fields(now.EULA), " ") != strings.Join(strings.Fields(text), " ") {
			return notPressed("accept the licence agreement: the page shows another text than the one that was agreed to")
		}
		return v.Press("updates.accept", nil)
	})
}

// DownloadKey follows the link and reads the key.
func (u updates) DownloadKey(ctx context.Context) (key beyondtrust.Secret, err error) {
	err = u.d.visit(ctx, pageUpdates, func(v *site.Visit) error {
		if err := v.Press("updates.key", nil); err != nil {
			return err
		}
		var text string
		if err := v.Read(func(r *site.Reading) error { text = r.Must("updates.key value", nil); return nil }); err != nil {
			return err
		}
		key = beyondtrust.NewSecret(text)
		return nil
	})
	return key, err
}

// UpdateSoftware chooses the file and presses the button.
func (u updates) UpdateSoftware(ctx context.Context, fsys fs.FS, name string) error {
	return u.d.visit(ctx, pageUpdates, func(v *site.Visit) error {
		if _, err := v.Attach("updates.file", nil, fsys, name); err != nil {
			return err
		}
		return v.Press("updates.upload", nil)
	})
}

// Installed reads what the page lists as installed.
func (u updates) Installed(ctx context.Context) (out []beyondtrust.Package, err error) {
	err = u.d.visit(ctx, pageUpdates, func(v *site.Visit) error {
		return v.Read(func(r *site.Reading) error {
			out = nil
			if base := r.Value("updates.base", nil); base != "" {
				if p := beyondtrust.ParsePackage(base); p.Class == beyondtrust.PackageBase {
					out = append(out, p)
				} else {
					out = append(out, beyondtrust.Package{Name: "Base Software " + base, Class: beyondtrust.PackageBase, Number: base})
				}
			}
			if title := r.Value("updates.site", nil); title != "" {
				out = append(out, beyondtrust.ParsePackage(title))
			}
			for _, name := range list(r.Value("updates.patches", nil)) {
				out = append(out, beyondtrust.Package{Name: name, Class: beyondtrust.PackagePatch})
			}
			return nil
		})
	})
	return out, err
}

// list reads what is set apart by commas.
func list(text string) (out []string) {
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}
