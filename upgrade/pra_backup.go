package upgrade

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

// BackupPRA returns the step that takes a backup of the software settings into artifacts over the Backup API, and proves that it is one: a refusal has been seen with status 200. A
// backup older than maxAge (default 12 hours) is taken again by every run that will act. Its artifact is named after host and version.
//
// Not in it: session recordings, the Vault encryption key, and the settings of /appliance (Management, Privileged Remote Access). An appliance that is a failover
// backup may not give one: take it on the primary.
func BackupPRA(p PRA, a Artifacts, maxAge time.Duration) Step {
	return praBackup(p, "pra", maxAge).step(a)
}

// backupBefore is a backup that an earlier one does not replace: the one after Base software and before the next package.
func backupBefore(p PRA, a Artifacts, u PRAUpdate, title string) Step {
	s := praBackup(p, "pra-before-"+plainName(title), u.BackupMaxAge).step(a)
	s.Name = "backup before " + title
	observe := s.Observe
	s.Observe = func(ctx context.Context, look Look) (Observation, error) {
		h, err := p.health(ctx)
		if err != nil {
			return praCannot(look, err)
		}
		if u.reached(h.Version, beyondtrust.ParsePackage(title).Number) {
			return See(Done, nil, "%s is installed already", title), nil
		}
		return observe(ctx, look)
	}
	return s
}

func praBackup(p PRA, kind string, maxAge time.Duration) backup {
	return backup{
		kind: kind, on: p.Host(), suffix: ".nsb", maxAge: orElse(maxAge, DefaultBackupAge),
		who: func(ctx context.Context) (string, string, error) {
			h, err := p.health(ctx)
			return h.Hostname, h.Version.Number + "_" + h.Version.Build, err
		},
		cannot: func(err error) (Observation, error) { return praCannot(Look{}, err) },
		write:  func(ctx context.Context, w io.Writer) (string, error) { return "", p.Client.Backup(ctx, w) },
		check:  func(_ string, head []byte) error { return beyondtrust.CheckBackup(head) },
		handedIn: func(name, host string) bool {
			return strings.HasPrefix(strings.ToLower(name), strings.ToLower(host)) && strings.HasSuffix(name, ".nsb")
		},
		advice: "Look whether the API account may take backups, and whether the appliance is the primary. Without a backup there is no way back but the vendor's support.",
	}
}
