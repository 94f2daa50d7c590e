package runbook_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
	"github.com/changeover-sdk/changeover/upgrade"
)

// A praInput is something wrong that a PRA runbook is given: what it ends with, what it says, and what was pressed until then by the simulator's record.
type praInput struct {
	ground string // default: asynchronous, shared IP
	give   func(t *testing.T, x *praGround)
	// at is the question that a person is asked when it goes wrong; empty: before the run.
	at    string
	want  upgrade.Outcome
	step  string
	says  string
	class error
	acts  int                              // presses that changed something until then; -1 is all of the guide's
	check func(t *testing.T, x *praGround) // what else must be true
}

// fault makes requests go wrong for good, on all appliances.
func fault(what string, f pratest.Fault) func(*testing.T, *praGround) {
	f.Times = -1
	return func(_ *testing.T, x *praGround) {
		for _, b := range x.site.Boxes() {
			b.Inject(what, f)
		}
	}
}

// xmlOnly is a site of an older release, and then what else.
func xmlOnly(then func(*testing.T, *praGround)) func(*testing.T, *praGround) {
	return func(t *testing.T, x *praGround) {
		x.site.Change(func() { x.site.Switches.NoV2 = true })
		then(t, x)
	}
}

const healthXML = "GET /api/command?action=check_health"

// atWindow is a question of the second window, after the first appliance was upgraded and the traffic moved.
const atWindow = "confirmed in production"

var praInputs = map[string]praInput{
	"a wrong secret": {
		give: func(_ *testing.T, x *praGround) {
			x.site.Change(func() {
				x.site.Accounts[0].Secret = "another secret"
				x.site.Switches.LockoutAfter = 4
			})
		},
		want: upgrade.BlockedRun, step: "guard same appliance at 192.0.2.11", says: "the client ID and secret were refused", class: beyondtrust.ErrBadCredential,
		check: func(t *testing.T, x *praGround) { // the account is not locked by trying
			if n := x.site.Calls()["POST /oauth2/token"] - x.asked["POST /oauth2/token"]; n > 3 {
				t.Errorf("the secret was tried %d times", n)
			}
		},
	},
	"a revoked token": {at: "give notice", give: func(_ *testing.T, x *praGround) {
		for _, b := range x.site.Boxes() {
			b.RevokeTokens()
		}
	}, want: upgrade.Succeeded, acts: -1},
	"a token evicted by a 31st": {at: "give notice", give: mintTokens, want: upgrade.Succeeded, acts: -1,
		check: func(t *testing.T, x *praGround) {
			if len(x.site.Record().Of(pratest.TokenDead)) == 0 {
				t.Error("no token was evicted")
			}
		}},
	"a 401 for an unknown parameter": {
		give: fault("GET /api/config/v1/jump-client", pratest.Fault{Kind: pratest.FaultAnswer, Status: 401, Body: `{"message":"Unknown parameter: per_page"}`}),
		want: upgrade.BlockedRun, step: "B first/await Jump Clients", says: "Unknown parameter: per_page", class: beyondtrust.ErrRefused, acts: 7,
		check: func(t *testing.T, x *praGround) { // no new token would cure it
			if n := x.site.Calls()["POST /oauth2/token"] - x.asked["POST /oauth2/token"]; n > 8 {
				t.Errorf("%d tokens were made", n)
			}
		},
	},
	"HTML in place of XML": {give: xmlOnly(fault(healthXML, pratest.Fault{Kind: pratest.FaultPage})),
		want: upgrade.BlockedRun, step: "guard same appliance at 192.0.2.11", says: "not the documented answer"},
	"half an XML document": {give: xmlOnly(fault(healthXML, pratest.Fault{Kind: pratest.FaultHalf})),
		want: upgrade.BlockedRun, step: "guard same appliance at 192.0.2.11", says: "read XML"},
	"HTML where v2 is": {give: fault("GET /api/command/v2/*", pratest.Fault{Kind: pratest.FaultPage}), want: upgrade.Succeeded, acts: -1}, // XML is asked then
	"a backup that is an error text": {
		give: func(_ *testing.T, x *praGround) { x.site.Change(func() { x.site.Switches.BackupError = true }) },
		want: upgrade.Failed, step: "backup", says: `the appliance says "Invalid credentials"`, class: beyondtrust.ErrNotABackup,
		check: func(t *testing.T, x *praGround) {
			if list, err := x.artifacts.List(t.Context()); err != nil || len(list) > 0 {
				t.Errorf("stored: %v %v", list, err)
			}
		},
	},
	"another appliance behind an appliance's address": {at: atWindow, give: func(_ *testing.T, x *praGround) { x.site.SetNAT(x.site.A.Addr, x.site.B.Addr) },
		want: upgrade.BlockedRun, step: "break failover", says: "192.0.2.11 and 192.0.2.12 are one appliance", acts: 8},
	"another appliance than the pinned one": {give: func(t *testing.T, x *praGround) { x.pin(t, "50000000000000000000000000000fff") },
		want: upgrade.BlockedRun, step: "guard same appliance at 192.0.2.11", says: "another appliance answers", class: beyondtrust.ErrWrongAppliance},
	"the site's name leads to nobody's appliance": {ground: "PRAAsync, dns", give: func(t *testing.T, x *praGround) {
		stranger := pratest.Single()
		stranger.A.GUID, stranger.A.Name, stranger.A.Addr = "60000000000000000000000000000ccc", "stranger", netip.MustParseAddr("192.0.2.99")
		x.elsewhere(t, stranger)
	}, want: upgrade.BlockedRun, step: "guard one appliance serves the site", says: "which is none of these appliances"},
	"a package for another appliance": {ground: "PRAAsync, manual", give: func(_ *testing.T, x *praGround) {
		x.person.Secret = func(string) (string, bool) { // the person takes each key from the wrong page
			asked := x.person.Asked()
			b := &x.site.A
			if asked[len(asked)-1].Instruction.On == "192.0.2.11" {
				b = &x.site.B
			}
			key, err := b.Read(x.ctx, beyondtrust.MenuUpdates, "", beyondtrust.LinkDownloadKey)
			return key, err == nil
		}
	}, want: upgrade.UnknownEnd, step: "B first/update B/install Base Software 7.0.0", says: "This package was not made for this appliance.", acts: 4,
		check: func(t *testing.T, x *praGround) { // what is served once is still there
			if n := len(x.site.Record().Of(pratest.Serve)); n != 4 {
				t.Errorf("%d packages were served", n)
			}
			kept := 0
			list, err := x.artifacts.List(t.Context())
			for _, a := range list {
				if strings.HasPrefix(a.Name, "pra-package-") {
					kept++
				}
			}
			if err != nil || kept != 4 {
				t.Errorf("%d packages are kept: %v", kept, err)
			}
		}},
	"mismatched inter-appliance keys": {give: func(_ *testing.T, x *praGround) { must(x.site.Play("mismatched-keys")) },
		want: upgrade.BlockedRun, step: "compare the keys", says: "the keys differ"},
	"keys that differ in the second window": {at: atWindow, give: func(_ *testing.T, x *praGround) { must(x.site.Play("mismatched-keys")) },
		want: upgrade.BlockedRun, step: "compare the keys again", says: "the keys differ", acts: 10},
	"a clock off by a day": {give: func(_ *testing.T, x *praGround) { must(x.site.B.Play("clock-off-by-a-day")) },
		want: upgrade.BlockedRun, step: "check the clock of B", says: "24h0m0s off"},
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// mintTokens is another program with the same account, which makes thirty-one tokens.
func mintTokens(t *testing.T, x *praGround) {
	for _, b := range x.site.Boxes() {
		for range 31 {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+b.Host()+"/oauth2/token", strings.NewReader("grant_type=client_credentials"))
			must(err)
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.SetBasicAuth(x.site.Account())
			resp, err := x.site.HTTPClient().Do(req)
			must(err)
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				t.Fatalf("a token: %s", resp.Status)
			}
		}
	}
}

