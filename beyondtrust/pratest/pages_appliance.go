package pratest

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

// Labels of the /appliance pages that no document has.
const (
	labelStatus      = "Status"
	labelProgress    = "Progress"
	labelAgreement   = "License Agreement"
	labelBlocked     = "Message"
	labelFile        = "Package File"
	labelBase        = "Base Software"
	labelSite        = "Site Software"
	labelPatches     = "Patches"
	labelSystemTime  = "System Time"
	labelSerial      = "Serial Number"
	labelGUID        = "Appliance GUID"
	labelInterface   = "Interface"
	buttonAccept     = "Accept"
	labelTestHost    = "Host Name or IP Address"
	labelTestPort    = "Port"
	labelTestResult  = "Result"
	buttonTest       = "TCP Connection Test"
	textStillRunning = "The update is being installed. Do not restart the appliance."
)

func updatesView(b *Box) *view {
	u := &b.st.updates
	v := &view{heading: beyondtrust.HeadingUpdates, texts: b.message(beyondtrust.MenuUpdates)}
	status := string(u.state)
	if status == "" {
		status = string(beyondtrust.UpdateIdle)
	}
	v.values = []value{{labelStatus, status}}
	if u.text != "" {
		v.texts = append(v.texts, u.text)
	}
	if b.installing() {
		v.values = append(v.values, value{labelProgress, textStillRunning})
	}
	v.values = append(v.values,
		value{labelBase, b.st.base}, value{labelSite, siteTitle(b)}, value{labelPatches, strings.Join(b.st.patches, ", ")},
	)
	v.values = append(v.values, value{beyondtrust.LinkDownloadKey, b.downloadKey()})
	if text := b.eula(); text != "" {
		v.values = append(v.values, value{labelAgreement, text})
		v.buttons = append(v.buttons, button{label: buttonAccept, do: nothing(func(input) *refusal { return b.acceptEULA() })})
	}
	if !(b.site.Switches.NoAutomatic && b.related()) {
		v.buttons = append(v.buttons, button{
			label: b.word(beyondtrust.ButtonCheckForUpdates, beyondtrust.ButtonCheckForUpdatesNewer),
			do:    nothing(func(input) *refusal { return b.checkForUpdates() }),
		})
	}
	v.buttons = append(v.buttons, button{label: beyondtrust.LinkDownloadKey, link: true, do: nothing(func(input) *refusal { return nil })})
	v.fields = []field{{group: beyondtrust.SectionManualInstallation, label: labelFile, kind: fieldFile}}
	v.buttons = append(v.buttons, button{group: beyondtrust.SectionManualInstallation, label: beyondtrust.ButtonUpdateSoftware, do: nothing(func(in input) *refusal {
		up, ok := in.files[v.fields[0].name()]
		switch {
		case !ok:
			return refuse("Choose a file first.")
		case up.pkgErr != nil:
			b.site.judge(b, light, "upload")
			return refuse(up.pkgErr.Error())
		}
		return b.updateSoftware(up.pkg, up.guid)
	})})
	v.caption = beyondtrust.SectionAvailableUpdates
	if u.checked {
		for _, p := range b.offered() {
			v.rows = append(v.rows, b.updateRow(p))
		}
	}
	return v
}

// siteTitle is the site software as its row would be called; empty on a factory-new appliance.
func siteTitle(b *Box) string {
	if b.st.factory {
		return ""
	}
	return "BeyondTrust-" + b.st.version
}

// updateRow is a row of the available updates: with a button, or with the reason why there is none.
func (b *Box) updateRow(p Package) row {
	r := row{name: p.Name}
	if why := b.blocked(p); why != "" {
		r.values = append(r.values, value{labelBlocked, why})
	} else {
		r.buttons = []button{{label: beyondtrust.ButtonInstallThisUpdate, do: nothing(func(input) *refusal { return b.installUpdate(p) })}}
	}
	for _, d := range b.details(p) {
		r.values = append(r.values, value{d.Label, d.Text})
	}
	return r
}

