package pratest

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

type softwarePage struct{ b *Box }

func (p softwarePage) Version(ctx context.Context) (beyondtrust.Version, error) {
	var out beyondtrust.Version
	err := p.b.see(ctx, beyondtrust.MenuInformation, func(v *view) {
		out.Number, _ = v.read("", beyondtrust.LabelProductVersion)
		out.Build, _ = v.read("", beyondtrust.LabelProductBuild)
	})
	return out, err
}

func (p softwarePage) DownloadBackup(ctx context.Context, w io.Writer, opts beyondtrust.BackupPageOptions) error {
	word, err := opts.Password.Reveal()
	if err != nil {
		return fmt.Errorf("%w: %w", beyondtrust.ErrNotPressed, err)
	}
	group := beyondtrust.SectionBackupSettings + " > "
	return p.save(ctx, w, beyondtrust.ButtonDownloadBackup, map[string]string{
		group + labelBackupPassword: word, group + labelConfirm: word, group + labelHistory: string(beyondtrust.SwitchOf(opts.LogHistory)),
	})
}

func (p softwarePage) DownloadVaultKey(ctx context.Context, w io.Writer, password beyondtrust.Secret) error {
	word, err := password.Reveal()
	if err != nil {
		return fmt.Errorf("%w: %w", beyondtrust.ErrNotPressed, err)
	}
	return p.save(ctx, w, buttonVault, map[string]string{sectionVault + " > " + labelVaultPassword: word})
}

// save presses a button and writes the file it gives to w.
func (p softwarePage) save(ctx context.Context, w io.Writer, label string, set map[string]string) error {
	_, file, err := p.b.pushFor(ctx, beyondtrust.MenuSoftware, "", label, set, nil)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, file)
	return err
}

func (p softwarePage) Restore(ctx context.Context, fsys fs.FS, name string, password beyondtrust.Secret) error {
	word, err := password.Reveal()
	if err != nil {
		return fmt.Errorf("%w: %w", beyondtrust.ErrNotPressed, err)
	}
	group := beyondtrust.SectionRestoreSettings + " > "
	return p.b.pushFile(ctx, beyondtrust.MenuSoftware, beyondtrust.ButtonUploadBackup, group+labelBackupFile, fsys, name,
		map[string]string{group + labelBackupPassword: word})
}

type statusPage struct{ b *Box }

func (p statusPage) Basics(ctx context.Context) (beyondtrust.Basics, error) {
	var out beyondtrust.Basics
	err := p.b.see(ctx, beyondtrust.MenuBasics, func(v *view) {
		at := func(label string) string { text, _ := v.read("", label); return text } // "" where the page does not have it
		out = beyondtrust.Basics{
			Time: stamped(at(labelSystemTime)), Serial: at(labelSerial), GUID: at(labelGUID), Base: at(labelBase),
			Version: at(beyondtrust.LabelProductVersion), AsOf: time.Now(),
		}
	})
	return out, err
}

func (p statusPage) Health(ctx context.Context) ([]beyondtrust.Reading, error) {
	var out []beyondtrust.Reading
	err := p.b.see(ctx, beyondtrust.MenuHealth, func(v *view) {
		for _, x := range v.values {
			out = append(out, beyondtrust.Reading{Label: x.label, Text: x.text})
		}
	})
	return out, err
}

func (p statusPage) Reset(ctx context.Context) error {
	return p.b.push(ctx, beyondtrust.MenuBasics, "", beyondtrust.ButtonReset, nil)
}

func (p statusPage) ShutDown(ctx context.Context) error {
	return p.b.push(ctx, beyondtrust.MenuBasics, "", beyondtrust.ButtonShutDown, nil)
}

type securityPage struct{ b *Box }

func (p securityPage) KeyProof(ctx context.Context, nonce []byte) ([]byte, error) {
	var key string
	err := p.b.see(ctx, beyondtrust.MenuSecurity, func(v *view) { key = p.b.st.key })
	if err != nil {
		return nil, err
	}
	return beyondtrust.KeyProof(key, nonce)
}

// stamped reads what stamp wrote; the zero time where there is none.
func stamped(text string) time.Time {
	t, _ := time.Parse(time.RFC3339, text)
	return t
}
