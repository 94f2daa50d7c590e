// Package upgradetest helps to test what is built on package upgrade: procedures, journals, operators and artifact stores.
//
// # Does a procedure survive a crash
//
// [TestCrash] ends a run at every moment that matters, just before and just after each record of the journal, each act and
// each word with a person, goes on with what the journal has, and asks your simulator for the truth:
//
//	func TestCrashOurRunbook(t *testing.T) {
//		upgradetest.TestCrash(t, func(t *testing.T) upgradetest.Trial {
//			box := newSimulator(t)
//			return upgradetest.Trial{
//				Procedure: ourRunbook(box),
//				Options:   upgrade.Options{Operator: box.Person()},
//				Truth:     func(rep *upgrade.Report, err error) error { return box.PressedTwice() },
//			}
//		})
//	}
//
// A test that cannot fail proves nothing: run the same trial on [AfterSuccess], the journal that a careless engine would
// keep, and see it fail. [Kill] does the same to a whole process, by SIGKILL at random moments.
//
// # Are its instructions complete
//
// [Person] presses literally what an instruction says on a simulator's pages, and reads literally what a question names.
//
// # Does my own journal, operator or store do
//
// [TestJournal], [TestOperator] and [TestArtifacts] are the suites that this module's own implementations pass.
package upgradetest
