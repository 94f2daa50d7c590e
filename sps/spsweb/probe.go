package spsweb

import (
	"context"
	"fmt"

	"github.com/changeover-sdk/changeover/internal/browser/site"
)

// Report is what a probe found, page by page and label by label: whether the table of labels fits this appliance. It marshals as
// JSON, and its String is a table for people. OK and Problems say what a driver would stumble over.
type Report = site.Report

// PageReport is one page in a [Report].
type PageReport = site.PageReport

// LabelReport is one label in a [PageReport].
type LabelReport = site.LabelReport

// Finding is what a probe says of a label.
type Finding = site.Finding

// Findings of a probe.
const (
	Found    = site.Found    // once: a driver can use it
	Missing  = site.Missing  // a driver would refuse
	Double   = site.Double   // a driver would refuse
	Disabled = site.Disabled // there, but not to be pressed in this state
	InRows   = site.InRows   // once in each of several rows; a driver names the row
	Depends  = site.Depends  // its words depend on what the appliance holds; a probe does not look for it
)

// Probe signs in, visits every page of the table and looks for every label on it. It presses nothing but the sign-in and the menu, so it may be
// run days before an upgrade, on an appliance that serves. What is wrong with single pages is in the report; the error is ctx's
// own, or the first one when no page could be opened at all.
func (d *Driver) Probe(ctx context.Context) (Report, error) {
	r, err := d.site.Probe(ctx)
	if err != nil {
		return r, fmt.Errorf("spsweb: %s: probe: %w", d.host, err)
	}
	return r, nil
}
