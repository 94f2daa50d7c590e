// Package upgrade composes upgrade steps into procedures, carries them out crash-safe, and reports.
//
// A [Step] is one action of a vendor's guide: one function that looks and one that acts. A [Procedure] is a list of steps.
// [Run] carries a procedure out and returns a [Report], also when it fails. Package runbook holds the vendors' guides as
// procedures; this package holds the steps they are made of, under the words of the vendor's screen ([Backup],
// [TestFirmware], [ActivateAfterReboot] …), and everything to write your own.
//
// # How do I start
//
//	j, err := upgrade.OpenJournal("sps1.journal")
//	…
//	rep, err := upgrade.Run(ctx, procedure, &upgrade.Options{Journal: j, Operator: upgrade.Terminal(os.Stdin, os.Stdout)})
//	fmt.Print(rep)
//
// [Plan] shows beforehand who does what; Options.DryRun looks at everything and presses nothing.
//
// # What happens when the process dies
//
// Nothing is lost and nothing is done twice. What a step is about to do is on disk before it is done. The next run with the same
// journal looks first: an act that took effect is done, one that provably did not may be sent again where the step allows it
// ([Again]), and where nobody can tell a person is asked. So: never twice; exactly once where it can be seen.
//
// # What does a limit mean
//
// That the outcome is unknown, never that it failed. Nothing here reboots, reverts or retries because time passed. A limit
// bounds the machine, not the person: it stands still while somebody is asked.
//
// # What needs a person
//
// Some pages of the appliances have no API. Their steps carry an [Instruction] and are proven by looking, like any other; [Run]
// refuses to start them without an [Operator]. What cannot be undone always asks. [Consents] answers beforehand.
//
// # How do I stop it
//
// Cancel the context: the run ends at the next safe look, and a group marked Whole is finished first. Run again with the
// same journal to go on, or call [Abandon] to put temporary settings back and give the journal up.
//
// # How do runs keep out of each other's way
//
// One process a journal, one run an appliance: both are kernel locks, which die with their process. Appliance locks exclude
// runs on this machine that share a lock folder ([Options].LockDir), and no others.
//
// # How long was the site away
//
// A [Vigil] asks all along every run who answers at the site's name; the report says for how long nobody did, and when nobody watched. What the site lacks
// for a time ([Step].Exposes: failover, redundancy) is said by every run that goes on meanwhile, and by the report.
//
// # What comes out
//
// Errors are [*StepError] with one class each: [ErrHeld], [ErrCancelled], [ErrBlocked], [ErrFailed], [ErrUnknown], [ErrReverted].
// Journals, reports, events and errors hold no secret as long as steps put none into With, Detail, Evidence and errors.
//
// # What did a page driver see
//
// [KeepPage] stores the picture and the facts of a page as artifacts, each under a new name, and the report names them at the step. A driver that is not certain
// presses nothing and leaves the step to the person.
//
// # What stays compatible
//
// Journals of this version are read by later ones. Before version 1 the Go API may change with a minor version; the
// change log says how to follow.
package upgrade
