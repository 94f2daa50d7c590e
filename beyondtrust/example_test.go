package beyondtrust_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
)

// simulated returns a simulated pair that answers at once, and a client of its appliance A.
func simulated() (*pratest.Site, *beyondtrust.Client) {
	s := pratest.Pair()
	s.Times.Backup = time.Nanosecond
	id, secret := s.Account()
	c, err := beyondtrust.NewClient("https://access.example.com", beyondtrust.NewCredential(id, beyondtrust.NewSecret(secret)),
		&beyondtrust.Options{Dial: s.A.Address(), HTTPClient: s.HTTPClient()})
	if err != nil {
		log.Fatal(err)
	}
	return s, c
}

// Two appliances of a pair, each asked at its own address as the site.
func ExampleNewClient() {
	s := pratest.Pair()
	defer s.Close()
	id, secret := s.Account()
	cred := beyondtrust.NewCredential(id, beyondtrust.NewSecret(secret)) // or ReadCredential

	for _, addr := range []string{s.A.Address(), s.B.Address()} {
		c, err := beyondtrust.NewClient("https://access.example.com", cred, &beyondtrust.Options{
			Dial:       addr,
			HTTPClient: s.HTTPClient(), // for a real appliance: nothing, or CA, or Fingerprint
		})
		if err != nil {
			log.Fatal(err)
		}
		h, err := c.Health(context.Background())
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(c, "is", h.FailoverRole)
	}
	// Output:
	// PRA at 192.0.2.11:443 as access.example.com is primary
	// PRA at 192.0.2.12:443 as access.example.com is backup
}

// The first line of the file is the client ID, the second the secret.
func ExampleReadCredential() {
	name := filepath.Join(os.TempDir(), fmt.Sprintf("pra-account-%d", os.Getpid()))
	if err := os.WriteFile(name, []byte("0123456789abcdef\nhush\n"), 0o600); err != nil {
		log.Fatal(err)
	}
	defer os.Remove(name)
	cred, err := beyondtrust.ReadCredential(name)
	fmt.Printf("%+v %v\n", cred, err)
	// Output: API account 0123456789abcdef <nil>
}

func ExampleSecret() {
	password := beyondtrust.NewSecret("hush")
	fmt.Printf("%v %+v %#v\n", password, password, password)
	// Output: REDACTED REDACTED REDACTED
}

// A pinned client does nothing to another appliance.
func ExampleClient_Identify() {
	s, a := simulated()
	defer s.Close()
	ctx := context.Background()
	who, err := a.Identify(ctx)
	if err != nil {
		log.Fatal(err)
	}
	id, secret := s.Account()
	site, err := beyondtrust.NewClient("https://access.example.com", beyondtrust.NewCredential(id, beyondtrust.NewSecret(secret)), &beyondtrust.Options{
		GUID:       who.GUID,
		Dial:       s.B.Address(), // say, because the name was moved
		HTTPClient: s.HTTPClient(),
	})
	if err != nil {
		log.Fatal(err)
	}
	_, err = site.SetFailoverRole(ctx, beyondtrust.RoleChange{Role: beyondtrust.RoleBackup})
	fmt.Println("another appliance:", errors.Is(err, beyondtrust.ErrWrongAppliance))
	fmt.Println("nothing was sent:", errors.Is(err, beyondtrust.ErrNotSent))
	// Output:
	// another appliance: true
	// nothing was sent: true
}

func ExampleClient_Backup() {
	s, a := simulated()
	defer s.Close()
	var file bytes.Buffer // a part file, in real life: keep it only when the error is nil
	err := a.Backup(context.Background(), &file)
	fmt.Println(err, beyondtrust.CheckBackup(file.Bytes()))
	// Output: <nil> <nil>
}

// Which clients still wait for their update, and are connected to get it?
func ExampleClient_JumpClients() {
	s, a := simulated()
	defer s.Close()
	all, online, pending := 0, 0, 0
	for j, err := range a.JumpClients(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		all++
		if j.Online() {
			online++
			if j.NeedsUpdate {
				pending++
			}
		}
	}
	fmt.Printf("%d Jump Clients, %d online, %d of them to be updated\n", all, online, pending)
	// Output: 16 Jump Clients, 12 online, 0 of them to be updated
}

func ExampleClient_Jumpoints() {
	s, a := simulated()
	defer s.Close()
	for j, err := range a.Jumpoints(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(j.Name, j.Connected)
	}
	// Output:
	// jumpoint-1 true
	// jumpoint-2 true
}

