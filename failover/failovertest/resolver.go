package failovertest

import (
	"context"
	"sync"
	"time"

	"github.com/changeover-sdk/changeover/failover"
)

// Resolver is a caching resolver in front of a zone. It is a [failover.Nameserver].
//
// A cached answer is handed out with the time that it has left, in whole seconds rounded down, as real resolvers do; "no such name" is cached too.
type Resolver struct {
	Faults
	// MinTTL stretches shorter TTLs, as unbound's cache-min-ttl does. Default 0: TTLs are kept to.
	MinTTL time.Duration
	// MaxTTL shortens longer ones. Default 0: none.
	MaxTTL time.Duration
	// NegativeTTL is how long "no such name" is cached. Default 1 h.
	NegativeTTL time.Duration
	// Stale hands out what is in the cache for this long after its time, with a TTL of 30 s (RFC 8767). Default 0: never.
	Stale time.Duration
	// Caches is how many caches answer at this address in turn. Default 1.
	Caches int
	// From is the server it asks. Default the primary.
	From *Server

	name   string
	mu     sync.Mutex
	turn   int
	caches []map[failover.Key]cached
}

type cached struct {
	set    failover.RecordSet
	expiry time.Time
}

// Resolver returns a resolver with an empty cache.
func (z *Zone) Resolver(name string) *Resolver { return &Resolver{name: name, From: z.servers[0]} }

// String returns the resolver's name.
func (r *Resolver) String() string { return r.name }

// Flush empties the caches.
func (r *Resolver) Flush() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.caches = nil
}

// Ask answers from the next cache, and asks the server for what is not there.
func (r *Resolver) Ask(ctx context.Context, keys []failover.Key) (failover.Answer, error) {
	if err := ctx.Err(); err != nil {
		return failover.Answer{}, err
	}
	if fault := r.begin("Ask"); fault != 0 && fault != Stale {
		return failover.Answer{}, fault.err()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.caches) < max(1, r.Caches) {
		r.caches = append(r.caches, map[failover.Key]cached{})
	}
	cache := r.caches[r.turn%len(r.caches)]
	r.turn++
	var out failover.Answer
	now := time.Now()
	for _, k := range keys {
		k.Name = failover.CanonicalName(k.Name)
		c, ok := cache[k]
		if ok && now.Before(c.expiry.Add(r.Stale)) && !now.Before(c.expiry) {
			c.set.TTL = 30 * time.Second
			out.Sets = append(out.Sets, c.set)
			continue
		}
		if !ok || !now.Before(c.expiry) {
			ans, err := r.From.Ask(ctx, []failover.Key{k})
			if err != nil {
				return failover.Answer{}, err
			}
			c = cached{set: ans.Sets[0]}
			ttl := c.set.TTL
			if len(c.set.Values) == 0 {
				if ttl = r.NegativeTTL; ttl == 0 {
					ttl = time.Hour
				}
			}
			ttl = max(ttl, r.MinTTL)
			if r.MaxTTL > 0 {
				ttl = min(ttl, r.MaxTTL)
			}
			c.expiry = now.Add(ttl)
			cache[k] = c
		}
		c.set.TTL = c.expiry.Sub(now).Truncate(time.Second)
		out.Sets = append(out.Sets, c.set)
	}
	return out, nil
}