// details are the lines under a site package.
func (b *Box) details(p Package) []beyondtrust.Reading {
	if p.Class != beyondtrust.PackageSite {
		return nil
	}
	return []beyondtrust.Reading{
		{Label: beyondtrust.LabelPrimaryHostname, Text: b.site.Name}, {Label: beyondtrust.LabelLicenses, Text: "15"}, {Label: beyondtrust.LabelExpires, Text: p.Until},
	}
}

func networkView(b *Box) *view {
	v := &view{heading: "Networking :: IP Configuration", texts: b.message(beyondtrust.MenuIPConfiguration)}
	for _, i := range b.st.ips {
		addr := i.addr
		edit := &form{
			fields: []field{{label: beyondtrust.BoxEnabled, kind: fieldBox, value: string(beyondtrust.SwitchOf(i.enabled))}},
			buttons: []button{{label: beyondtrust.ButtonSaveChanges, do: nothing(func(in input) *refusal {
				return b.saveAddress(addr, in.on(beyondtrust.BoxEnabled))
			})}},
		}
		v.rows = append(v.rows, row{
			name: addr.String(), values: []value{{labelInterface, i.iface}},
			form: form{buttons: []button{{label: addr.String(), link: true, sub: edit, title: "Networking :: IP Configuration :: Edit"}}},
		})
	}
	return v
}

// saveAddress is Save Changes of one address.
func (b *Box) saveAddress(addr netip.Addr, enabled bool) *refusal {
	if b.has(addr) != enabled {
		b.site.judge(b, heavy, fmt.Sprintf("%v enabled %t", addr, enabled))
		if addr == b.Addr && !enabled {
			b.site.violate(b, RuleTakenOutOfService, "its own address %v disabled", addr)
		}
	}
	if err := b.site.setEnabled(b, addr, enabled); err != nil {
		return refuse(err.Error())
	}
	return nil
}

func basicsView(b *Box) *view {
	version := b.st.version
	if b.st.factory {
		version = ""
	}
	return &view{
		heading: "Status :: Basics", texts: b.message(beyondtrust.MenuBasics),
		values: []value{
			{labelSystemTime, stamp(b.clock())}, {labelSerial, b.Serial}, {labelGUID, strings.ToUpper(b.GUID)},
			{labelBase, b.st.base}, {beyondtrust.LabelProductVersion, version},
		},
		form: form{buttons: []button{
			{label: beyondtrust.ButtonReset, do: nothing(func(input) *refusal { b.factoryReset(); return nil })},
			{label: beyondtrust.ButtonShutDown, do: nothing(func(input) *refusal { b.shutDown(); return nil })},
		}},
	}
}

// readings are what Status > Health shows; its words are not public.
func (b *Box) readings() []beyondtrust.Reading {
	return []beyondtrust.Reading{{Label: "CPU", Text: "OK"}, {Label: "Memory", Text: "OK"}, {Label: "Disk", Text: "41 % used"}}
}

func healthView(b *Box) *view {
	v := &view{heading: "Status :: Health"}
	for _, r := range b.readings() {
		v.values = append(v.values, value{r.Label, r.Text})
	}
	return v
}

// utilitiesView has the TCP Connection Test, to be run from each appliance to the other when roles cannot be changed (Resolving Conflicts).
func utilitiesView(b *Box) *view {
	v := &view{heading: "Support :: Utilities", values: []value{{labelTestResult, b.st.message[labelTestResult]}}}
	v.fields = []field{{label: labelTestHost, kind: fieldText}, {label: labelTestPort, kind: fieldText, value: "443"}}
	v.buttons = []button{{label: buttonTest, do: nothing(func(in input) *refusal {
		b.st.message[labelTestResult] = "failed"
		if x := b.site.at(in.values[labelTestHost], in.values[labelTestPort]); x != nil {
			b.st.message[labelTestResult] = "connected"
		}
		return nil
	})}}
	return v
}
