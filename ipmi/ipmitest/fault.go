package ipmitest

import (
	"time"
)

// The commands a [Fault] can name, and that [BMC.Count] counts.
const (
	Login        = "login"         // setting up a session
	Status       = "status"        // reading the power state
	PowerOn      = "power on"      //
	PowerOff     = "power off"     //
	PowerCycle   = "power cycle"   //
	Reset        = "reset"         // never sent by package ipmi
	Soft         = "soft"          // never sent by package ipmi
	OpenConsole  = "open console"  // activating serial over LAN
	CloseConsole = "close console" //
	Logout       = "logout"        //
	Everything   = ""              // every datagram: the BMC is off the network
)

// Fault is something that goes wrong with the next commands of a kind. Exactly one of Drop, Lose, Ignore, Code and Delay
// is set.
type Fault struct {
	Command string // one of the constants above; Everything goes with Drop and Delay only
	After   int    // how many are let through first
	Times   int    // how often it happens then; 0 means once, a negative number for ever

	Drop   bool          // the command gets lost on the way: it is not carried out
	Lose   bool          // it is carried out, and the answer gets lost on the way
	Ignore bool          // it is acknowledged and not carried out: stuck power
	Code   byte          // it is refused with this completion code; a Login with this RMCP+ status
	Delay  time.Duration // it is carried out, and the answer comes late
}

// Fail makes f happen from now on. Faults are tried in the order in which they were given.
func (b *BMC) Fail(f Fault) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if f.Times == 0 {
		f.Times = 1
	}
	b.faults = append(b.faults, &f)
}

// Heal forgets all faults.
func (b *BMC) Heal() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.faults = nil
}

// fault takes the fault that is due for a command, if there is one.
func (b *BMC) fault(command string) (Fault, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range b.faults {
		if f.Command != command || f.Times == 0 {
			continue
		}
		if f.After > 0 {
			f.After--
			continue
		}
		if f.Times > 0 {
			f.Times--
		}
		return *f, true
	}
	return Fault{}, false
}
