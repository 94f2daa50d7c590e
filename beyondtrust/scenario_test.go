package beyondtrust_test

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
)

// simulation runs f in a bubble with a simulated site, and fails if the site saw anything that must not be done to it.
func simulation(t *testing.T, s *pratest.Site, f func(t *testing.T, cred beyondtrust.Credential)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		id, secret := s.Account()
		f(t, beyondtrust.NewCredential(id, beyondtrust.NewSecret(secret)))
		for _, v := range s.Violations() {
			t.Errorf("violation: %v", v)
		}
		for _, e := range s.Record().Of(pratest.UnknownRequest) {
			t.Errorf("no document knows this: %v", e)
		}
		s.Close()
	})
}

func at(t *testing.T, s *pratest.Site, b *pratest.Box, cred beyondtrust.Credential, opts beyondtrust.Options) *beyondtrust.Client {
	t.Helper()
	opts.HTTPClient = s.HTTPClient()
	if b != nil {
		opts.Dial = b.Address()
	}
	c, err := beyondtrust.NewClient("https://access.example.com", cred, &opts)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Whatever the vendor's documents leave open, the client finds its way.
func TestScenarioEverySwitch(t *testing.T) {
	tests := map[string]struct {
		set        func(sw *pratest.Switches)
		noXML, old bool
	}{
		"the likeliest": {set: func(*pratest.Switches) {}},
		"no XML":        {set: func(sw *pratest.Switches) { sw.NoXML = true }, noXML: true},
		"no v2":         {set: func(sw *pratest.Switches) { sw.NoV2 = true }, old: true},
		"another namespace": {set: func(sw *pratest.Switches) {
			sw.NoV2, sw.Namespace = true, "http://www.bomgar.com/namespaces/API/command"
		}, old: true},
		"a third namespace": {set: func(sw *pratest.Switches) {
			sw.NoV2, sw.Namespace = true, "http://www.beyondtrust.com/sra/namespaces/API/reporting"
		}, old: true},
		"the hour rolls":             {set: func(sw *pratest.Switches) { sw.HourRolls = true }},
		"XML errors with status 400": {set: func(sw *pratest.Switches) { sw.XMLErrorStatus = 400 }},
		"XML errors with status 403": {set: func(sw *pratest.Switches) { sw.XMLErrorStatus = 403 }},
		"Host is looked at":          {set: func(sw *pratest.Switches) { sw.HostChecked = true }},
		"health is always fresh":     {set: func(sw *pratest.Switches) { sw.FreshHealth = true }},
		"shared IPs are null":        {set: func(sw *pratest.Switches) { sw.SharedIPs = "null" }},
		"shared IPs are []":          {set: func(sw *pratest.Switches) { sw.SharedIPs = "[]" }},
		"more fields":                {set: func(sw *pratest.Switches) { sw.MoreFields = true }},
		"old words for the counts":   {set: func(sw *pratest.Switches) { sw.OldCounts = true }},
		"bad tokens with status 403": {set: func(sw *pratest.Switches) { sw.BadTokenStatus = 403 }},
		"bad tokens with status 400": {set: func(sw *pratest.Switches) { sw.BadTokenStatus = 400 }},
		"one token for both":         {set: func(sw *pratest.Switches) { sw.TokensShared = true }},
		"tokens die with a role":     {set: func(sw *pratest.Switches) { sw.TokensDie = true }},
		"a role that is held is no":  {set: func(sw *pratest.Switches) { sw.RoleHeldStatus = 422 }},
		"a backup without a name":    {set: func(sw *pratest.Switches) { sw.NoDisposition = true }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := pratest.Pair()
			tt.set(&s.Switches)
			simulation(t, s, func(t *testing.T, cred beyondtrust.Credential) {
				ctx := t.Context()
				a := at(t, s, &s.A, cred, beyondtrust.Options{GUID: s.A.GUID})
				b := at(t, s, &s.B, cred, beyondtrust.Options{GUID: s.B.GUID})
				check := func(what string, err error) {
					t.Helper()
					if err != nil {
						t.Errorf("%s: %v", what, err)
					}
				}
				h, err := a.Health(ctx)
				check("health", err)
				base, version, build := s.A.Running()
				if h.FailoverRole != beyondtrust.RolePrimary || h.Version.Number != version || h.Version.Build != build || !h.Healthy || base == "" {
					t.Errorf("health of A: %+v, runs %s (%s)", h, version, build)
				}
				hb, err := b.Health(ctx)
				check("health of B", err)
				if !h.Version.Same(hb.Version) || beyondtrust.RelationOf(h.FailoverRole, hb.FailoverRole) != beyondtrust.RelationEstablished {
					t.Errorf("A is %v as %s, B is %v as %s", h.Version, h.FailoverRole, hb.Version, hb.FailoverRole)
				}
				for _, box := range []*pratest.Box{&s.A, &s.B} {
					box.RevokeTokens()
				}
				who, err := a.Identify(ctx)
				check("identify", err)
				if !beyondtrust.SameGUID(who.GUID, s.A.GUID) {
					t.Errorf("A calls itself %s, it is %s", who.GUID, s.A.GUID)
				}
				_, err = a.Probe(ctx)
				check("probe", err)
				_, err = a.Info(ctx)
				check("info", err)
				users, err := a.Users(ctx)
				check("users", err)
				n, err := a.CountSessions(ctx)
				check("sessions", err)
				if len(users) != 2 || n != 1 {
					t.Errorf("%d users and %d sessions, want 2 and 1", len(users), n)
				}
				if n, err := a.ConnectedJumpClients(ctx); tt.noXML != errors.Is(err, beyondtrust.ErrNotOffered) || !tt.noXML && n != 12 {
					t.Errorf("%d Jump Clients connected, %v, want 12", n, err)
				}
				counts, err := a.ClientCounts(ctx)
				check("counts", err)
				if len(counts) == 0 || counts[0].Consoles != 2 {
					t.Errorf("counts %+v", counts)
				}
				if list, err := a.Appliances(ctx); tt.old != errors.Is(err, beyondtrust.ErrNotOffered) || !tt.old && len(list) != 2 {
					t.Errorf("appliances %v, %v", list, err)
				}
				clients := 0
				for _, err := range a.JumpClients(ctx) {
					check("Jump Clients", err)
					clients++
				}
				if clients != 16 {
					t.Errorf("%d Jump Clients, want 16", clients)
				}
				var file bytes.Buffer
				check("backup", a.Backup(ctx, &file))
				check("look at the backup", beyondtrust.CheckBackup(file.Bytes()))

				began := time.Now()
				answer, err := b.SetFailoverRole(ctx, beyondtrust.RoleChange{Role: beyondtrust.RolePrimary, DataSyncFirst: true})
				check("change of roles", err)
				if answer.Outcome != beyondtrust.RoleSyncStarted {
					t.Errorf("change of roles: %+v", answer)
				}
				for {
					h, err := b.Health(ctx)
					check("health of B", err)
					if h.AsOf.After(began) && h.FailoverRole == beyondtrust.RolePrimary {
						break
					}
					if time.Since(began) > time.Hour {
						t.Fatalf("B is %s after an hour", h.FailoverRole)
					}
					time.Sleep(20 * time.Second)
				}
			})
		})
	}
}

