package nat_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/failover"
	"github.com/changeover-sdk/changeover/failover/nat"
	"github.com/changeover-sdk/changeover/upgrade"
	"github.com/changeover-sdk/changeover/upgrade/upgradetest"
)

// The swing as the step of a run with a journal, at a real kernel. Waits are shortened.

const stepScale = 0.005

func swingSteps(e failover.Swinger) upgrade.Procedure {
	return upgrade.Procedure{Name: "swing", Steps: []upgrade.Step{upgrade.SwingNAT(e.(*failover.NATEntry), 0)}}
}

// cutShort is an entry whose process dies inside of the swing, after so many calls to the kernel.
type cutShort struct {
	*nat.NFTables
	left *int
	die  func()
}

var errDead = errors.New("the process is dead")

func (c *cutShort) around(do func() error) error {
	if *c.left--; *c.left <= 0 {
		c.die()
		return errDead
	}
	return do()
}

// Cut and Persist are what comes after the change itself.
func (c *cutShort) Cut(ctx context.Context, a netip.Addr) (n int, err error) {
	err = c.around(func() error { n, err = c.NFTables.Cut(ctx, a); return err })
	return n, err
}

func (c *cutShort) Persist(ctx context.Context) error {
	return c.around(func() error { return c.NFTables.Persist(ctx) })
}

