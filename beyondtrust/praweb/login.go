package praweb

import (
	"context"
	"io"
	"io/fs"
	"strconv"
	"strings"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/internal/browser/site"
)

type (
	jumpClients struct{ d *Driver }
	software    struct{ d *Driver }
	security    struct{ d *Driver }
)

const (
	pageJumpClients = "jump clients"
	pageSoftware    = "software"
	pageInformation = "information"
	pageSecurity    = "security"
)

var _ = beyondtrust.Pages{
	Failover: failover{}, Updates: updates{}, Network: network{}, JumpClients: jumpClients{},
	Certificates: certificates{}, Software: software{}, Status: status{}, Security: security{},
}

// Settings reads the page.
func (j jumpClients) Settings(ctx context.Context) (out beyondtrust.JumpClientSettings, err error) {
	err = j.d.visit(ctx, pageJumpClients, func(v *site.Visit) error {
		return v.Read(func(r *site.Reading) error {
			number := func(key string) int {
				n, _ := strconv.Atoi(r.Value("jump clients."+key, nil)) // what is no number is not shown
				return n
			}
			out = beyondtrust.JumpClientSettings{MaxConcurrent: number("concurrent"), MaxBandwidth: number("bandwidth"), ConnectionRate: number("rate")}
			for _, b := range r.Boxes("jump clients.automatic") {
				if b.On {
					out.AutomaticUpgrades = beyondtrust.AutomaticUpgrades(b.Label)
				}
			}
			return nil
		})
	})
	return out, err
}

// Set fills in what is not zero, and saves.
func (j jumpClients) Set(ctx context.Context, s beyondtrust.JumpClientSettings) error {
	return j.d.visit(ctx, pageJumpClients, func(v *site.Visit) error {
		number := func(key string, n int) func() error {
			return func() error {
				if n == 0 {
					return nil
				}
				return v.Set("jump clients."+key, strconv.Itoa(n), nil)
			}
		}
		return steps(
			number("concurrent", s.MaxConcurrent), number("bandwidth", s.MaxBandwidth), number("rate", s.ConnectionRate),
			func() error {
				if s.AutomaticUpgrades == "" {
					return nil
				}
				return v.Pick("jump clients.automatic", site.Values{"choice": {string(s.AutomaticUpgrades)}})
			},
			func() error { return v.Press("jump clients.save", nil) },
		)
	})
}

// Version reads the page Information, which a backup appliance has too.
func (s software) Version(ctx context.Context) (out beyondtrust.Version, err error) {
	err = s.d.visit(ctx, pageInformation, func(v *site.Visit) error {
		return v.Read(func(r *site.Reading) error {
			out = beyondtrust.Version{Number: r.Must("software.version", nil), Build: r.Must("software.build", nil)}
			return nil
		})
	})
	return out, err
}

// DownloadBackup fills in the settings and presses the button.
func (s software) DownloadBackup(ctx context.Context, w io.Writer, opts beyondtrust.BackupPageOptions) error {
	return s.d.visit(ctx, pageSoftware, func(v *site.Visit) error {
		return steps(
			func() error { return set(v, "software.password", opts.Password) },
			func() error { return set(v, "software.confirmation", opts.Password) },
			func() error { return v.Tick("software.history", opts.LogHistory, nil) },
			func() error { _, err := v.Save("software.download", nil, w); return err },
		)
	})
}

// DownloadVaultKey types the password and presses the button.
func (s software) DownloadVaultKey(ctx context.Context, w io.Writer, password beyondtrust.Secret) error {
	return s.d.visit(ctx, pageSoftware, func(v *site.Visit) error {
		return steps(
			func() error { return set(v, "software.vault password", password) },
			func() error { _, err := v.Save("software.vault", nil, w); return err },
		)
	})
}

// Restore chooses the file, types its password, and presses the button.
func (s software) Restore(ctx context.Context, fsys fs.FS, name string, password beyondtrust.Secret) error {
	return s.d.visit(ctx, pageSoftware, func(v *site.Visit) error {
		return steps(
			func() error { _, err := v.Attach("software.file", nil, fsys, name); return err },
			func() error { return set(v, "software.restore password", password) },
			func() error { return v.Press("software.upload", nil) },
		)
	})
}

// KeyProof reads the key from its field and hands out only the proof.
func (s security) KeyProof(ctx context.Context, nonce []byte) (proof []byte, err error) {
	err = s.d.visit(ctx, pageSecurity, func(v *site.Visit) error {
		key, err := v.Reveal("security.key", nil)
		if err != nil {
			return err
		}
		if strings.Trim(key, "*•●") == "" {
			return notPressed("the page shows no key, or hides it")
		}
		proof, err = beyondtrust.KeyProof(key, nonce)
		return err
	})
	return proof, err
}
