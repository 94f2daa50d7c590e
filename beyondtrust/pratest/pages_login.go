package pratest

import (
	"fmt"
	"strconv"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

// Labels of the /login pages that no document has.
const (
	labelBackupPassword  = "Backup Password"
	labelConfirm         = "Confirm Password"
	labelHistory         = "Include logged session reporting data"
	labelBackupFile      = "Backup File"
	labelVaultPassword   = "Vault Encryption Key Password"
	labelVaultFile       = "Vault Encryption Key File"
	buttonVault          = "Download Vault Encryption Key"
	buttonVaultRestore   = "Upload Vault Encryption Key"
	sectionVault         = "Software :: Vault Encryption Key"
	labelClients         = "Jump Clients Connected"
	labelSignedIn        = "Signed In Since"
	labelSessions        = "Sessions"
	labelUserName        = "User Name"
	labelJumpItem        = "Jump Item"
	labelConsoleVersion  = "Version"
	labelConsoleBuild    = "Build"
	buttonSignIn         = "Sign In"
	buttonSignOut        = "Sign Out"
	buttonJump           = "Jump"
	buttonSubmit         = "Submit"
	buttonDownload       = "Download"
	vaultMagic           = "\x00VAULT\x01 simulated key\n"
	labelVaultUsable     = "Vault Accounts"
	textVaultUsable      = "usable"
	textVaultLocked      = "not usable without their key"
	maxConcurrentUpgrade = 500 // Remote Support 24.3
	maxBandwidth         = 100
	maxConnectionRate    = 300
)

func softwareView(b *Box) *view {
	v := &view{heading: b.word("Software Management", "Software"), texts: b.message(beyondtrust.MenuSoftware)}
	vault := textVaultLocked
	if b.st.data.vaultKey {
		vault = textVaultUsable
	}
	v.values = []value{
		{beyondtrust.LabelProductVersion, b.st.version}, {beyondtrust.LabelProductBuild, b.st.build}, {labelVaultUsable, vault},
	}
	set, restore := beyondtrust.SectionBackupSettings, beyondtrust.SectionRestoreSettings
	v.fields = []field{
		{group: set, label: labelBackupPassword, kind: fieldPassword},
		{group: set, label: labelConfirm, kind: fieldPassword},
		{group: set, label: labelHistory, kind: fieldBox, value: string(beyondtrust.Off)},
		{group: sectionVault, label: labelVaultPassword, kind: fieldPassword},
		{group: sectionVault, label: labelVaultFile, kind: fieldFile},
		{group: restore, label: labelBackupFile, kind: fieldFile},
		{group: restore, label: labelBackupPassword, kind: fieldPassword},
	}
	at := func(in input, group, label string) string { return in.values[group+" > "+label] }
	v.buttons = []button{
		{group: set, label: beyondtrust.ButtonDownloadBackup, gives: true, do: func(in input) (*download, error) {
			word := at(in, set, labelBackupPassword)
			if again := at(in, set, labelConfirm); again != "" && again != word {
				return nil, refuse("The passwords differ.")
			}
			f := b.takeBackup(word, in.on(set+" > "+labelHistory))
			d := &download{name: b.backupName()}
			d.body, d.size = f.file(b.BackupSize)
			return d, nil
		}},
		{group: sectionVault, label: buttonVault, gives: true, do: func(in input) (*download, error) {
			return b.vaultKey(at(in, sectionVault, labelVaultPassword))
		}},
		{group: sectionVault, label: buttonVaultRestore, do: nothing(func(in input) *refusal {
			return b.restoreVaultKey(in.files[sectionVault+" > "+labelVaultFile], at(in, sectionVault, labelVaultPassword))
		})},
		{group: restore, label: beyondtrust.ButtonUploadBackup, do: nothing(func(in input) *refusal {
			up, ok := in.files[restore+" > "+labelBackupFile]
			if !ok {
				return refuse("Choose a file first.")
			}
			f, err := up.backup(at(in, restore, labelBackupPassword))
			if err != nil {
				return refuse(err.Error())
			}
			return b.restore(f)
		})},
	}
	return v
}

func securityView(b *Box) *view {
	v := &view{heading: "Management :: Security", texts: b.message(beyondtrust.MenuSecurity)}
	v.fields = []field{{label: beyondtrust.LabelInterApplianceKey, kind: fieldPassword, value: b.st.key}}
	v.buttons = []button{{label: beyondtrust.ButtonSave, do: nothing(func(in input) *refusal {
		b.site.judge(b, light, "save the key")
		b.st.key = in.values[beyondtrust.LabelInterApplianceKey]
		b.changed(beyondtrust.LabelInterApplianceKey)
		return nil
	})}}
	return v
}

// changed notes that a person changed a setting of b.
func (b *Box) changed(what string) {
	b.st.data.changed = b.site.w.now
	b.site.note(b, Setting, "%s", what)
}

func apiView(b *Box) *view {
	v := &view{heading: "Management :: API Configuration"}
	v.fields = []field{{label: beyondtrust.BoxEnableXMLAPI, kind: fieldBox, value: string(beyondtrust.SwitchOf(!b.site.Switches.NoXML))}}
	v.buttons = []button{{label: beyondtrust.ButtonSave, do: nothing(func(in input) *refusal {
		b.site.Switches.NoXML = !in.on(beyondtrust.BoxEnableXMLAPI)
		b.changed(beyondtrust.BoxEnableXMLAPI)
		return nil
	})}}
	return v
}

func jumpClientsView(b *Box) *view {
	t := b.throttle()
	v := &view{heading: "Jump :: Jump Clients", texts: b.message(beyondtrust.MenuJumpClients)}
	concurrent := b.word(beyondtrust.LabelMaxConcurrentUpgrades, beyondtrust.LabelMaxConcurrentUpgradesNewer)
	v.fields = []field{
		{label: concurrent, kind: fieldText, value: strconv.Itoa(t.MaxConcurrent)},
		{label: beyondtrust.LabelMaxBandwidth, kind: fieldText, value: strconv.Itoa(t.MaxBandwidth)},
		{label: beyondtrust.LabelConnectionRate, kind: fieldText, value: strconv.Itoa(t.ConnectionRate)},
		{label: beyondtrust.LabelAutomaticUpgrades, kind: fieldChoice, value: string(t.AutomaticUpgrades), options: []string{
			string(beyondtrust.UpgradesDisabled), string(beyondtrust.UpgradesThisCycle), string(beyondtrust.UpgradesEnabled),
		}},
	}
	v.buttons = []button{{label: beyondtrust.ButtonSave, do: nothing(func(in input) *refusal {
		b.site.judge(b, light, "save the Jump Client settings")
		number := func(label string) int { n, _ := strconv.Atoi(in.values[label]); return n } // 0 is refused below
		return b.setThrottle(beyondtrust.JumpClientSettings{
			MaxConcurrent: number(concurrent), MaxBandwidth: number(beyondtrust.LabelMaxBandwidth), ConnectionRate: number(beyondtrust.LabelConnectionRate),
			AutomaticUpgrades: beyondtrust.AutomaticUpgrades(in.values[beyondtrust.LabelAutomaticUpgrades]),
		})
	})}}
	return v
}

// setThrottle saves the settings, all of them or none.
func (b *Box) setThrottle(t beyondtrust.JumpClientSettings) *refusal {
	for _, x := range []struct {
		label   string
		n, most int
	}{
		{beyondtrust.LabelMaxConcurrentUpgrades, t.MaxConcurrent, maxConcurrentUpgrade},
		{beyondtrust.LabelMaxBandwidth, t.MaxBandwidth, maxBandwidth},
		{beyondtrust.LabelConnectionRate, t.ConnectionRate, maxConnectionRate},
	} {
		if x.n < 1 || x.n > x.most {
			return refuse(fmt.Sprintf("%s: enter a number from 1 to %d.", x.label, x.most))
		}
	}
	d := &b.st.data
	d.concurrent, d.bandwidth, d.rate, d.automatic = t.MaxConcurrent, t.MaxBandwidth, t.ConnectionRate, t.AutomaticUpgrades
	b.changed(fmt.Sprintf("%d concurrent Jump Client upgrades, %d MiB/s, %d/s, %s", d.concurrent, d.bandwidth, d.rate, d.automatic))
	if b.site.w.fleet.home == b {
		b.site.tick()
	}
	return nil
}

func informationView(b *Box) *view {
	return &view{heading: "Status :: Information", values: []value{
		{beyondtrust.LabelProductVersion, b.st.version}, {beyondtrust.LabelProductBuild, b.st.build}, {beyondtrust.LabelPrimaryHostname, b.site.Name},
		{labelClients, strconv.Itoa(b.site.pinned(b))},
	}}
}

func usersView(b *Box) *view {
	v := &view{heading: "Status :: Users"}
	for _, u := range b.st.users {
		v.rows = append(v.rows, row{name: u.name, values: []value{{labelSignedIn, stamp(b.appTime(u.since))}, {labelSessions, strconv.Itoa(u.sessions())}}})
	}
	return v
}
