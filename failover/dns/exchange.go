package dns

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	mdns "github.com/miekg/dns"

	"github.com/changeover-sdk/changeover/failover"
)

var (
	errServFail = errors.New("the server failed")
	errUnsigned = errors.New("it is not signed")
	errEcho     = errors.New("it carries our own signature")
)

// answer is a server's answer to one message.
type answer struct {
	msg       *mdns.Msg // nil: there was none, or none that could be read
	untrusted error     // why the signature proves nothing; nil for a good one
}

// request is a message under way.
type request struct {
	msg  *mdns.Msg
	wire []byte // packed and signed, with its length in front
	mac  string // of the request, in hex; a part of what the answer signs
	sig  Signature
}

// prepare packs and signs a copy of a message under a fresh ID. A copy, because a message that was signed already would be sent with two signatures, which servers answer with
// FORMERR. The signer may be nil.
func prepare(ctx context.Context, m *mdns.Msg, sign Signer) (request, error) {
	r := request{msg: m.Copy()}
	r.msg.Id = mdns.Id()
	r.msg.Compress = true
	var body []byte
	var err error
	if sign == nil {
		body, err = r.msg.Pack()
	} else {
		if r.sig, err = sign(ctx); err != nil {
			return r, err
		}
		r.msg.SetTsig(r.sig.Name, r.sig.Algorithm, 300, time.Now().Unix())
		body, r.mac, err = mdns.TsigGenerateWithProvider(r.msg, r.sig.Provider, "", false)
	}
	if err != nil {
		return r, fmt.Errorf("pack: %w", err)
	}
	if len(body) > mdns.MaxMsgSize-1 {
		return r, fmt.Errorf("the message has %d bytes, more than a DNS message may have; move fewer names at once", len(body))
	}
	r.wire = binary.BigEndian.AppendUint16(make([]byte, 0, len(body)+2), uint16(len(body)))
	r.wire = append(r.wire, body...)
	return r, nil
}

// accept unpacks an answer and checks its signature against the request's. It fails if the bytes are no answer to this request at all; a signature that proves nothing is no failure
// but a fact about the answer, because refusals are not always signed.
func (r request) accept(body []byte) (answer, error) {
	a := answer{msg: new(mdns.Msg)}
	if err := a.msg.Unpack(body); err != nil {
		return a, fmt.Errorf("the answer cannot be read: %w", err)
	}
	if !a.msg.Response || a.msg.Id != r.msg.Id || a.msg.Opcode != r.msg.Opcode {
		return a, errors.New("the answer is to something else")
	}
	if q := a.msg.Question; len(q) > 0 && (len(q) != 1 || q[0].Qtype != r.msg.Question[0].Qtype || q[0].Qclass != r.msg.Question[0].Qclass ||
		mdns.CanonicalName(q[0].Name) != mdns.CanonicalName(r.msg.Question[0].Name)) {
		return a, errors.New("the answer is to another question")
	}
	if r.sig.Provider == nil {
		return a, nil
	}
	t := a.msg.IsTsig()
	switch {
	case t == nil: // nothing else would notice: a reply without a signature is not an error to most libraries
		a.untrusted = errUnsigned
	case mdns.CanonicalName(t.Hdr.Name) != r.sig.Name || mdns.CanonicalName(t.Algorithm) != r.sig.Algorithm:
		a.untrusted = errors.New("it is signed with another key")
	case t.MAC == r.mac: // seen from Windows servers for GSS-TSIG
		a.untrusted = errEcho
	default:
		// VerifyWithProvider writes the original ID into the bytes, so it gets a copy.
		a.untrusted = mdns.TsigVerifyWithProvider(append([]byte(nil), body...), r.sig.Provider, r.mac, false)
	}
	return a, nil
}

// prepareAll prepares messages that go over one connection: their IDs tell the answers apart.
func prepareAll(ctx context.Context, msgs []*mdns.Msg, sign Signer) ([]request, error) {
	requests := make([]request, len(msgs))
	for i, m := range msgs {
		for {
			var err error
			if requests[i], err = prepare(ctx, m, sign); err != nil {
				return nil, err
			}
			if indexID(requests[:i], requests[i].msg.Id) < 0 {
				break
			}
		}
	}
	return requests, nil
}

// stream exchanges messages over one TCP connection: all of them are sent, then the answers are taken in whatever order they come (RFC 7766). Each message has a signature of its own.
//
// Wrote is how many bytes may have left this machine. Answers that came are there also if err is not nil. The connection is fit for another exchange exactly if err is nil.
func stream(ctx context.Context, c net.Conn, requests []request) (answers []answer, wrote int, err error) {
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if d, ok := ctx.Deadline(); ok {
		_ = c.SetDeadline(d)
	}
	answers = make([]answer, len(requests))
	if err := ctx.Err(); err != nil { // after AfterFunc: nothing is written under a context that has ended
		return answers, 0, context.Cause(ctx)
	}
	var out []byte
	for _, r := range requests {
		out = append(out, r.wire...)
	}
	if wrote, err = c.Write(out); err != nil {
		return answers, wrote, lost(ctx, "send", err)
	}
	in := bufio.NewReaderSize(&impatient{Conn: c}, 8<<10)
	var broken error
	for range requests {
		body, err := readFrame(in)
		if err != nil {
			return answers, wrote, lost(ctx, "await the answer", err)
		}
		i := indexID(requests, binary.BigEndian.Uint16(body))
		if i < 0 || answers[i].msg != nil {
			broken = errors.New("the answer is to something else") // those to the others are still to come
			continue
		}
		a, err := requests[i].accept(body)
		if err != nil {
			broken = err
			continue
		}
		answers[i] = a
	}
	switch {
	case broken != nil:
		return answers, wrote, broken
	case in.Buffered() > 0:
		return answers, wrote, errStopped // more came than was asked for
	case !stop(): // ctx ended just now and may be setting the deadline
		return answers, wrote, errStopped
	}
	_ = c.SetDeadline(time.Time{})
	return answers, wrote, nil
}

// readFrame reads one message with its length in front.
func readFrame(r io.Reader) ([]byte, error) {
	var size [2]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	body := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, err
	}
	if len(body) < 12 {
		return nil, errors.New("it is shorter than a header")
	}
	return body, nil
}

// impatient acknowledges what it has read before it waits for more, see acknowledge.
type impatient struct {
	net.Conn
	read bool
}

// Read reads from the connection.
func (i *impatient) Read(p []byte) (int, error) {
	if i.read {
		acknowledge(i.Conn)
	}
	i.read = true
	return i.Conn.Read(p)
}

// errStopped comes with complete answers: only the connection is spoilt.
var errStopped = errors.New("the connection cannot be used again")

func indexID(requests []request, id uint16) int {
	for i, r := range requests {
		if r.msg.Id == id {
			return i
		}
	}
	return -1
}

// lost words an error of a connection, ctx's own first.
func lost(ctx context.Context, what string, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return fmt.Errorf("%s: %w", what, cause)
	}
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: the server closed the connection: %w", what, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// notSent gives an error the class that promises that nothing left this machine.
func notSent(err error) error { return fmt.Errorf("%w: %w", failover.ErrNotSent, err) }
