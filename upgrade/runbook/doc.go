// Package runbook holds the vendors' upgrade guides as procedures: near-literal transcriptions, in the guides' order and with
// their numbers.
//
// # How do I start
//
// Fill in the struct of your guide, take its Procedure, look at the plan, run it:
//
//	p := runbook.SPSNode{Client: c, Artifacts: dir, Images: os.DirFS("/srv/firmware"), Image: "sps.iso", SHA256: sum, Version: v}.Procedure()
//	plan, err := upgrade.Plan(p)
//	rep, err := upgrade.Run(ctx, p, &upgrade.Options{Journal: j, Operator: upgrade.Terminal(os.Stdin, os.Stdout)})
//
// # How do I change one
//
// A procedure is data. Insert your own step, take one out, put two together:
//
//	p.Steps = slices.Insert(p.Steps, p.Index("reboot"), upgrade.Confirm("traffic is drained", "Is all traffic drained?"))
//
// # What is not automated
//
// What only the vendor's pages can do is done by the page drivers given as Pages; where one is nil, a person is told exactly what
// to press. Either way looking proves it. Packages spsweb and praweb have drivers for a real browser, experimental ones, one for each appliance:
//
//	d, err := spsweb.New("https://sps1.example.com", login, &spsweb.Options{CA: pool, Evidence: func(ctx context.Context, e spsweb.Evidence) {
//		upgrade.KeepPage(ctx, artifacts, e.What(), e.PNG, e)
//	}})
//	…
//	defer d.Close()
//	p := runbook.SPSNode{Pages: d.Pages(), …}.Procedure()
//
// What such a driver is not certain of it does not press, and the person is told to, as without it. It is the same procedure either way: a journal goes on
// with a driver or without. Where a guide contradicts itself, the procedure's doc says what was chosen and why.
//
// Nothing here rolls back: no guide documents how. After a stop the report says what is known and what to do next.
package runbook
