package failover

import (
	"context"
	"time"
)

// Address is one appliance's end of a shared IP address: the row of that address on the appliance's own network page. It is fulfilled by a page driver or by a person.
//
// # What an implementer must do
//
// Reach the appliance by its own unique address, never by the shared one: that leads to the other box half of the time.
//
// Prepare gets everything ready so that Enable and Disable are one request each: a session, the page open, its form token fetched. It changes nothing and may be called again.
//
// Holds says whether the appliance itself says that the address is enabled on it now. A cached page does not count.
//
// Enable and Disable do what the vendor's page does with the address's Enabled box (BeyondTrust PRA Upgrade Guide, "Shared IP Switch": Networking > IP Configuration, Enabled, Save Changes),
// once. Nil means that the appliance accepted it. An error of class [ErrNotPressed], [ErrNotSent] or [ErrRefused] promises that nothing was changed; any other means that it is not
// known, and [SharedIP] asks Holds.
type Address interface {
	String() string // for people: "192.0.2.10 on A"
	Prepare(ctx context.Context) error
	Holds(ctx context.Context) (bool, error)
	Enable(ctx context.Context) error
	Disable(ctx context.Context) error
}

// Gap is how long nobody held a shared address in a switch.
type Gap struct {
	Released time.Time `json:"released"` // just before the old side was told to let go
	Claimed  time.Time `json:"claimed"`  // when the new side said that it holds the address, or the old one again after rolling back
	// Seen is the longest time in which no vantage reached anybody, and by whom it was seen. Zero without vantages. It includes what neighbour caches add.
	Seen   time.Duration `json:"seen,omitempty"`
	SeenBy string        `json:"seen_by,omitempty"`
}

// Held returns how long the address was held by nobody, by the appliances' own word.
func (g Gap) Held() time.Duration { return g.Claimed.Sub(g.Released) }
