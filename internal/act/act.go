// Package act holds the answers that every package which acts on an appliance shares, so that a client or a page
// driver can give them without importing the engine. They are exported again where people look for them:
// upgrade.ErrNotSent, sps.ErrNotPressed and so on are these very values.
package act

import "errors"

var (
	// ErrNotSent says that a request that would have acted provably never left this machine: no connection was made,
	// or it broke before the first byte of the request was written.
	ErrNotSent = errors.New("the request was not sent")

	// ErrNotPressed says that a page driver pressed nothing, because it was not certain what to press.
	ErrNotPressed = errors.New("nothing was pressed")

	// ErrRefused says that the appliance answered, itself and in its own words, that it did not do what was asked:
	// an API error with a 4xx status. A gateway's page, a 5xx or half an answer is no refusal.
	ErrRefused = errors.New("the appliance refused")

	// ErrReverted says that the appliance went down and came back as it was before the act.
	ErrReverted = errors.New("the appliance came back as it was before")
)
