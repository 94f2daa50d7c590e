package pratest

import (
	"strconv"
	"strings"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

// Labels of the Failover page that no document has.
const (
	labelThisHost   = "This Host"
	labelRole       = "Role"
	labelPeerHost   = "Peer Host"
	labelPeerRole   = "Peer Role"
	labelChecked    = "Last Status Check"
	labelLastSync   = "Last Data Sync"
	labelSyncStatus = "Last Data Sync Status"
	labelSyncing    = "Data Sync Running"
	labelForce      = "Become backup even if the peer cannot be contacted"
	labelOperations = "Enable Backup Operations"
	labelSharedIP   = "Shared IP"

	noteConflict = beyondtrust.TextConflict + " Both of them are either primary or backup, which is an unexpected situation. " +
		"“Fix This Error” command will resolve any configuration problems."
)

func failoverView(b *Box) *view {
	v := &view{heading: beyondtrust.HeadingFailover, texts: b.message(beyondtrust.MenuFailover)}
	if b.st.role == beyondtrust.RoleNone || b.st.peer == nil {
		unconfigured(b, v)
		return v
	}
	configured(b, v)
	return v
}

// unconfigured is the page of an appliance that stands alone, with the guide's words.
func unconfigured(b *Box, v *view) {
	v.texts = append(v.texts, beyondtrust.TextNotConfigured, beyondtrust.SectionSetupRelationship)
	v.values = []value{{labelThisHost, b.Name}, {labelRole, string(b.st.role)}}
	host, port := b.word(beyondtrust.LabelHost, beyondtrust.LabelHostNewer), b.word(beyondtrust.LabelPort, beyondtrust.LabelPortNewer)
	for _, g := range []string{beyondtrust.GroupNewBackup, beyondtrust.GroupReverse} {
		v.fields = append(v.fields, field{group: g, label: host, kind: fieldText}, field{group: g, label: port, kind: fieldText, value: "443"})
	}
	v.buttons = []button{{label: beyondtrust.ButtonEstablish, do: nothing(func(in input) *refusal {
		end := func(group string) (e beyondtrust.Endpoint, err error) {
			e.Host = strings.TrimSpace(in.values[group+" > "+host])
			e.Port, err = strconv.Atoi(in.values[group+" > "+port])
			return e, err
		}
		backup, err1 := end(beyondtrust.GroupNewBackup)
		primary, err2 := end(beyondtrust.GroupReverse)
		if err1 != nil || err2 != nil || backup.Host == "" || primary.Host == "" {
			return refuse("Enter a valid hostname or IP address and TLS port number in all fields.")
		}
		return b.establish(beyondtrust.Establish{Backup: backup, Primary: primary})
	})}}
}

// configured is the page of one in a relationship.
func configured(b *Box, v *view) {
	st := b.st
	syncing := string(beyondtrust.SwitchOf(st.syncing != nil || st.stuckSyncing))
	if b.site.Switches.NoSyncing {
		syncing = ""
	}
	v.texts = append(v.texts, b.sentence())
	peerRole := b.peerSeen()
	v.values = []value{
		{labelThisHost, b.Name}, {labelRole, string(st.role)}, {labelPeerHost, st.peer.Name}, {labelPeerRole, string(peerRole)},
		{labelChecked, stamp(b.appTime(st.peerSeenAt))}, {labelLastSync, stamp(st.lastSync)}, {labelSyncStatus, b.syncWord()}, {labelSyncing, syncing},
	}
	become, other := beyondtrust.RoleBackup, beyondtrust.ButtonBecomeBackup
	if st.role == beyondtrust.RoleBackup {
		become, other = beyondtrust.RolePrimary, beyondtrust.ButtonBecomePrimary
	}
	first := beyondtrust.BoxDataSyncFirst + " " + st.peer.Name + " while becoming the " + string(become)
	v.fields = []field{{label: first, kind: fieldBox, value: string(beyondtrust.Off)}}
	if st.role == beyondtrust.RolePrimary {
		v.fields = append(v.fields, field{label: labelForce, kind: fieldBox, value: string(beyondtrust.Off)})
	}
	v.fields = append(v.fields,
		field{label: beyondtrust.BoxAutomaticFailover, kind: fieldBox, value: string(beyondtrust.SwitchOf(st.automatic))},
		field{label: labelOperations, kind: fieldBox, value: string(beyondtrust.SwitchOf(st.operations))},
	)
	if b.SharedIP.IsValid() {
		v.fields = append(v.fields, field{label: labelSharedIP + " " + b.SharedIP.String(), kind: fieldBox, value: string(beyondtrust.SwitchOf(st.ticked))})
	}
	v.buttons = []button{
		{label: beyondtrust.ButtonSyncNow, do: nothing(func(input) *refusal { return b.syncNow() })},
		{label: other, do: nothing(func(in input) *refusal {
			_, err := b.setRole(become, in.on(first), in.on(labelForce))
			return err
		})},
		{label: beyondtrust.ButtonBreak, do: nothing(func(input) *refusal { return b.breakUp() })},
		{label: beyondtrust.ButtonSave, do: nothing(func(in input) *refusal {
			b.site.judge(b, light, "save the failover settings")
			st.automatic, st.operations = in.on(beyondtrust.BoxAutomaticFailover), in.on(labelOperations)
			if b.SharedIP.IsValid() {
				st.ticked = in.on(labelSharedIP + " " + b.SharedIP.String())
			}
			b.changed("failover settings")
			return nil
		})},
	}
	if b.inConflict() {
		v.buttons = append(v.buttons, button{label: beyondtrust.ButtonFixThisError, do: nothing(func(input) *refusal { return b.fix() })})
	}
}

// sentence is what the page says about the relationship.
func (b *Box) sentence() string {
	switch {
	case b.inConflict():
		return noteConflict
	case b.st.role == beyondtrust.RolePrimary:
		return "You are on the primary site instance."
	case b.st.role == beyondtrust.RoleBackup:
		return "You are on the backup site instance."
	}
	return beyondtrust.TextNotConfigured
}
