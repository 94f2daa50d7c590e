// Package ipmi is the power button and the serial console of an appliance, reached over the network through its BMC
// (IPMI 2.0, RMCP+ on UDP port 623).
//
// A High Availability upgrade of a Safeguard for Privileged Sessions pair shuts the secondary node down and says "Use
// the IPMI to power on the secondary node" (SPS 7.0.2.1 LTS, upgrading a High Availability cluster); its appliances 3000
// and 3500 carry Supermicro X9 BMCs. That takes a power state, a power button, and for the people who watch a console.
// Nothing else of IPMI is here.
//
// # How to start
//
//	m, err := ipmi.New("10.0.0.12", ipmi.Login{User: "ADMIN", Password: password}, nil)
//	if err != nil {
//		return err
//	}
//	defer m.Close()
//	if err := m.PowerOn(ctx); err != nil {
//		return err
//	}
//
// [New] checks what can be checked without a network and talks to nobody. [Machine.State] reads; [Machine.PowerOn],
// [Machine.PowerOff] and [Machine.PowerCycle] act; [Machine.Console] streams what the machine prints. Every method takes a
// context, has a deadline of its own besides ([Options].Timeout and Settle), and may be called from several goroutines.
// Without an appliance, package ipmitest has a BMC to try it on.
//
// # What is sent, and how often
//
// An act is: read the state, send the command once, read the state until it is what was wanted. A machine that is in
// that state already is told nothing. A command is never sent twice, not when its answer is lost and not by a library;
// only questions are asked again. A login that was refused is never tried again, because BMCs lock accounts.
//
// There is no soft shutdown: an appliance is shut down by its own means, which knows what runs on it.
//
// # What may go wrong
//
// Every method fails with an [*Error], whose class [errors.Is] finds: [ErrAuth], [ErrUnreachable], [ErrTimeout],
// [ErrUnsupported], [ErrBusy], [ErrRefused], [ErrClosed]. When the caller's context has ended, the error is of that
// class instead: first come the caller's own reasons.
//
// After an act, two questions matter. Is the error of class [ErrNotSent] or [ErrRefused]? Then nothing was done. It is
// neither? Then the outcome is unknown: read the state before anything else.
//
// # Drivers
//
// A Machine is built on bmclib with exactly one driver. [Native] speaks RMCP+ in this process, with go-ipmi; every
// datagram it gets is checked for the BMC's signature first. [Ipmitool] runs the ipmitool program, for a BMC that Native
// does not get on with; the password goes to it in its environment, never in its arguments. Neither tries another
// cipher suite than it was told, and suite 0, which is no authentication, is refused.
//
// # What the console is worth
//
// It is evidence for people. A BMC shows only what firmware and operating system send to the serial port; output may be
// lost or repeated; silence means nothing. Decide by the power state and by what answers on the network.
//
// # What stays compatible
//
// The methods of Machine have plain signatures, and [State] is an alias of string, so that an interface declared
// elsewhere is satisfied without an import of this package. Error texts are for people and may change; classes and the
// fields of Error stay. How the libraries below are used is nobody's business and may change.
package ipmi