// ok-status-error-body
func TestScenarioOKStatusErrorBody(t *testing.T) {
	s := pratest.Single()
	s.Switches.BackupError = true
	simulation(t, s, func(t *testing.T, cred beyondtrust.Credential) {
		var file bytes.Buffer
		err := at(t, s, &s.A, cred, beyondtrust.Options{}).Backup(t.Context(), &file)
		if !errors.Is(err, beyondtrust.ErrNotABackup) || file.Len() != 0 || !strings.Contains(err.Error(), "Invalid credentials") {
			t.Errorf("Backup() = %v, %d bytes, want ErrNotABackup with the appliance's words, and none", err, file.Len())
		}
	})
}

// reset-during-act: the act happened, and the client does not say that it did not, nor send it again.
func TestScenarioResetDuringAct(t *testing.T) {
	s := pratest.Pair()
	simulation(t, s, func(t *testing.T, cred beyondtrust.Credential) {
		a := at(t, s, &s.A, cred, beyondtrust.Options{GUID: s.A.GUID})
		s.A.Inject("POST /api/command/v2/failover-role", pratest.Fault{Kind: pratest.FaultReset, Acts: true})
		_, err := a.SetFailoverRole(t.Context(), beyondtrust.RoleChange{Role: beyondtrust.RoleBackup})
		if err == nil || errors.Is(err, beyondtrust.ErrNotSent) {
			t.Errorf("SetFailoverRole() error = %v, want one that leaves it open", err)
		}
		time.Sleep(2 * time.Minute)
		if h, err := a.Health(t.Context()); err != nil || h.FailoverRole != beyondtrust.RoleBackup {
			t.Errorf("A is %s, %v: the act happened", h.FailoverRole, err)
		}
	})
}

