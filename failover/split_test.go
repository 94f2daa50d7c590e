package failover_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/changeover-sdk/changeover/failover"
	"github.com/changeover-sdk/changeover/failover/failovertest"
)

func TestSplitHorizon(t *testing.T) {
	const old, new, other = "192.0.2.1", "192.0.2.2", "192.0.2.3"
	tests := map[string]struct {
		set      func(inner, outer *failovertest.Zone)
		keep     bool
		want     failover.Outcome
		inner    string
		outer    string
		sends    [2]int
		putBack  failover.Outcome // of the first zone; Unknown: not tried
		tried    bool
		again    failover.Outcome // of a second swing, after the fault
		position failover.Position
		says     string // of the error
	}{
		"both move": {want: failover.Applied, inner: new, outer: new, sends: [2]int{1, 1}, again: failover.AlreadyDone, position: failover.AtTo},
		"the second refuses: the first is put back": {
			set:  func(_, outer *failovertest.Zone) { outer.Fail("Replace", 1, failovertest.Refused) },
			want: failover.Unchanged, inner: old, outer: old, sends: [2]int{2, 1}, tried: true, putBack: failover.Applied, again: failover.Applied, position: failover.AtFrom,
			says: "internal.example.com. at primary had moved and was put back",
		},
		"the second refuses and the first is to stay": {
			set:  func(_, outer *failovertest.Zone) { outer.Fail("Replace", 1, failovertest.Refused) },
			keep: true, want: failover.Conflict, inner: new, outer: old, sends: [2]int{1, 1}, again: failover.Applied, position: failover.Split,
			says: "internal.example.com. at primary leads to the new side",
		},
		"the second refuses and putting back too": {
			set: func(inner, outer *failovertest.Zone) {
				inner.Fail("Replace", 1, 0)
				inner.Fail("Replace", 1, failovertest.Refused)
				outer.Fail("Replace", 1, failovertest.Refused)
			},
			want: failover.Conflict, inner: new, outer: old, sends: [2]int{2, 1}, tried: true, putBack: failover.Unchanged, again: failover.Applied, position: failover.Split,
			says: "had moved, and putting it back ended unchanged",
		},
		"the second refuses and the answer to putting back is lost": {
			set: func(inner, outer *failovertest.Zone) {
				inner.Fail("Replace", 1, 0)
				inner.Fail("Replace", 1, failovertest.LostAnswer)
				outer.Fail("Replace", 1, failovertest.Refused)
			},
			want: failover.Unchanged, inner: old, outer: old, sends: [2]int{2, 1}, tried: true, putBack: failover.AlreadyDone, again: failover.Applied, position: failover.AtFrom,
		},
		"the answer of the second is lost and it cannot be read: nothing is put back": {
			set: func(_, outer *failovertest.Zone) {
				outer.Fail("Replace", 1, failovertest.LostAnswer)
				outer.Fail("Read", 1, 0)
				outer.Fail("Read", 20, failovertest.LostRequest)
			},
			want: failover.Unknown, inner: new, outer: new, sends: [2]int{1, 1}, again: failover.AlreadyDone, position: failover.AtTo,
		},
		"a run that was cut short between the zones is finished": {
			set: func(inner, _ *failovertest.Zone) {
				inner.Edit(failover.RecordSet{Name: host, Type: failover.A, TTL: time.Hour, Values: []string{new}})
			},
			want: failover.Applied, inner: new, outer: new, sends: [2]int{0, 1}, again: failover.AlreadyDone, position: failover.AtTo,
		},
		"a zone that was done before is not put back": {
			set: func(inner, outer *failovertest.Zone) {
				inner.Edit(failover.RecordSet{Name: host, Type: failover.A, TTL: time.Hour, Values: []string{new}})
				outer.Fail("Replace", 1, failovertest.Refused)
			},
			want: failover.Conflict, inner: new, outer: old, sends: [2]int{0, 1}, again: failover.Applied, position: failover.Split,
		},
		"the second leads elsewhere: nothing is sent": {
			set: func(_, outer *failovertest.Zone) {
				outer.Edit(failover.RecordSet{Name: host, Type: failover.A, TTL: time.Hour, Values: []string{other}})
			},
			want: failover.Conflict, inner: old, outer: other, again: failover.Conflict, position: failover.Elsewhere,
		},
		"the second cannot be read: nothing is sent": {
			set:  func(_, outer *failovertest.Zone) { outer.Fail("Read", 1, failovertest.LostRequest) },
			want: failover.Unchanged, inner: old, outer: old, again: failover.Applied, position: failover.AtFrom,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				inner, outer := newZone("internal.example.com."), newZone("example.com.")
				if tt.set != nil {
					tt.set(inner, outer)
				}
				r := record(inner, outer)
				r.KeepPartial = tt.keep
				res, err := r.Swing(t.Context())
				if res.Outcome != tt.want || (err == nil) != tt.want.Good() {
					t.Errorf("Swing() = %v, %v, want %v", res.Outcome, err, tt.want)
				}
				if tt.says != "" && !strings.Contains(fmt.Sprint(err), tt.says) {
					t.Errorf("the error %v does not say %q", err, tt.says)
				}
				if got := [2]int{inner.Calls("Replace"), outer.Calls("Replace")}; got != tt.sends {
					t.Errorf("changes sent = %v, want %v", got, tt.sends)
				}
				if len(res.Parts) > 0 {
					if back := res.Parts[0].PutBack; (back != nil) != tt.tried || back != nil && *back != tt.putBack {
						t.Errorf("put back = %v, want %t %v", back, tt.tried, tt.putBack)
					}
				}
				inner.Heal()
				outer.Heal()
				if d := cmp.Diff([2][]string{{tt.inner}, {tt.outer}}, [2][]string{have(t, inner), have(t, outer)}); d != "" {
					t.Errorf("values (-want +got):\n%s", d)
				}
				if v, err := r.Look(t.Context()); err != nil || v.Position != tt.position {
					t.Errorf("Look() = %v, %v, want %v", v.Position, err, tt.position)
				}
				if res, err := r.Swing(t.Context()); res.Outcome != tt.again {
					t.Errorf("the second Swing() = %v, %v, want %v", res.Outcome, err, tt.again)
				}
			})
		})
	}
}

