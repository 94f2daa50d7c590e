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
// to press. Either way looking proves it. Where a guide contradicts itself, the procedure's doc says what was chosen and why.
//
// Nothing here rolls back: no guide documents how. After a stop the report says what is known and what to do next.
package runbook
