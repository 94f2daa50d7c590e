// Package ipmitest is for tests of what uses package ipmi: a BMC that runs in the test's process, a power button without
// a BMC, a conformance suite for drivers, and Debian's ipmi_sim as an independent witness.
//
// # A BMC
//
// [BMC] answers RMCP+ over a real UDP socket on 127.0.0.1, or in memory for synctest bubbles. Its zero value is healthy;
// [BMC.Fail] makes things go wrong, one command at a time; [BMC.Told] says what it was told, which is the oracle of
// "nothing that acts is repeated".
//
//	b := &ipmitest.BMC{}
//	defer b.Close()
//	b.Fail(ipmitest.Fault{Command: ipmitest.PowerOn, Lose: true}) // done, and the answer gets lost
//	m, err := ipmi.New(b.Addr(), b.Login(), nil)
//
// In a bubble, which cannot wait on sockets, give [ipmi.Options] its Dial:
//
//	m, err := ipmi.New("bmc", b.Login(), &ipmi.Options{Dial: b.Dial})
//
// and let everything it uses be made inside the bubble. The machine behind the BMC can be another simulator's: set Power
// and Set, and Console.
//
// What it does as real BMCs do, and where that was learnt: sessions end after 30 s without a command, console traffic
// does not count (ipmi_sim 2.0.33, measured); a power cycle takes a second and switches a machine on that was off (the
// same); four sessions at most (the least IPMI 2.0 allows). It is built on go-ipmi's server, as the native driver is
// built on go-ipmi's client, so it cannot prove that either speaks IPMI: [StartSim] is for that.
//
// # A switch
//
// [Switch] has the same methods and no network, for tests that are about something else.
//
// # A conformance suite
//
// [TestDriver] checks a driver for other hardware against the promises a runbook relies on.
package ipmitest