// pin makes the client of A expect another appliance.
func (x *praGround) pin(t *testing.T, guid string) {
	id, secret := x.site.Account()
	c, err := beyondtrust.NewClient(x.site.URL(), beyondtrust.NewCredential(id, beyondtrust.NewSecret(secret)), &beyondtrust.Options{Dial: x.site.A.Address(), HTTPClient: x.http(), GUID: guid})
	must(err)
	x.a.Client = c
	x.procedure = x.book()
}

// elsewhere makes the client of the site's name reach another site altogether, as a wrong DNS record does.
func (x *praGround) elsewhere(t *testing.T, s *pratest.Site) {
	t.Cleanup(s.Close)
	id, secret := s.Account()
	c, err := beyondtrust.NewClient(s.URL(), beyondtrust.NewCredential(id, beyondtrust.NewSecret(secret)), &beyondtrust.Options{Dial: netip.AddrPortFrom(s.A.Addr, 443).String(), HTTPClient: s.HTTPClient()})
	must(err)
	x.name = c
	x.procedure = x.book()
}

// TestPRABadInput gives the runbooks what they must refuse or bear: each time a clear error of the right outcome, nothing pressed that the guide has not at that place, and nothing lost.
func TestPRABadInput(t *testing.T) {
	for name, in := range praInputs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { in.play(t) })
		})
	}
}

func (in praInput) play(t *testing.T) {
	ground := in.ground
	if ground == "" {
		ground = "PRAAsync, shared"
	}
	x := praGrounds[ground](t)
	x.asked = x.site.Calls()
	given := in.at != ""
	if !given {
		in.give(t, x)
	}
	honest := x.person.Answer
	x.person.Answer = func(q upgrade.Question) string {
		if given && strings.HasSuffix(q.Step, in.at) {
			given = false
			in.give(t, x)
		}
		return honest(q)
	}
	rep, err := x.windows(t)
	if rep == nil {
		t.Fatalf("no report: %v", err)
	}
	if given {
		t.Errorf("it was never asked %q", in.at)
	}
	step, said := "", ""
	if se, ok := stepError(err); ok {
		step, said = se.Step, err.Error()
	}
	if rep.Outcome != in.want || step != in.step || !strings.Contains(said, in.says) || in.class != nil && !errors.Is(err, in.class) {
		t.Errorf("want %s at %q with %q: %s at %q: %v\n%s", in.want, in.step, in.says, rep.Outcome, step, err, rep)
	}
	if strings.Contains(fmt.Sprint(err, rep), "the simulated secret") {
		t.Errorf("the secret is shown: %v", err)
	}
	acts := in.acts
	if acts < 0 {
		acts = len(x.guide.acts)
	}
	if got := x.acts(); len(got) != acts {
		t.Errorf("%d acts, want %d:\n%s\n%s", len(got), acts, strings.Join(got, "\n"), x.site.Record())
	}
	if bad := x.guide.judge(x, rep.Outcome.Good()); bad != nil {
		t.Errorf("%v\n%s", bad, x.site.Record())
	}
	if at := x.site.At(); len(at) != 1 {
		t.Errorf("the site's name leads to %v", at)
	}
	if in.check != nil {
		in.check(t, x)
	}
}
