package failover

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
)

// Check goes on with the proof of the swing, in this order: the editors, every authoritative server, the resolvers, and last which appliance answers.
//
// An authoritative server has turned when its sets are exactly the new ones, spoken with authority, under a serial that is the primary's or later. A server that cannot be reached
// is "not yet", until the limit. A resolver is asked once all authoritative servers of its zone have turned, three times over fresh sockets because one address may be several
// caches; if it still has the old value it is left alone until the time that it says is left, and one second, has passed.
func (r *Record) Check(ctx context.Context, last *Report) (Report, error) {
	zones, err := r.prepare()
	if err != nil {
		return Report{}, err
	}
	rep := follow(last)
	view, _, lookErr := r.look(ctx, zones)
	switch {
	case ctx.Err() != nil:
		return rep, &Error{Op: "check", On: "DNS swing", Err: ended(ctx, cmp.Or(lookErr, context.Cause(ctx)))}
	case view.Position == Unseen:
		if rep.At.Sub(rep.Began) >= r.Limits.authorities() {
			rep.end(TimedOut, view.Detail)
		} else {
			rep.wait(rep.At.Add(rep.pause()), view.Detail)
		}
		return rep, nil
	case view.Position != AtTo:
		rep.end(Contradicted, view.Detail)
		return rep, nil
	}
	turned := true
	for _, p := range zones {
		turned = r.checkZone(ctx, p, &rep, last) && turned
	}
	if turned && rep.Bound.IsZero() {
		rep.Bound = rep.At.Add(max(view.Wait, r.OldTTL))
	}
	for _, p := range zones {
		r.checkResolvers(ctx, p, &rep, last)
	}
	if err := context.Cause(ctx); err != nil {
		return rep, &Error{Op: "check", On: "DNS swing", Err: err}
	}
	if !rep.Bound.IsZero() {
		rep.Notes = append(rep.Notes, "caches that nobody listed have turned by "+rep.Bound.UTC().Format(time.RFC3339)+" if they keep to TTLs; this is a bound, not a proof")
	}
	r.judge(&rep)
	if rep.State == Pending && rep.Next.IsZero() {
		rep.identify(ctx, r.To, r.Vantages, r.InARow, r.Limits.identity()+max(view.Wait, r.OldTTL), "")
	}
	if err := context.Cause(ctx); err != nil {
		return rep, &Error{Op: "check", On: "DNS swing", Err: err}
	}
	return rep, nil
}

// checkZone asks all authoritative servers of a zone and reports whether resolvers may be asked: no server is known to have anything but the new side.
func (r *Record) checkZone(ctx context.Context, p prepared, rep, last *Report) bool {
	on := p.on
	if p.zone.Authorities == nil {
		rep.Notes = append(rep.Notes, on+": the other authoritative servers were not asked: none are known")
		return true
	}
	late := rep.At.Sub(rep.Began) >= r.Limits.authorities()
	auth, err := p.zone.Authorities(ctx)
	if err != nil {
		rep.Servers = append(rep.Servers, ServerReport{Zone: on, Server: "authoritative servers", Kind: Authoritative, State: ServerUnreachable, Error: err.Error(), Last: rep.At})
		return late
	}
	rep.Skipped = append(rep.Skipped, auth.Skipped...)
	if auth.Refresh > 0 {
		rep.Notes = append(rep.Notes, fmt.Sprintf("%s: a secondary that lost the notification asks by itself within %v (SOA refresh)", on, auth.Refresh))
	}
	if err := rep.needSerial(ctx, on, auth.Primary, p.keys); err != nil {
		rep.Notes = append(rep.Notes, on+": serials are not compared: "+err.Error())
	}
	servers := make([]ServerReport, len(auth.Servers))
	var wg sync.WaitGroup
	for i, ns := range auth.Servers {
		wg.Go(func() {
			s := again(last, on, ns.String(), Authoritative)
			askAuthority(ctx, p, ns, rep.Serials, &s)
			servers[i] = s
		})
	}
	wg.Wait()
	ok := true
	for _, s := range servers {
		ok = ok && (s.State == ServerNew || s.State == ServerUnreachable && late)
	}
	rep.Servers = append(rep.Servers, servers...)
	return ok
}

// needSerial notes the primary's serial when it is first seen after the swing; later ones are other people's changes and would make the secondaries chase them.
func (r *Report) needSerial(ctx context.Context, zone string, primary Nameserver, keys []Key) error {
	if _, ok := r.Serials[zone]; ok || primary == nil {
		return nil
	}
	ans, err := askServer(ctx, primary, keys)
	if err != nil || !ans.HasSerial {
		return err
	}
	if r.Serials == nil {
		r.Serials = map[string]uint32{}
	}
	r.Serials[zone] = ans.Serial
	return nil
}

