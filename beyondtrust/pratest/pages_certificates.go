package pratest

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

// Labels of the Certificates page that no document has.
const (
	labelIssuedBy    = "Issued By"
	labelNames       = "Alternative Names"
	labelExpiration  = "Expiration"
	labelPrivateKey  = "Private Key"
	labelAssigned    = "Assigned IP"
	labelWarnings    = "Warnings"
	labelCertificate = "Certificate"
	labelChain       = "Certificate Chain"
	labelPassphrase  = "Passphrase"
	labelCertFile    = "Certificate File"
)

func certificatesView(b *Box) *view {
	v := &view{heading: beyondtrust.HeadingCertificates, texts: b.message(beyondtrust.MenuCertificates)}
	imported := &form{
		fields: []field{{label: labelCertFile, kind: fieldFile}, {label: labelPassphrase, kind: fieldPassword}},
		buttons: []button{{label: beyondtrust.ButtonUpload, do: nothing(func(in input) *refusal {
			up, ok := in.files[labelCertFile]
			if !ok {
				return refuse("Choose a file first.")
			}
			return b.importCertificate(up, in.values[labelPassphrase])
		})}},
	}
	v.buttons = []button{{label: beyondtrust.ButtonImport, link: true, sub: imported, title: beyondtrust.SectionInstallation}}
	for _, c := range b.st.certs {
		v.rows = append(v.rows, b.certificateRow(c))
	}
	return v
}

// certificateRowName is the row's name: who the certificate is issued to, and by whom where that alone is not enough.
func (b *Box) certificateRowName(c *certificate) string {
	n := 0
	for _, o := range b.st.certs {
		if o.issuedTo() == c.issuedTo() {
			n++
		}
	}
	if n > 1 {
		return c.issuedTo() + ", issued by " + c.issuedBy()
	}
	return c.issuedTo()
}

func (b *Box) certificateRow(c *certificate) row {
	facts := c.row(b.clock())
	var assigned []string
	for _, a := range facts.Assigned {
		assigned = append(assigned, a.String())
	}
	r := row{name: b.certificateRowName(c), values: []value{
		{beyondtrust.LabelIssuedTo, facts.IssuedTo}, {labelIssuedBy, facts.IssuedBy}, {labelNames, strings.Join(facts.Names, ", ")},
		{labelExpiration, stamp(facts.NotAfter)}, {labelPrivateKey, string(facts.PrivateKey)},
		{labelAssigned, strings.Join(assigned, ", ")}, {labelWarnings, strings.Join(facts.Warnings, " ")},
	}}
	on := string(beyondtrust.On)
	export := &form{
		fields: []field{
			{label: labelCertificate, kind: fieldBox, value: on}, {label: labelPrivateKey, kind: fieldBox, value: on},
			{label: labelChain, kind: fieldBox, value: on}, {label: labelPassphrase, kind: fieldPassword},
		},
		buttons: []button{{label: beyondtrust.ButtonExport, gives: true, do: func(in input) (*download, error) {
			return b.exportCertificate(c, in)
		}}},
	}
	r.buttons = []button{{label: beyondtrust.ButtonExport, link: true, sub: export, title: beyondtrust.HeadingExport}}
	if b.site.Switches.NoAssign {
		return r
	}
	assign := &form{buttons: []button{{label: beyondtrust.ButtonSaveConfiguration, do: nothing(func(in input) *refusal {
		b.site.judge(b, light, "assign a certificate")
		var addrs []netip.Addr
		for _, i := range b.st.ips {
			if in.on(i.addr.String()) {
				addrs = append(addrs, i.addr)
			}
		}
		b.assign(c, addrs)
		return nil
	})}}}
	for _, i := range b.st.ips {
		assign.fields = append(assign.fields, field{
			label: i.addr.String(), kind: fieldBox, value: string(beyondtrust.SwitchOf(slices.Contains(c.assigned, i.addr))),
		})
	}
	r.buttons = append(r.buttons, button{label: beyondtrust.LinkAssignIP, link: true, sub: assign, title: "Security :: Certificates :: Assign IP"})
	return r
}

func (b *Box) exportCertificate(c *certificate, in input) (*download, error) {
	out, err := c.export(in.on(labelCertificate), in.on(labelChain), in.on(labelPrivateKey), in.values[labelPassphrase])
	if err != nil {
		return nil, refuse(err.Error())
	}
	b.site.note(b, Certificate, "exported %s", c.issuedTo())
	return &download{name: c.issuedTo() + ".pem", body: bytes.NewReader(out), size: int64(len(out))}, nil
}

func (b *Box) importCertificate(up upload, passphrase string) *refusal {
	b.site.judge(b, light, "import a certificate")
	c, err := up.certificate(passphrase)
	if err != nil {
		return refuse(err.Error())
	}
	b.st.certs = append(b.st.certs, c)
	b.site.note(b, Certificate, "imported %s", c.issuedTo())
	return nil
}

// assign makes c the certificate of exactly these addresses; an address has one.
func (b *Box) assign(c *certificate, addrs []netip.Addr) {
	for _, o := range b.st.certs {
		o.assigned = slices.DeleteFunc(slices.Clone(o.assigned), func(a netip.Addr) bool { return slices.Contains(addrs, a) })
	}
	c.assigned = addrs
	b.site.note(b, Certificate, "assigned %s to %v", c.issuedTo(), addrs)
}
