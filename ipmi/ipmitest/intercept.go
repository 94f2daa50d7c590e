package ipmitest

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"time"

	"github.com/bougou/go-ipmi/pkg/handlers"
	"github.com/bougou/go-ipmi/pkg/protocol"
	"github.com/bougou/go-ipmi/pkg/types"
)

// commandName names a command as faults do.
func commandName(c types.Command, data []byte) string {
	switch {
	case c.NetFn == types.NetFnChassisRequest && c.ID == types.CommandGetChassisStatus.ID:
		return Status
	case c.NetFn == types.NetFnChassisRequest && c.ID == types.CommandChassisControl.ID && len(data) > 0:
		if names := [...]string{PowerOff, PowerOn, PowerCycle, Reset, "diagnostic interrupt", Soft}; int(data[0]&0x0f) < len(names) {
			return names[data[0]&0x0f]
		}
	case c.NetFn == types.NetFnAppRequest && c.ID == types.CommandActivatePayload.ID:
		return OpenConsole
	case c.NetFn == types.NetFnAppRequest && c.ID == types.CommandDeactivatePayload.ID:
		return CloseConsole
	case c.NetFn == types.NetFnAppRequest && c.ID == types.CommandCloseSession.ID:
		return Logout
	}
	return cmp.Or(c.Name, fmt.Sprintf("command %#02x of %#02x", c.ID, uint8(c.NetFn)))
}

func acts(command string) bool {
	switch command {
	case PowerOn, PowerOff, PowerCycle, Reset, Soft:
		return true
	}
	return false
}

// intercept is around every command of a session: it counts, and makes faults happen.
func (b *BMC) intercept(next handlers.Handler) handlers.Handler {
	return handlers.HandlerFunc(func(ctx context.Context, h *handlers.HandlerContext, data []byte) ([]byte, types.CompletionCode, error) {
		command := commandName(h.Command, data)
		b.mu.Lock()
		b.count[command]++
		b.mu.Unlock()
		if h.Session == nil {
			return next.Handle(ctx, h, data)
		}
		to := h.Session.GetAddr()
		if b.stale(h.Session.BMCID, true) {
			b.befallNext(to, fate{lost: true})
			_ = b.inner.Sessions.Close(h.Session.BMCID)
			return nil, types.CodeOK, nil
		}
		f, ok := b.fault(command)
		if !ok {
			return b.carryOut(ctx, next, h, command, data)
		}
		switch {
		case f.Drop:
			b.befallNext(to, fate{lost: true})
			return nil, types.CodeOK, nil
		case f.Code != 0:
			return nil, types.CompletionCode(f.Code), nil
		case f.Ignore:
			b.note(command)
			return nil, types.CodeOK, nil
		}
		b.befallNext(to, fate{lost: f.Lose, late: f.Delay})
		return b.carryOut(ctx, next, h, command, data)
	})
}

func (b *BMC) carryOut(ctx context.Context, next handlers.Handler, h *handlers.HandlerContext, command string, data []byte) ([]byte, types.CompletionCode, error) {
	answer, code, err := next.Handle(ctx, h, data)
	if code == types.CodeOK {
		b.note(command)
	}
	return answer, code, err
}

func (b *BMC) note(command string) {
	if acts(command) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.told = append(b.told, command)
	}
}

// befallNext decides about the next answer to an address. The BMC answers a session's commands one at a time, so that is
// the answer to the command at hand.
func (b *BMC) befallNext(to net.Addr, f fate) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fates[to.String()] = f
}

// stale reports whether a session has been without a command for too long; a command makes it young again.
func (b *BMC) stale(id uint32, command bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	last, known := b.last[id]
	if known && time.Since(last) > cmp.Or(b.Idle, DefaultIdle) {
		return true
	}
	if command || !known {
		b.last[id] = time.Now()
	}
	return false
}

// arriving sees what arrives: it makes a session that had no command for too long end, and makes the faults of the
// session setup and of the whole BMC happen.
func (b *BMC) arriving(p packet) fate {
	if f, ok := b.fault(Everything); ok {
		return fate{lost: f.Delay == 0, late: f.Delay}
	}
	session, _, kind, _, payload, ok := protocol.ParseRMCPPlusHeader(p.data)
	switch {
	case !ok || p.data[4] != byte(types.AuthTypeRMCPPlus):
	case session == 0 && (kind == byte(types.PayloadTypeRmcpOpenSessionRequest) || kind == byte(types.PayloadTypeRAKPMessage1)):
		return b.login(p, kind, payload)
	case kind == byte(types.PayloadTypeSOL) && b.stale(session, false):
		_ = b.inner.Sessions.Close(session)
		return fate{lost: true}
	}
	return fate{}
}

// login makes a Login fault happen: statuses that are about the user where the user is first named, all others at the
// first message.
func (b *BMC) login(p packet, kind byte, payload []byte) fate {
	first := kind == byte(types.PayloadTypeRmcpOpenSessionRequest)
	if first {
		b.mu.Lock()
		b.count[Login]++
		b.mu.Unlock()
	}
	if !b.due(Login, first) || len(payload) < 8 {
		return fate{}
	}
	f, ok := b.fault(Login)
	switch {
	case !ok:
		return fate{}
	case f.Code == 0:
		return fate{lost: f.Delay == 0, late: f.Delay}
	}
	answer := make([]byte, 8)
	answer[0], answer[1] = payload[0], f.Code
	reply := byte(types.PayloadTypeRmcpOpenSessionResponse)
	if first {
		copy(answer[4:], payload[4:8])
	} else {
		reply = byte(types.PayloadTypeRAKPMessage2)
		if s, err := b.inner.Sessions.Get(binary.LittleEndian.Uint32(payload[4:])); err == nil {
			binary.LittleEndian.PutUint32(answer[4:], s.ConsoleID)
		}
	}
	b.air.send(protocol.BuildRMCPPlusPacket(reply, 0, 0, 0, answer), p.from)
	return fate{lost: true}
}

// due reports whether the next Login fault belongs to this message of the session setup.
func (b *BMC) due(command string, first bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range b.faults {
		if f.Command == command && f.Times != 0 {
			aboutUser := f.Code >= 0x09 && f.Code <= 0x0f
			return aboutUser != first
		}
	}
	return false
}

// leaving sees what leaves.
func (b *BMC) leaving(p packet) fate {
	_, _, kind, _, _, ok := protocol.ParseRMCPPlusHeader(p.data)
	if !ok || kind != byte(types.PayloadTypeIPMI) {
		return fate{}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.fates[p.from.String()]
	delete(b.fates, p.from.String())
	return f
}
