package pratest_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
)

// TestHourRolls spends half of an hour's requests at its end: whether as many as ever are left in the next hour is what the switch says.
func TestHourRolls(t *testing.T) {
	for _, rolls := range []bool{false, true} {
		site := pratest.Single()
		site.Switches.HourRolls = rolls
		site.Times.TokenLife = 3 * time.Hour
		bubble(t, site, func(t *testing.T) {
			tok := token(t, site, &site.A)
			ask := func() int {
				r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://access.example.com/api/config/v1/jumpoint", nil)
				r.Header.Set("Authorization", "Bearer "+tok)
				w := httptest.NewRecorder()
				site.A.ServeHTTP(w, r)
				return w.Code
			}
			spend := func(n int) (refused int) {
				for i := range n {
					if ask() != http.StatusOK {
						refused++
					}
					if i%20 == 19 {
						time.Sleep(time.Second)
					}
				}
				return refused
			}
			spend(1)
			time.Sleep(50 * time.Minute)
			if n := spend(7500); n > 0 {
				t.Errorf("%d of the first half were refused", n)
			}
			time.Sleep(10 * time.Minute)
			if refused := spend(7600); refused > 0 != rolls {
				t.Errorf("rolling %t: %d of the second half were refused", rolls, refused)
			}
			time.Sleep(time.Hour)
			if ask() != http.StatusOK {
				t.Error("an hour later it is refused")
			}
		})
	}
}

// TestTokensOutlive binds an account to other addresses while one of its tokens is in use.
func TestTokensOutlive(t *testing.T) {
	for _, outlive := range []bool{false, true} {
		site := pratest.Single()
		site.Switches.TokensOutlive = outlive
		bubble(t, site, func(t *testing.T) {
			tok := token(t, site, &site.A)
			site.Change(func() {
				site.Accounts[0].Allowed = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
				site.Accounts[0].From = netip.MustParseAddr("192.0.2.200")
			})
			got := ask(t.Context(), site, "GET", "https://access.example.com/api/config/v1/jumpoint", tok)
			if (got.status == http.StatusOK) != outlive {
				t.Errorf("outlive %t: status %d", outlive, got.status)
			}
		})
	}
}
