package pratest

import (
	"fmt"
	"html"
	"net/url"
	"strconv"
	"strings"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

// html is the page's body: texts, values, one form with its fields, its table and its buttons.
func (v *view) html(b *Box, p *page, token string) string {
	var out strings.Builder
	e := html.EscapeString
	for _, t := range v.texts {
		fmt.Fprintf(&out, "<p>%s</p>\n", e(t))
	}
	values := func(list []value) {
		out.WriteString("<dl>")
		for _, x := range list {
			fmt.Fprintf(&out, "<dt>%s</dt><dd>%s</dd>", e(x.label), e(x.text))
		}
		out.WriteString("</dl>\n")
	}
	values(v.values)
	out.WriteString("<form method=\"post\" enctype=\"multipart/form-data\">\n")
	if !b.site.Switches.NoToken {
		fmt.Fprintf(&out, "<input type=\"hidden\" name=\"token\" value=\"%s\">\n", e(token))
	}
	group := ""
	for i, fd := range v.fields {
		if fd.group != group && group != "" {
			out.WriteString("</fieldset>\n")
		}
		if fd.group != group && fd.group != "" {
			fmt.Fprintf(&out, "<fieldset><legend>%s</legend>\n", e(fd.group))
		}
		group = fd.group
		out.WriteString(fd.html(i))
	}
	if group != "" {
		out.WriteString("</fieldset>\n")
	}
	buttons(&out, b, p, "", v.buttons)
	if len(v.rows) > 0 {
		fmt.Fprintf(&out, "<table><caption>%s</caption>\n", e(v.caption))
		for _, r := range v.rows {
			fmt.Fprintf(&out, "<tr><th>%s</th><td>", e(r.name))
			values(r.values)
			out.WriteString("</td><td>")
			buttons(&out, b, p, r.name, r.buttons)
			out.WriteString("</td></tr>\n")
		}
		out.WriteString("</table>\n")
	}
	out.WriteString("</form>\n")
	return out.String()
}

func buttons(out *strings.Builder, b *Box, p *page, row string, list []button) {
	e := html.EscapeString
	for i := range list {
		bt := &list[i]
		if bt.sub != nil {
			fmt.Fprintf(out, "<a href=\"%s?%s\">%s</a>\n", p.path, e(url.Values{"row": {row}, "open": {bt.label}}.Encode()), e(bt.label))
			continue
		}
		ask := ""
		if q := b.question(bt); q != "" {
			ask = " onclick=\"" + e("return confirm("+strconv.Quote(q)+")") + "\""
		}
		fmt.Fprintf(out, "<button name=\"press[%s]\" value=\"%s\"%s>%s</button>\n", e(row), e(bt.label), ask, e(bt.label))
	}
}

// html is a field with its label.
func (f field) html(i int) string {
	e := html.EscapeString
	id := "f" + strconv.Itoa(i)
	switch f.kind {
	case fieldChoice:
		var out strings.Builder
		fmt.Fprintf(&out, "<fieldset><legend>%s</legend>\n", e(f.label))
		for n, o := range f.options {
			checked := ""
			if o == f.value {
				checked = " checked"
			}
			fmt.Fprintf(&out, "<input type=\"radio\" id=\"%s-%d\" name=\"%s\" value=\"%s\"%s> <label for=\"%s-%d\">%s</label>\n", id, n, id, e(o), checked, id, n, e(o))
		}
		out.WriteString("</fieldset>\n")
		return out.String()
	case fieldBox:
		checked := ""
		if f.value == string(beyondtrust.On) {
			checked = " checked"
		}
		return fmt.Sprintf("<input type=\"checkbox\" id=\"%s\" name=\"%s\" value=\"on\"%s> <label for=\"%s\">%s</label><br>\n", id, id, checked, id, e(f.label))
	}
	return fmt.Sprintf("<label for=\"%s\">%s</label> <input type=\"%s\" id=\"%s\" name=\"%s\" value=\"%s\"><br>\n", id, e(f.label), f.kind, id, id, e(f.value))
}