func askAuthority(ctx context.Context, p prepared, ns Nameserver, serials map[string]uint32, s *ServerReport) {
	ans, err := askServer(ctx, ns, p.keys)
	s.asked()
	s.Error, s.Have = "", nil
	if err != nil {
		s.State, s.Error = ServerUnreachable, err.Error()
		return
	}
	s.Serial = ans.Serial
	s.State, s.Have = p.server(ans.Sets)
	switch {
	case !ans.Authoritative:
		s.State = ServerLame
	case s.State == ServerNew && ans.HasSerial && behind(serials, s.Zone, ans.Serial):
		s.State = ServerBehind
	}
	s.turn()
}

func behind(serials map[string]uint32, zone string, serial uint32) bool {
	need, ok := serials[zone]
	return ok && !serialReached(serial, need)
}

// turn keeps when the server was first seen new; one that went back has not turned.
func (s *ServerReport) turn() {
	switch {
	case s.State != ServerNew:
		s.Turned = time.Time{}
	case s.Turned.IsZero():
		s.Turned = s.Last
	}
}

// server classifies what a server holds.
func (p prepared) server(have []RecordSet) (ServerState, []string) {
	pos, words := p.position(have)
	switch pos {
	case AtTo:
		return ServerNew, words
	case AtFrom:
		return ServerOld, words
	case AtBoth:
		return ServerBoth, words
	case AtNeither:
		return ServerNothing, words
	case Unseen, Split, Elsewhere:
	}
	return ServerOther, words
}

// resolverAsks is how often a resolver is asked in one go: an address may be several caches.
const resolverAsks = 3

func (r *Record) checkResolvers(ctx context.Context, p prepared, rep, last *Report) {
	on := p.on
	ready := true
	for _, s := range rep.Servers {
		late := s.State == ServerUnreachable && rep.At.Sub(rep.Began) >= r.Limits.authorities()
		ready = ready && (s.Zone != on || s.Kind != Authoritative || s.State == ServerNew || late)
	}
	servers := make([]ServerReport, len(p.zone.Resolvers))
	var wg sync.WaitGroup
	for i, ns := range p.zone.Resolvers {
		s := again(last, on, ns.String(), Resolver)
		if s.State == "" {
			s.State = ServerNotAsked
		}
		servers[i] = s
		if !ready || s.State == ServerNew || rep.At.Before(s.Due) {
			continue
		}
		wg.Go(func() { p.askResolver(ctx, ns, &servers[i]) })
	}
	wg.Wait()
	rep.Servers = append(rep.Servers, servers...)
}

// askResolver asks several times over and keeps the worst answer, with the longest time that is left.
func (p prepared) askResolver(ctx context.Context, ns Nameserver, s *ServerReport) {
	first := s.Predicted.IsZero()
	s.State, s.Have, s.Left, s.Error = ServerNew, nil, 0, ""
	for range resolverAsks {
		ans, err := askServer(ctx, ns, p.keys)
		s.asked()
		if err != nil {
			s.State, s.Error, s.Due = ServerUnreachable, err.Error(), s.Last.Add(2*time.Second)
			s.Turned = time.Time{}
			return
		}
		state, words := p.server(ans.Sets)
		if state == ServerNew {
			if s.State == ServerNew {
				s.Have = words
			}
			continue
		}
		s.State, s.Have = state, words
		for i, h := range ans.Sets {
			if !h.Same(p.to[i]) {
				s.Left = max(s.Left, h.TTL)
			}
		}
	}
	s.turn()
	if s.State == ServerNew {
		s.Due = time.Time{}
		return
	}
	s.Due = s.Last.Add(s.Left + time.Second)
	if first {
		s.Predicted = s.Due
	} else {
		s.Overdue++
	}
}

// judge sums the servers up: pending while one is due, final once nothing but servers past their limit is left, and without a next moment if all have turned.
func (r *Record) judge(rep *Report) {
	var late []string
	due := false
	for _, s := range rep.Servers {
		if s.State == ServerNew {
			continue
		}
		begun, limit, next := rep.Began, r.Limits.authorities(), rep.At.Add(rep.pause())
		if s.Kind == Resolver {
			begun, limit, next = s.First, r.Limits.resolvers(), s.Due
			if !s.Predicted.IsZero() {
				begun = s.Predicted
			}
		}
		switch {
		case s.State == ServerNotAsked: // it waits for the authoritative servers, which are pending or late themselves
		case rep.At.Sub(begun) >= limit:
			late = append(late, s.words())
		default:
			due = true
			rep.wait(next, s.words())
		}
	}
	if len(late) > 0 && !due {
		rep.end(TimedOut, "past its limit: "+strings.Join(late, "; "))
	}
}

// words says in one phrase what a server was seen to say.
func (s ServerReport) words() string {
	what := fmt.Sprintf("%s %s: %s", s.Kind, s.Server, s.State)
	if len(s.Have) > 0 {
		what += " (" + strings.Join(s.Have, ", ") + ")"
	}
	if s.Error != "" {
		what += " (" + s.Error + ")"
	}
	return what
}

// again returns what is known of a server from the check before, or a new entry.
func again(last *Report, zone, server string, kind Kind) ServerReport {
	if last != nil {
		for _, s := range last.Servers {
			if s.Zone == zone && s.Server == server && s.Kind == kind {
				return s
			}
		}
	}
	return ServerReport{Zone: zone, Server: server, Kind: kind}
}
