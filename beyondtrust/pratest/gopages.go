package pratest

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

// Pages returns what a page driver of this appliance would be: the same pages that [Box.Press] and [Box.Read] know and that the HTML shows, read and pressed
// in Go. All planned faults apply.
func (b *Box) Pages() beyondtrust.Pages {
	return beyondtrust.Pages{
		Failover: failoverPage{b}, Updates: updatesPage{b}, Network: networkPage{b}, JumpClients: jumpClientsPage{b},
		Certificates: certificatesPage{b}, Software: softwarePage{b}, Status: statusPage{b}, Security: securityPage{b},
	}
}

// push presses a button without files and without what it gives.
func (b *Box) push(ctx context.Context, where, row, label string, set map[string]string) error {
	_, _, err := b.pushFor(ctx, where, row, label, set, nil)
	return err
}

func (b *Box) pushFor(ctx context.Context, where, row, label string, set map[string]string, files map[string]upload) (string, io.Reader, error) {
	d, err := b.press(ctx, where, row, label, set, b.questionOf(where, row, label), files)
	if err != nil {
		return "", nil, fmt.Errorf("pratest: press %q on %q of %s: %w", label, where, b.Name, err)
	}
	if d == nil {
		return "", nil, nil
	}
	return d.name, d.body, nil
}

// questionOf is the dialog that a driver confirms, whichever it is.
func (b *Box) questionOf(where, row, label string) string {
	defer b.enter()()
	if _, bt, _, err := b.find(where, row, label); err == nil {
		return b.question(bt)
	}
	return ""
}

// see reads a page in Go: the faults of a look, then f under the lock.
func (b *Box) see(ctx context.Context, where string, f func(v *view)) error {
	v, err := b.look(ctx, where)
	if err != nil {
		return fmt.Errorf("pratest: read %q of %s: %w", where, b.Name, err)
	}
	defer b.enter()()
	f(v)
	return nil
}

type failoverPage struct{ b *Box }

func (p failoverPage) Failover(ctx context.Context) (beyondtrust.FailoverStatus, error) {
	var out beyondtrust.FailoverStatus
	err := p.b.see(ctx, beyondtrust.MenuFailover, func(v *view) {
		at := func(label string) string { text, _ := v.read("", label); return text } // "" where the page does not have it
		out = beyondtrust.FailoverStatus{
			Relation: beyondtrust.RelationNone, Host: at(labelThisHost), Role: beyondtrust.Role(at(labelRole)), PeerHost: at(labelPeerHost),
			PeerRole: beyondtrust.Role(at(labelPeerRole)), Checked: stamped(at(labelChecked)), LastSync: stamped(at(labelLastSync)),
			LastSyncStatus: at(labelSyncStatus), Syncing: beyondtrust.Switch(at(labelSyncing)),
			Automatic: beyondtrust.Switch(at(beyondtrust.BoxAutomaticFailover)), Operations: beyondtrust.Switch(at(labelOperations)),
			Text: strings.Join(v.texts, " "), AsOf: time.Now(),
		}
		if out.PeerHost != "" {
			out.Relation = beyondtrust.RelationOf(out.Role, out.PeerRole)
		}
		if strings.Contains(out.Text, beyondtrust.TextConflict) {
			out.Relation = beyondtrust.RelationConflict
		}
		for _, f := range v.fields {
			if ip, ok := strings.CutPrefix(f.label, labelSharedIP+" "); ok && f.value == string(beyondtrust.On) {
				out.SharedIPs = append(out.SharedIPs, netip.MustParseAddr(ip))
			}
		}
	})
	return out, err
}

func (p failoverPage) SyncNow(ctx context.Context) error {
	return p.b.push(ctx, beyondtrust.MenuFailover, "", beyondtrust.ButtonSyncNow, nil)
}

func (p failoverPage) Break(ctx context.Context) error {
	return p.b.push(ctx, beyondtrust.MenuFailover, "", beyondtrust.ButtonBreak, nil)
}

func (p failoverPage) Establish(ctx context.Context, form beyondtrust.Establish) error {
	set := map[string]string{}
	host, port := beyondtrust.LabelHost, beyondtrust.LabelPort
	if p.b.newer() {
		host, port = beyondtrust.LabelHostNewer, beyondtrust.LabelPortNewer
	}
	for group, e := range map[string]beyondtrust.Endpoint{beyondtrust.GroupNewBackup: form.Backup, beyondtrust.GroupReverse: form.Primary} {
		set[group+" > "+host] = e.Host
		if e.Port != 0 {
			set[group+" > "+port] = strconv.Itoa(e.Port)
		}
	}
	return p.b.push(ctx, beyondtrust.MenuFailover, "", beyondtrust.ButtonEstablish, set)
}

func (b *Box) newer() bool {
	defer b.enter()()
	return b.site.Switches.Newer
}

func (p failoverPage) Become(ctx context.Context, role beyondtrust.Role, opts beyondtrust.BecomeOptions) error {
	label := beyondtrust.ButtonBecomeBackup
	if role == beyondtrust.RolePrimary {
		label = beyondtrust.ButtonBecomePrimary
	}
	set := map[string]string{beyondtrust.BoxDataSyncFirst: string(beyondtrust.SwitchOf(opts.DataSyncFirst))}
	if opts.Force {
		set[labelForce] = string(beyondtrust.On)
	}
	return p.b.push(ctx, beyondtrust.MenuFailover, "", label, set)
}
