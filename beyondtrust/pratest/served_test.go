package pratest_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
)

// TestServed compares the book of who served with what was done to the site, to the moment.
func TestServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := pratest.Pair()
		defer s.Close()
		began := time.Now()
		s.A.PowerCycle()
		time.Sleep(time.Hour) // nobody looks: the book is exact all the same
		s.SetDNS("access.example.com", s.A.Addr, s.B.Addr)
		time.Sleep(time.Minute)
		s.SetDNS("access.example.com", s.B.Addr)
		at := map[string]time.Duration{}
		var got []string
		for _, v := range s.Served() {
			got = append(got, fmt.Sprint(v.Who))
			at[got[len(got)-1]] = v.At.Sub(began)
		}
		// A was cut off in the first moment, in which nobody saw it.
		if want := []string{"[]", "[pra-a]", "[pra-a pra-b]", "[pra-b]"}; !slices.Equal(got, want) {
			t.Fatalf("served: %v, want %v", s.Served(), want)
		}
		if at["[]"] != 0 || at["[pra-a]"] != 5*time.Minute || at["[pra-a pra-b]"] != time.Hour || at["[pra-b]"] != time.Hour+time.Minute {
			t.Errorf("served: %v", s.Served())
		}
	})
}

// TestServedByHook sees what a simulated zone says when the simulation next moves.
func TestServedByHook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := pratest.Pair()
		defer s.Close()
		addr := netip.MustParseAddr("192.0.2.11")
		s.Lookup = func(_ context.Context, host string) ([]string, error) {
			if host != "access.example.com" {
				return nil, fmt.Errorf("no such host")
			}
			return []string{addr.String()}, nil
		}
		s.Served()
		time.Sleep(time.Second)
		addr = netip.MustParseAddr("192.0.2.12")
		got := s.Served()
		if len(got) != 2 || !slices.Equal(got[0].Who, []string{"pra-a"}) || !slices.Equal(got[1].Who, []string{"pra-b"}) {
			t.Errorf("served: %v", got)
		}
	})
}