// host-name-redirected-to-peer
func TestScenarioHostNameRedirectedToPeer(t *testing.T) {
	s := pratest.Pair()
	simulation(t, s, func(t *testing.T, cred beyondtrust.Credential) {
		site := at(t, s, nil, cred, beyondtrust.Options{GUID: s.A.GUID})
		if _, err := site.Health(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.SetDNS("access.example.com", s.B.Addr)
		time.Sleep(beyondtrust.HealthCache)
		if _, err := site.Health(t.Context()); !errors.Is(err, beyondtrust.ErrWrongAppliance) {
			t.Errorf("Health() at the moved name: %v, want ErrWrongAppliance", err)
		}
		if who, err := site.Identify(t.Context()); err != nil || !beyondtrust.SameGUID(who.GUID, s.B.GUID) {
			t.Errorf("Identify() = %s, %v, want B", who.GUID, err)
		}
	})
}

// token-dead-after-failover
func TestScenarioTokenDeadAfterFailover(t *testing.T) {
	s := pratest.Pair()
	s.Switches.TokensDie = true
	simulation(t, s, func(t *testing.T, cred beyondtrust.Credential) {
		a := at(t, s, &s.A, cred, beyondtrust.Options{})
		if _, err := a.SetFailoverRole(t.Context(), beyondtrust.RoleChange{Role: beyondtrust.RoleBackup}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		if _, err := a.Users(t.Context()); err != nil {
			t.Errorf("Users() after the change of roles: %v", err)
		}
	})
}

// clock-off-by-a-day: the appliance's times are its own, and the client says how far off they are.
func TestScenarioClockOffByADay(t *testing.T) {
	s := pratest.Single()
	s.A.ClockOffset = -24 * time.Hour
	simulation(t, s, func(t *testing.T, cred beyondtrust.Credential) {
		h, err := at(t, s, &s.A, cred, beyondtrust.Options{}).Health(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if d, ok := h.Offset(); !ok || (d+24*time.Hour).Abs() > 5*time.Second {
			t.Errorf("Offset() = %v, %t, want a day behind", d, ok)
		}
	})
}

// partial-page-of-results
func TestScenarioPartialPageOfResults(t *testing.T) {
	s := pratest.Single()
	s.Fleet.Active = 250
	simulation(t, s, func(t *testing.T, cred beyondtrust.Credential) {
		a := at(t, s, &s.A, cred, beyondtrust.Options{})
		n := 0
		for _, err := range a.JumpClients(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		if n < 250 {
			t.Errorf("%d Jump Clients, want 250 at least: all pages", n)
		}
		s.A.Inject("GET /api/config/v1/jump-client", pratest.Fault{Kind: pratest.FaultHalf, Times: 10})
		var last error
		for _, err := range a.JumpClients(t.Context()) {
			last = err
		}
		if last == nil {
			t.Error("half a page gave no error")
		}
		if !errors.Is(last, beyondtrust.ErrAnswer) && !errors.Is(last, beyondtrust.ErrUnavailable) {
			t.Errorf("half a page: %v", last)
		}
	})
}

// The client asks all along while an appliance installs: nothing but known classes comes back, and no page is taken for an answer.
func TestScenarioAskedWhileItInstalls(t *testing.T) {
	s := pratest.Single()
	simulation(t, s, func(t *testing.T, cred beyondtrust.Credential) {
		ctx := t.Context()
		a := at(t, s, &s.A, cred, beyondtrust.Options{GUID: s.A.GUID})
		pages := s.A.Pages()
		before, err := a.Health(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // Base, then site
			if err := pages.Updates.Check(ctx); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			status, err := pages.Updates.Updates(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, u := range status.Available {
				if u.Blocked == "" {
					if err := pages.Updates.Install(ctx, u.Name); err != nil {
						t.Fatal(err)
					}
					break
				}
			}
			silent := 0
			for end := time.Now().Add(time.Hour); time.Now().Before(end); time.Sleep(7 * time.Second) {
				h, err := a.Health(ctx)
				switch {
				case err == nil && h.Healthy && (h.Version.Number == "" || h.GUID == ""):
					t.Fatalf("healthy and nameless: %+v", h)
				case err != nil:
					silent++
					if !errors.Is(err, beyondtrust.ErrUnavailable) && !errors.Is(err, beyondtrust.ErrAnswer) {
						t.Fatalf("while it installs: %v", err)
					}
				}
			}
			if silent == 0 {
				t.Error("nothing was ever amiss, so this proves nothing")
			}
		}
		after, err := a.Health(ctx)
		if err != nil || after.Version.Compare(before.Version) <= 0 {
			t.Errorf("it runs %v, %v, before it ran %v", after.Version, err, before.Version)
		}
	})
}

// Every fault that the simulator knows, at a question and at an act: an answer, or an error with a class.
func TestFaultEveryKind(t *testing.T) {
	kinds := []pratest.FaultKind{pratest.FaultAnswer, pratest.FaultPage, pratest.FaultRedirect, pratest.FaultReset, pratest.FaultCut, pratest.FaultHalf, pratest.FaultHang, pratest.FaultStall}
	for _, kind := range kinds {
		for _, what := range []string{"GET /api/command/v2/user", "POST /api/command/v2/failover-role", "GET /api/backup"} {
			if kind == pratest.FaultHalf && what == "GET /api/backup" {
				continue // whole by its length, and of a format that nobody has described: nothing can tell
			}
			s := pratest.Pair()
			simulation(t, s, func(t *testing.T, cred beyondtrust.Credential) {
				a := at(t, s, &s.A, cred, beyondtrust.Options{})
				if _, err := a.Info(t.Context()); err != nil {
					t.Fatal(err)
				}
				s.A.Inject(what, pratest.Fault{Kind: kind, Status: http.StatusBadGateway, Times: 10})
				var err error
				switch what {
				case "GET /api/command/v2/user":
					_, err = a.Users(t.Context())
				case "GET /api/backup":
					err = a.Backup(t.Context(), new(bytes.Buffer))
				default:
					_, err = a.SetFailoverRole(t.Context(), beyondtrust.RoleChange{Role: beyondtrust.RoleBackup})
				}
				e, ok := errors.AsType[*beyondtrust.Error](err)
				if !ok || e.Class == nil {
					t.Errorf("fault %v at %s: %v, want an error with a class", kind, what, err)
				}
			})
		}
	}
}