// givingUp is an editor whose caller gives up while it refuses.
type givingUp struct {
	*failovertest.Zone
	cancel context.CancelFunc
}

func (g givingUp) Replace(context.Context, []failover.Change) error {
	g.cancel()
	return failover.ErrRefused
}

func TestSplitHorizonIsPutBackWhenTheCallerGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner, outer := newZone("internal.example.com."), newZone("example.com.")
		ctx, cancel := context.WithCancel(t.Context())
		r := record(inner, outer)
		r.Zones[1].Editor = givingUp{outer, cancel}
		res, err := r.Swing(ctx)
		if res.Outcome != failover.Unchanged || !errors.Is(err, context.Canceled) || !errors.Is(err, failover.ErrRefused) {
			t.Errorf("Swing() = %v, %v", res.Outcome, err)
		}
		if d := cmp.Diff([]string{"192.0.2.1"}, have(t, inner)); d != "" {
			t.Errorf("the first zone (-want +got):\n%s", d)
		}
	})
}

func TestManyZonesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var zones []*failovertest.Zone
		for range 50 {
			zones = append(zones, newZone("example.com."))
		}
		r := record(zones...)
		r.AtOnce = 4
		zones[30].Fail("Replace", 1, failovertest.Refused)
		res, err := r.Swing(t.Context())
		if res.Outcome != failover.Unchanged || !errors.Is(err, failover.ErrRefused) {
			t.Errorf("Swing() = %v, %v", res.Outcome, err)
		}
		begun := 0
		for i, z := range zones {
			if n := z.Calls("Replace"); n > 0 {
				begun++
				if i > 34 {
					t.Errorf("zone %d was begun after zone 30 had refused", i)
				}
			}
			if d := cmp.Diff([]string{"192.0.2.1"}, have(t, z)); d != "" {
				t.Errorf("zone %d (-want +got):\n%s", i, d)
			}
		}
		if begun < 31 || begun != len(res.Parts) {
			t.Errorf("%d zones were begun, the result lists %d", begun, len(res.Parts))
		}
		if res, err := r.Swing(t.Context()); res.Outcome != failover.Applied || len(res.Parts) != 50 {
			t.Errorf("again: %v, %v", res.Outcome, err)
		}
		rep, err := failover.Verify(t.Context(), r, nil)
		if err != nil || len(rep.Servers) != 50 {
			t.Errorf("Verify() = %v, %v", rep.State, err)
		}
	})
}

// A run is killed between any two calls to the zones and a new one goes on: it always ends with both zones at the new side, each moved exactly once.
func TestCrashBetweenAnyTwoCalls(t *testing.T) {
	for calls := 1; ; calls++ {
		done := false
		synctest.Test(t, func(t *testing.T) {
			inner, outer := newZone("internal.example.com."), newZone("example.com.")
			left := calls
			crashed := record()
			for _, z := range []*failovertest.Zone{inner, outer} {
				r := record(z)
				r.Zones[0].Editor = dying{z, &left}
				crashed.Zones = append(crashed.Zones, r.Zones[0])
			}
			func() {
				defer func() { _ = recover() }()
				res, err := crashed.Swing(t.Context())
				done = true
				if !res.Outcome.Good() {
					t.Errorf("without a crash: %v, %v", res.Outcome, err)
				}
			}()
			if res, err := record(inner, outer).Swing(t.Context()); !res.Outcome.Good() {
				t.Errorf("crash at call %d: the next run ends %v, %v", calls, res.Outcome, err)
			}
			if d := cmp.Diff([2][]string{{"192.0.2.2"}, {"192.0.2.2"}}, [2][]string{have(t, inner), have(t, outer)}); d != "" {
				t.Errorf("crash at call %d: values (-want +got):\n%s", calls, d)
			}
			if s := []uint32{serial(t, inner), serial(t, outer)}; s[0] != 3 || s[1] != 3 { // 1, the first contents, the swing
				t.Errorf("crash at call %d: the zones were changed under serials %v, want one change each", calls, s)
			}
		})
		if done {
			if calls < 5 {
				t.Errorf("only %d calls were made in all", calls-1)
			}
			return
		}
	}
}

func serial(t *testing.T, z *failovertest.Zone) uint32 {
	t.Helper()
	ans, err := z.Primary().Ask(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return ans.Serial
}

// dying is an editor whose process dies after a number of calls: before or just after the call was carried out.
type dying struct {
	*failovertest.Zone
	left *int
}

var errDead = errors.New("the process died")

func (d dying) die() {
	if *d.left--; *d.left == 0 {
		panic(errDead)
	}
}

func (d dying) Read(ctx context.Context, keys []failover.Key) ([]failover.RecordSet, error) {
	d.die()
	defer d.die()
	return d.Zone.Read(ctx, keys)
}

func (d dying) Replace(ctx context.Context, c []failover.Change) error {
	d.die()
	defer d.die()
	return d.Zone.Replace(ctx, c)
}
