// Package act holds the two answers that every package which acts on an appliance shares, so that a client or a page
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
)
