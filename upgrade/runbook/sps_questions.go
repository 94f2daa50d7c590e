package runbook

import (
	"context"

	"github.com/changeover-sdk/changeover/sps"
	"github.com/changeover-sdk/changeover/upgrade"
)

// spsQuestions are the items of the vendor's checklist that no look can prove. Each is asked once, journaled with who answered,
// and passes unasked on a node that runs the target already.
func spsQuestions(c *sps.Client, v sps.Version, virtual bool) []upgrade.Step {
	ask := func(ref, name, question string) upgrade.Step {
		return upgrade.BeforeUpgrade(c, v, upgrade.Confirm(name, question)).At(ref)
	}
	steps := []upgrade.Step{
		ask("checklist", "support account", "Is there a valid support portal account with maintenance, so that the vendor would help tonight? Registration may take two working days."),
		ask("checklist", "release notes", "Have the release notes of "+v.String()+" been read, and what they ask for been done?"),
		ask("checklist", "tried before", "Has this upgrade been tried in a non-production environment?"),
		ask("checklist", "core files", "Have the core files under "+sps.PageCoreFiles+" been exported, or does nobody need them? The upgrade deletes them."),
		ask("checklist", "console", "Can somebody reach the appliance's console now, by IPMI, at the machine or through the hypervisor? A sealed appliance has no other way in."),
		onNewLine(c, v, ask("caution", "upgrade guide", "The first two numbers of the version change. Has the \"How to upgrade\" guide of "+v.String()+" been read? It outranks the Administration Guide.")),
		onNewLine(c, v, ask("release notes", "weak certificates", "Are there no RSA or DSA keys under 2048 bit, no ECC keys under 224 bit and no SHA-1 or MD5 signatures in use on web interface, internal CA, connection policies, LDAP, SMTP, syslog, indexer and trust stores? From 6.10.0 on they stop the upgrade.")),
		onNewLine(c, v, ask("upgrade guide", "plug-ins", "Do the installed plug-ins run on "+v.String()+", or are newer ones at hand?")),
	}
	if v.LTS() {
		steps = append(steps, onNewLine(c, v, ask("upgrade guide", "licence", v.String()+" is a new long-term supported release. Is a licence file for it at hand? Every one needs a new one.")))
	}
	if virtual {
		steps = append(steps,
			ask("checklist", "snapshot", "Has a snapshot of the virtual machine been taken? It is the way back."),
			ask("checklist", "console redirection", "Is console redirection of the virtual machine on?"))
	}
	return steps
}

// onNewLine asks only when the first two numbers of the version change.
func onNewLine(c *sps.Client, v sps.Version, s upgrade.Step) upgrade.Step {
	observe := s.Observe
	s.Observe = func(ctx context.Context, look upgrade.Look) (upgrade.Observation, error) {
		info, err := c.Info(ctx)
		if err == nil && info.Firmware.SameLine(v) {
			return upgrade.See(upgrade.Done, nil, "%s to %s stays within its line", info.Firmware, v), nil
		}
		return observe(ctx, look)
	}
	return s
}

// testConnection asks for what no API shows: that the appliance does its work again. Traffic that was stopped for the time being is found here.
func testConnection(c *sps.Client) upgrade.Step {
	s := upgrade.Confirm("test connection", "Has a test connection through a real policy worked, was it recorded, and does the search find it?")
	s.On = []string{c.Host()}
	return s.At("after")
}
