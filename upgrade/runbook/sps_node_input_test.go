package runbook_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/changeover-sdk/changeover/sps"
	"github.com/changeover-sdk/changeover/sps/spstest"
	"github.com/changeover-sdk/changeover/upgrade"
	"github.com/changeover-sdk/changeover/upgrade/runbook"
)

// TestSPSNodeBadInput gives the runbook what it must refuse: each time a clear error, and nothing lost.
func TestSPSNodeBadInput(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		scenario string
		book     func(*runbook.SPSNode)
		want     upgrade.Outcome
		says     string
		class    error // of the error, where it has one
	}{
		"an older version": {book: func(b *runbook.SPSNode) { b.Version = sps.MustVersion("6.0.14") },
			want: upgrade.BlockedRun, says: "downgrading is not supported"},
		"a path that the table has not": {book: func(b *runbook.SPSNode) {
			b.Paths = []upgrade.SPSPath{{From: sps.MustVersion("6.0.0"), Through: sps.MustVersion("6.0.99"), To: sps.MustVersion("7.0.2.1")}}
		}, want: upgrade.BlockedRun, says: "the table of upgrade paths has none from 7.0.2 to 7.0.2.1"},
		"an image that is not the one on the download page": {book: func(b *runbook.SPSNode) { b.SHA256 = strings.Repeat("ab", 32) },
			want: upgrade.Failed, says: "the image is not genuine or not complete", class: sps.ErrChecksum},
		"an image that is not there": {book: func(b *runbook.SPSNode) { b.Image = "nothing.iso" },
			want: upgrade.Failed, says: "nothing.iso"},
		"an image of another version": {book: func(b *runbook.SPSNode) {
			b.Images, b.Image = spstest.Image("7.0.3", 1<<20), spstest.ImageName("7.0.3")
			b.SHA256 = hashOf(b)
		}, want: upgrade.UnknownEnd, says: "not what its name says"},
		"a lock that is three hours old": {scenario: "ghost-lock", book: func(b *runbook.SPSNode) { b.OneCall = true },
			want: upgrade.Failed, says: "auditor", class: sps.ErrLocked},
		"another version that answers from a full table": {scenario: "slots-full", book: func(*runbook.SPSNode) {},
			want: upgrade.BlockedRun, says: "no slot is free"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &spstest.Node{}
				r := newRig(t, n)
				book := nodeBook(t, n, r, byPages)
				tt.book(&book)
				r.procedure = book.Procedure()
				if tt.scenario != "" {
					if err := n.Play(tt.scenario); err != nil {
						t.Fatal(err)
					}
				}
				rep, err := r.run(t)
				if rep == nil || rep.Outcome != tt.want || !strings.Contains(err.Error(), tt.says) || (tt.class != nil && !errors.Is(err, tt.class)) {
					t.Errorf("want %s with %q: %v\n%s", tt.want, tt.says, err, rep)
				}
				if n.Running() != oldVersion || len(n.Record().Of(spstest.Reboot)) > 0 {
					t.Errorf("the node runs %s:\n%s", n.Running(), n.Record())
				}
			})
		})
	}
}

func hashOf(b *runbook.SPSNode) string {
	known, err := sps.HashFirmware(context.Background(), b.Images, b.Image)
	if err != nil {
		panic(err)
	}
	return known.SHA256
}

// TestSPSNodeOneCall upgrades by the REST call: where it reboots by itself, and where it only selects the firmware.
func TestSPSNodeOneCall(t *testing.T) {
	t.Parallel()
	for _, scenario := range []string{"", "upgrade-only-selects", "still-up-just-after-reboot-call", "reset-during-act"} {
		t.Run(scenario, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &spstest.Node{}
				r := newRig(t, n)
				book := nodeBook(t, n, r, byPages)
				book.OneCall = true
				r.procedure = book.Procedure()
				if scenario != "" {
					if err := n.Play(scenario); err != nil {
						t.Fatal(err)
					}
				}
				rep, err := r.run(t)
				checkEnd(t, rep, err, fine, n.Running())
				if calls := len(n.Record().Of(spstest.Upgrade)); calls != 1 {
					t.Errorf("upgraded %d times:\n%s", calls, n.Record())
				}
				checkRecord(t, rep, n.Record(), n.Violations())
			})
		})
	}
}

// TestSPSNodeFetch lets the appliance download the image by itself.
func TestSPSNodeFetch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		images, name, sum := image(t)
		n := &spstest.Node{Downloads: func(_ context.Context, _ string) (spstest.File, error) {
			f, err := images.Open(name)
			if err != nil {
				return nil, err
			}
			return f.(spstest.File), nil
		}}
		r := newRig(t, n)
		book := nodeBook(t, n, r, byPages)
		book.Images, book.Image, book.ImageURL, book.SHA256 = nil, "", "https://mirror.example.test/"+name, sum
		r.procedure = book.Procedure()
		rep, err := r.run(t)
		checkEnd(t, rep, err, fine, n.Running())
	})
}

func TestSPSNodeCheck(t *testing.T) {
	t.Parallel()
	err := runbook.SPSNode{ImageURL: "https://user:pl4nted@mirror.example.test/x"}.Check()
	for _, what := range []string{"Client is missing", "Artifacts is missing", "Version is missing", "SHA256 is missing", "without a password"} {
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("Check = %v; want %q in it", err, what)
		}
	}
	if strings.Contains(err.Error(), "pl4nted") {
		t.Errorf("Check tells a password: %v", err)
	}
	if _, err := upgrade.Plan(runbook.SPSNode{}.Procedure()); err == nil {
		t.Error("a runbook with everything missing makes a valid procedure")
	}
}
