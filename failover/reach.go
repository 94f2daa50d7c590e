package failover

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Probe connects to the site's name by a fresh connection and says which appliance answered: a PRA appliance's GUID, the fingerprint of its certificate's public key, anything that
// only that appliance has. An error means that nobody answered, or nobody who could say so. It must end with ctx.
type Probe func(ctx context.Context) (id string, err error)

// Vantage is a place from which the site is looked at: this machine, a tester's, one behind another router. After a shared IP switch one place may still send to the old box, because
// nobody told its neighbour cache; two places tell that from a failure.
type Vantage struct {
	From string // for people: "this machine", "branch office"
	Ask  Probe
}

// Sighting is what one vantage met at one moment.
type Sighting struct {
	From  string        `json:"from"`
	ID    string        `json:"id,omitempty"`
	Error string        `json:"error,omitempty"`
	At    time.Time     `json:"at"`
	Took  time.Duration `json:"took"`
}

// sight asks a vantage once.
func sight(ctx context.Context, v Vantage) Sighting {
	s := Sighting{From: v.From, At: time.Now()}
	id, err := v.Ask(ctx)
	s.Took = time.Since(s.At)
	switch {
	case err != nil:
		s.Error = err.Error()
	case id == "":
		s.Error = "answered, but did not say which appliance it is"
	default:
		s.ID = id
	}
	return s
}

// Reach asks every vantage once, at the same time, and returns the sightings in their order. It says who can be reached, not whether that is right; see [Identify].
func Reach(ctx context.Context, vantages []Vantage) []Sighting {
	out := make([]Sighting, len(vantages))
	var wg sync.WaitGroup
	for i, v := range vantages {
		wg.Go(func() { out[i] = sight(ctx, v) })
	}
	wg.Wait()
	return out
}

// Identity is whom the vantages met, each several times in a row.
type Identity struct {
	Want string         `json:"want"`
	Seen []IdentitySeen `json:"seen"`
}

// IdentitySeen is whom one vantage met.
type IdentitySeen struct {
	From   string         `json:"from"`
	InARow int            `json:"in_a_row"` // how often the wanted appliance answered, up to the last time
	IDs    map[string]int `json:"ids,omitempty"`
	Errors int            `json:"errors,omitempty"`
	Last   Sighting       `json:"last"`
}

// Proven reports whether every vantage met the wanted appliance and no other, and each could connect every time. Without a vantage nothing is proven.
func (id Identity) Proven() bool {
	for _, s := range id.Seen {
		if s.Errors > 0 || len(s.IDs) != 1 || s.IDs[id.Want] == 0 {
			return false
		}
	}
	return id.Want != "" && len(id.Seen) > 0
}

// String says who answered where.
func (id Identity) String() string {
	var out string
	for i, s := range id.Seen {
		if i > 0 {
			out += "; "
		}
		out += fmt.Sprintf("from %s: %d in a row", s.From, s.InARow)
		var others []string
		for other, n := range s.IDs {
			if other != id.Want {
				others = append(others, fmt.Sprintf("%s answered %d times", other, n))
			}
		}
		slices.Sort(others)
		for _, o := range others {
			out += ", " + o
		}
		if s.Errors > 0 {
			out += fmt.Sprintf(", nobody answered %d times", s.Errors)
		}
		if s.Last.Error != "" {
			out += " (last: " + s.Last.Error + ")"
		}
	}
	return out
}

// Identify asks every vantage times times in a row (default 3), over fresh connections, who answers at the site. It stops early at a vantage that met another appliance or nobody.
// It does not wait for things to become right: ask again later for that.
func Identify(ctx context.Context, vantages []Vantage, want string, times int) Identity {
	if times <= 0 {
		times = 3
	}
	out := Identity{Want: want, Seen: make([]IdentitySeen, len(vantages))}
	var wg sync.WaitGroup
	for i, v := range vantages {
		wg.Go(func() {
			seen := IdentitySeen{From: v.From, IDs: map[string]int{}}
			for range times {
				s := sight(ctx, v)
				seen.Last = s
				if s.Error != "" {
					seen.Errors++
					seen.InARow = 0
					break
				}
				seen.IDs[s.ID]++
				if s.ID != want {
					seen.InARow = 0
					break
				}
				seen.InARow++
			}
			out.Seen[i] = seen
		})
	}
	wg.Wait()
	return out
}
