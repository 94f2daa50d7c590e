package failover

import "context"

// Key names a record set.
type Key struct {
	Name string
	Type RRType
}

// RecordEditor edits one zone at the place that decides about it: a primary name server, a DNS product's API. Package failovertest has a conformance suite, TestRecordEditor.
//
// # What an implementer must do
//
// Read returns one set for each key, in the order of the keys, in canonical form (see [RecordSet.Canonical]), as the deciding place holds it now: never from a cache. A set that
// is not there has no values and is no error.
//
// Replace makes all changes or none, in one message or transaction, and only if every Old is exactly the set that is there: a set with one value more than Old must not be
// touched. It sends the change once; again only after a definite answer ("the server failed") and after it has read that the old values are all there. What it returns says what is
// known:
//
//   - nil: the change was made by this call;
//   - an error of class [ErrGuard]: an Old was not what is there, nothing was changed;
//   - an error of class [ErrRefused] or [ErrNotSent]: nothing was changed for another reason;
//   - any other error: not known. The answer was lost or could not be believed. [Record] then reads and decides; the editor need not, and must not send again.
//
// So a lost answer is never a failure of its own, and an implementer who is not sure returns a plain error.
//
// An editor whose product has no compare-and-set reads, compares and sets, and says [BestEffort]; it must read back before it returns nil.
type RecordEditor interface {
	// String names zone and server for plans and errors: "example.com. at 192.0.2.53:53". It has no secret.
	String() string
	// Guard says how well Replace is protected.
	Guard() Guard
	Read(ctx context.Context, keys []Key) ([]RecordSet, error)
	Replace(ctx context.Context, changes []Change) error
}
