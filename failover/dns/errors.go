package dns

import (
	"fmt"
	"strings"
	"time"

	mdns "github.com/miekg/dns"

	"github.com/changeover-sdk/changeover/failover"
)

// Error is what a name server answered, or why its answer cannot be believed. Its class, for errors.Is, is failover.ErrGuard or failover.ErrRefused where the answer is a definite one;
// without a class the state is not known and has to be read.
type Error struct {
	Op     string        // "update", "read", "ask"
	Zone   string        // empty for questions to resolvers
	Server string        // address and port
	Rcode  string        // "NXRRSET"; empty if there was no answer
	TSIG   string        // the TSIG error: "BADKEY", "BADSIG", "BADTIME"; empty if there was none
	Skew   time.Duration // for BADTIME: the server's clock minus ours; 0 if the server did not tell
	Next   string        // what to do about it
	Err    error         // class and cause
}

// Error returns operation, server, answer, cause and what to do.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "dns: %s", e.Op)
	if e.Zone != "" {
		fmt.Fprintf(&b, " %s", e.Zone)
	}
	fmt.Fprintf(&b, " at %s:", e.Server)
	if e.Rcode != "" {
		fmt.Fprintf(&b, " %s", e.Rcode)
	}
	if e.TSIG != "" {
		fmt.Fprintf(&b, " (%s)", e.TSIG)
	}
	if e.Skew != 0 {
		fmt.Fprintf(&b, ", the server's clock differs from ours by %v", e.Skew)
	}
	if e.Err != nil {
		if e.Rcode != "" {
			b.WriteString(":")
		}
		fmt.Fprintf(&b, " %v", e.Err)
	}
	if e.Next != "" {
		b.WriteString("; " + e.Next)
	}
	return b.String()
}

// Unwrap returns class and cause.
func (e *Error) Unwrap() error { return e.Err }

// judge turns the answer to an update into nil, a definite error, or one without a class.
//
// Servers differ for one fault: a wrong key is NOTAUTH with BADKEY or BADSIG at BIND and Knot, a plain REFUSED at PowerDNS; an update that the policy forbids is REFUSED at BIND and
// NOTAUTH at Knot; one sent to a secondary is REFUSED at BIND and NOTIMP at NSD. So a refusal need not be signed to be one: whoever forges it gains nothing, because the change, sent
// again, fails its own guard. A success and a broken guard must be.
func judge(zone, server string, a answer) error {
	e := &Error{Op: "update", Zone: zone, Server: server, Rcode: mdns.RcodeToString[a.msg.Rcode]}
	if e.Rcode == "" {
		e.Rcode = fmt.Sprintf("RCODE%d", a.msg.Rcode)
	}
	switch a.msg.Rcode {
	case mdns.RcodeRefused:
		e.Err, e.Next = failover.ErrRefused, "check that this is the primary, and that the key may update these names and types"
		return e
	case mdns.RcodeNotImplemented:
		e.Err, e.Next = failover.ErrRefused, "this server takes no updates; it may be a secondary, send to the primary"
		return e
	case mdns.RcodeNotZone:
		e.Err, e.Next = failover.ErrRefused, "the names are not in the zone of the update"
		return e
	case mdns.RcodeFormatError:
		e.Err, e.Next = failover.ErrRefused, "the server does not understand the update"
		return e
	case mdns.RcodeNotAuth:
		e.Err = failover.ErrRefused
		e.TSIG, e.Skew, e.Next = a.tsigError()
		if e.TSIG == "" {
			e.Next = "the server is not the primary of this zone, or the key may not update these types"
		}
		return e
	}
	if a.untrusted != nil {
		e.Err = fmt.Errorf("the answer cannot be believed: %w", a.untrusted)
		e.Next = "the state has to be read"
		return e
	}
	switch a.msg.Rcode {
	case mdns.RcodeSuccess:
		return nil
	case mdns.RcodeNXRrset, mdns.RcodeYXRrset, mdns.RcodeNameError, mdns.RcodeYXDomain:
		e.Err = failover.ErrGuard
	case mdns.RcodeServerFailure:
		e.Err = errServFail
		e.Next = "the server may be loading its zones, or has no place for its journal; see its log"
	default:
		e.Err = fmt.Errorf("an answer that updates do not have")
	}
	return e
}

// tsigError reads the TSIG error field. A wrong clock is told with the server's time in the other data (RFC 8945, 5.2.3).
func (a answer) tsigError() (name string, skew time.Duration, next string) {
	t := a.msg.IsTsig()
	if t == nil {
		return "", 0, ""
	}
	switch int(t.Error) {
	case mdns.RcodeSuccess:
		return "", 0, ""
	case mdns.RcodeBadSig:
		return "BADSIG", 0, "the key's secret differs from the server's"
	case mdns.RcodeBadKey:
		return "BADKEY", 0, "the server does not know a key of this name and algorithm"
	case mdns.RcodeBadTime:
		var server uint64
		if n, err := fmt.Sscanf(t.OtherData, "%x", &server); err == nil && n == 1 && len(t.OtherData) == 12 {
			skew = time.Duration(int64(server)-int64(t.TimeSigned)) * time.Second // the answer repeats the time that we signed with
		}
		return "BADTIME", skew, "set both clocks right"
	}
	return fmt.Sprintf("TSIG error %d", t.Error), 0, ""
}