// A change of roles with a data-sync has only begun when the call returns.
func ExampleClient_SetFailoverRole() {
	s, a := simulated()
	defer s.Close()
	answer, err := a.SetFailoverRole(context.Background(), beyondtrust.RoleChange{Role: beyondtrust.RoleBackup, DataSyncFirst: true})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer.Outcome)
	// Output: data sync started
}

// Who would be cut off by an installation?
func ExampleClient_Sessions() {
	s, a := simulated()
	defer s.Close()
	ctx := context.Background()
	users, err := a.Users(ctx)
	if err != nil {
		log.Fatal(err)
	}
	sessions, err := a.Sessions(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(users), "users,", len(sessions), "session")
	for _, session := range sessions {
		fmt.Println("ended:", a.EndSession(ctx, session.LSID) == nil)
	}
	// Output:
	// 2 users, 1 session
	// ended: true
}

func ExampleClient_ConnectedJumpClients() {
	s, a := simulated()
	defer s.Close()
	n, err := a.ConnectedJumpClients(context.Background())
	fmt.Println(n, err)
	// Output: 12 <nil>
}

func ExampleClient_Probe() {
	s, a := simulated()
	defer s.Close()
	p, err := a.Probe(context.Background())
	fmt.Println(p.Healthy, err)
	// Output: true <nil>
}

// Both appliances have to show the same certificates.
func ExampleClient_ServedChain() {
	s, a := simulated()
	defer s.Close()
	chain, err := a.ServedChain(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(chain[0].VerifyHostname("access.example.com"))
	// Output: <nil>
}

func ExampleClient_Info() {
	s, a := simulated()
	defer s.Close()
	info, err := a.Info(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(info.Product, info.Dialect, info.Allows(beyondtrust.PermCommand), info.Allows(beyondtrust.PermBackup))
	// Output: pra v2 true true
}

// A page shows keys to nobody; two of them can still be compared.
func ExampleSameKey() {
	s := pratest.Pair()
	defer s.Close()
	same, err := beyondtrust.SameKey(context.Background(), s.A.Pages().Security, s.B.Pages().Security)
	fmt.Println(same, err)
	// Output: true <nil>
}

// A nil page is a person's.
func ExamplePages() {
	s := pratest.Pair()
	defer s.Close()
	pages := s.A.Pages()
	pages.Updates = nil // somebody wants to press these buttons
	if pages.Updates == nil {
		fmt.Printf("please press %q on %s\n", beyondtrust.ButtonCheckForUpdates, beyondtrust.MenuUpdates)
	}
	status, err := pages.Failover.Failover(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(status.Relation, status.Role, status.PeerRole)
	// Output:
	// please press "Check for updates" on /appliance > Updates
	// established primary backup
}

func ExampleRelationOf() {
	fmt.Println(beyondtrust.RelationOf(beyondtrust.RolePrimary, beyondtrust.RoleBackup))
	fmt.Println(beyondtrust.RelationOf(beyondtrust.RolePrimary, beyondtrust.RolePrimary))
	fmt.Println(beyondtrust.RelationOf(beyondtrust.RolePrimary, beyondtrust.RoleNone))
	// Output:
	// established
	// conflict
	// half broken
}

func ExampleParseVersion() {
	xml, _ := beyondtrust.ParseVersion("26.1.2 (61234-0123456789abcdef0123456789abcdef01234567)")
	v2 := beyondtrust.Version{Number: "26.1.2", Build: "61234"}
	old, _ := beyondtrust.ParseVersion("24.3.1")
	fmt.Println(xml.Same(v2), old.Compare(v2))
	// Output: true -1
}

func ExampleParsePackage() {
	for _, title := range []string{"Base Software 3.3.2", "Bomgar-12.2.0"} {
		p := beyondtrust.ParsePackage(title)
		fmt.Println(p.Class, p.Number)
	}
	// Output:
	// base 3.3.2
	// site 12.2.0
}

func ExampleError() {
	s := pratest.Pair()
	defer s.Close()
	id, _ := s.Account()
	c, err := beyondtrust.NewClient("https://access.example.com", beyondtrust.NewCredential(id, beyondtrust.NewSecret("an old one")),
		&beyondtrust.Options{HTTPClient: s.HTTPClient()})
	if err != nil {
		log.Fatal(err)
	}
	_, err = c.Health(context.Background())
	if e, ok := errors.AsType[*beyondtrust.Error](err); ok {
		fmt.Println(errors.Is(e, beyondtrust.ErrBadCredential))
	}
	// Output: true
}