// Crashed at every boundary of the run, and inside of the act before it cuts and before it persists: the site ends at the new side, the old connection is cut, and the gateway would start so.
func TestCrashPeerSwingNATStep(t *testing.T) {
	l := newLab(t)
	l.serve(l.nA, boxA, "A")
	l.serve(l.nB, boxB, "B")
	d := l.dialer()
	boot := filepath.Join(t.TempDir(), "elements.nft")
	var old net.Conn
	s := failover.Swinger(l.entry(l.open(nat.NFTablesOptions{BootFile: boot}), d))
	s.(*failover.NATEntry).Cut = true
	// fresh is the same swing by a new process.
	fresh := func() *failover.NATEntry {
		e := *s.(*failover.NATEntry)
		e.NAT = l.open(nat.NFTablesOptions{BootFile: boot})
		return &e
	}
	begin := func() {
		var err error
		if old, _, err = d.connect(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	truth := func(rep *upgrade.Report, err error) error {
		defer reset(old)
		n := l.open(nat.NFTablesOptions{BootFile: boot})
		now, terr := n.Targets(t.Context())
		kept, kerr := n.Persisted(t.Context())
		left, lerr := n.Established(t.Context(), s.(*failover.NATEntry).From.Addr)
		if err != nil || terr != nil || kerr != nil || lerr != nil || !slices.Equal(now, []netip.Addr{s.(*failover.NATEntry).To.Addr}) || !kept || left != 0 {
			return errors.Join(err, terr, kerr, lerr, fmt.Errorf("the site leads to %v, kept: %t, connections with the old side: %d\n%s", now, kept, left, rep))
		}
		return nil
	}
	boundary := 0
	for crashed := 1; crashed > 0; boundary++ {
		begin()
		path := filepath.Join(t.TempDir(), "journal")
		var err error
		crashed, err = upgradetest.CrashAt(t.Context(), upgradetest.Trial{Fresh: func() upgrade.Procedure { return swingSteps(fresh()) }, Options: upgrade.Options{Scale: stepScale},
			Open: func() (upgrade.Journal, error) { return upgrade.OpenJournal(path) }, Truth: truth}, boundary)
		if err != nil {
			t.Fatal(err)
		}
		if boundary == 0 {
			crashed = 1
		}
		s = s.Back()
	}
	if boundary < 10 {
		t.Errorf("there were only %d boundaries", boundary)
	}
	for left, where := range []string{1: "before connections are cut", 2: "before it is persisted"} {
		if where == "" {
			continue
		}
		t.Run(where, func(t *testing.T) {
			begin()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			path := filepath.Join(t.TempDir(), "journal")
			run := func(ctx context.Context, e *failover.NATEntry) (*upgrade.Report, error) {
				j, err := upgrade.OpenJournal(path)
				if err != nil {
					t.Fatal(err)
				}
				defer j.Close()
				return upgrade.Run(ctx, swingSteps(e), &upgrade.Options{Journal: &mortal{j, &left}, Scale: stepScale})
			}
			dying := fresh()
			dying.NAT = &cutShort{dying.NAT.(*nat.NFTables), &left, cancel}
			_, _ = run(ctx, dying)
			if left > 0 {
				t.Fatal("it did not die")
			}
			left = 100
			if err := truth(run(t.Context(), fresh())); err != nil {
				t.Error(err)
			}
			s = s.Back()
		})
	}
}

// mortal loses what a dead process writes.
type mortal struct {
	upgrade.Journal
	left *int
}

func (m *mortal) Append(r upgrade.Record) error {
	if *m.left <= 0 {
		return errDead
	}
	return m.Journal.Append(r)
}

// What goes wrong at the gateway itself: the report says the truth, and once it is mended the same journal goes on.
func TestFaultPeerSwingNATStep(t *testing.T) {
	away := "delete element ip swing owner { 198.18.9.1 . 198.18.1.2 }; delete element ip swing sites { 198.18.9.1 }"
	for name, tt := range map[string]struct {
		breaks, mends string // nft commands
		noFolder      bool   // the boot file's folder is not there
		is            error
		says          string
	}{
		"somebody changed the map past the guard": {
			breaks: "delete element ip swing sites { 198.18.9.1 }; add element ip swing sites { 198.18.9.1 : 198.18.7.7 }",
			mends:  "delete element ip swing sites { 198.18.9.1 }; add element ip swing sites { 198.18.9.1 : 198.18.1.2 }", is: upgrade.ErrUnknown, says: "by hand",
		},
		"the site is not in the map": {breaks: away, mends: "add element ip swing sites { 198.18.9.1 : 198.18.1.2 }; add element ip swing owner { 198.18.9.1 . 198.18.1.2 }", is: upgrade.ErrBlocked, says: "at neither side"},
		"somebody led it elsewhere": {
			breaks: away + "; add element ip swing sites { 198.18.9.1 : 198.18.7.7 }; add element ip swing owner { 198.18.9.1 . 198.18.7.7 }",
			mends:  "delete element ip swing owner { 198.18.9.1 . 198.18.7.7 }; delete element ip swing sites { 198.18.9.1 }; add element ip swing sites { 198.18.9.1 : 198.18.1.2 }; add element ip swing owner { 198.18.9.1 . 198.18.1.2 }",
			is:     upgrade.ErrBlocked, says: "elsewhere",
		},
		"the table is gone":            {breaks: "delete table ip swing", mends: rules, is: upgrade.ErrUnknown, says: "no such table"},
		"the boot file cannot be made": {noFolder: true, is: upgrade.ErrUnknown, says: "would start with something else"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			l.serve(l.nB, boxB, "B")
			d, folder := l.dialer(), filepath.Join(t.TempDir(), "etc")
			do := func(commands string) {
				if commands == "" {
					return
				}
				if err := l.load(l.gw, commands); err != nil {
					t.Fatal(err)
				}
			}
			mkdir := func() {
				if err := os.MkdirAll(folder, 0o700); err != nil {
					t.Fatal(err)
				}
			}
			if !tt.noFolder {
				mkdir()
			}
			e := l.entry(l.open(nat.NFTablesOptions{BootFile: filepath.Join(folder, "elements.nft")}), d)
			do(tt.breaks)
			j := upgrade.NoJournal()
			rep, err := upgrade.Run(t.Context(), swingSteps(e), &upgrade.Options{Journal: j, Scale: 0.0005})
			if !errors.Is(err, tt.is) || !strings.Contains(rep.String(), tt.says) {
				t.Fatalf("Run() = %v, want %v and %q\n%s", err, tt.is, tt.says, rep)
			}
			mkdir()
			do(tt.mends)
			person := upgrade.OperatorFunc(func(context.Context, upgrade.Question) (upgrade.Answer, error) {
				return upgrade.Answer{Text: upgrade.AnswerAgain, By: "tester"}, nil
			})
			if rep, err = upgrade.Run(t.Context(), swingSteps(e), &upgrade.Options{Journal: j, Scale: stepScale, Operator: person}); err != nil {
				t.Errorf("mended: %v\n%s", err, rep)
			}
			if now, err := e.NAT.Targets(t.Context()); err != nil || !slices.Equal(now, []netip.Addr{boxB}) {
				t.Errorf("the site leads to %v, %v", now, err)
			}
		})
	}
}

const (
	swingChild   = "CHANGEOVER_NAT_CHILD"
	killedSwings = 120
)

// TestSwingProcess is the process that TestCrashPeerSwingNATProcessIsKilled kills. It swings there and back by one procedure.
func TestSwingProcess(t *testing.T) {
	args := strings.Split(os.Getenv(swingChild), "|")
	if len(args) != 2 {
		return // not a child
	}
	ns, err := os.Open(args[0])
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	n, err := nat.OpenNFTables(site, &nat.NFTablesOptions{NetNS: ns, BootFile: args[1] + ".nft"})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	s := failover.Swinger(&failover.NATEntry{NAT: n, From: failover.Target{Side: failover.Side{Name: "A"}, Addr: boxA}, To: failover.Target{Side: failover.Side{Name: "B"}, Addr: boxB}})
	p := upgrade.Procedure{Name: "to and fro"}
	for i := range killedSwings {
		step := upgrade.SwingNAT(s.(*failover.NATEntry), 0)
		step.Name = fmt.Sprintf("swing %d", i+1)
		p.Steps = append(p.Steps, step)
		s = s.Back()
	}
	j, err := upgrade.OpenJournal(args[1])
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	person := upgrade.OperatorFunc(func(context.Context, upgrade.Question) (upgrade.Answer, error) { // one swing may be killed more often than it is sent again unasked
		return upgrade.Answer{Text: upgrade.AnswerAgain, By: "tester"}, nil
	})
	if rep, err := upgrade.Run(t.Context(), p, &upgrade.Options{Journal: j, Scale: stepScale, Operator: person}); err != nil {
		t.Fatalf("%v\n%s", err, rep)
	}
}

// A process that swings to and fro is killed at random moments: map, owner set and boot file end as one, and every step was proven.
func TestCrashPeerSwingNATProcessIsKilled(t *testing.T) {
	l := newLab(t)
	path := filepath.Join(t.TempDir(), "journal")
	var last bytes.Buffer
	killed, err := upgradetest.Kill{Times: 12, Within: 200 * time.Millisecond, Command: func() *exec.Cmd {
		cmd := exec.Command(os.Args[0], "-test.run=^TestSwingProcess$")
		cmd.Env = append(os.Environ(), swingChild+"=/run/netns/"+l.name+"g|"+path)
		last.Reset()
		cmd.Stdout = &last
		return cmd
	}}.Run(t)
	if err != nil {
		t.Errorf("the last process ended %v:\n%s", err, &last)
	}
	n := l.open(nat.NFTablesOptions{BootFile: path + ".nft"})
	now, err := n.Targets(t.Context())
	kept, kerr := n.Persisted(t.Context())
	if err != nil || kerr != nil || !kept || !slices.Equal(now, []netip.Addr{boxA}) {
		t.Errorf("after %d kills the site leads to %v, %v, kept: %t, %v", killed, now, err, kept, kerr)
	}
	t.Logf("killed %d times", killed)
}
