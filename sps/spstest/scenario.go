package spstest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Scenario is a way in which real upgrades went wrong, as a switch with a name. [Scenarios] lists them, Play turns one on.
type Scenario struct {
	Name  string
	About string // what happens

	node    func(*Node)
	pair    func(*Pair)    // nil: what it does to a node, it does to the active one
	cluster func(*Cluster) // nil: what it does to a pair or node, it does to the search master
}

// On tells what the scenario can be played on: "node", "pair", "cluster".
func (s Scenario) On() (on []string) {
	if s.node != nil {
		on = append(on, "node")
	}
	if s.node != nil || s.pair != nil {
		on = append(on, "pair")
	}
	return append(on, "cluster")
}

// never is longer than any run.
const never = 10000 * time.Hour

var scenarios = []Scenario{
	// What a person has to see or to mend before anything begins.
	{Name: "tainted", About: "files of the firmware were changed by hand: no upgrade", node: func(n *Node) { n.Health.TaintedCore = 2 }},
	{Name: "integrity", About: "the integrity of the core firmware is CORRUPTED", node: func(n *Node) { n.Health.CoreIntegrity = "CORRUPTED" }},
	{Name: "disk-full", About: "less than 10 % of the disk is free", node: func(n *Node) { n.Health.Disk = 93 }},
	{Name: "raid-degraded", About: "a disk of the array has failed", node: func(n *Node) { n.Health.RAID = "Degraded" }},
	{Name: "weak-certificate", About: "a certificate is too weak for the new release: the firmware test refuses", node: func(n *Node) { n.Health.WeakCertificate = "Basic Settings > Management > SSL certificate" }},
	{Name: "test-fails", About: "the firmware test finds that the configuration cannot be upgraded", node: func(n *Node) { n.TestFails = "the configuration of policy \"legacy\" cannot be upgraded" }},
	{Name: "slots-full", About: "no firmware slot is free", node: func(n *Node) {
		for i := range n.slots {
			if n.slots[i].version == "" {
				n.slots[i] = slot{version: fmt.Sprintf("6.0.%d", i), notes: "old"}
			}
		}
	}},
	{Name: "slot-already-there", About: "the image of 7.0.2.1 was uploaded by an earlier run", node: func(n *Node) {
		if i := slices.IndexFunc(n.slots, func(s slot) bool { return s.version == "" }); i >= 0 {
			n.slots[i] = slot{version: "7.0.2.1", notes: defaultNotes("7.0.2.1")}
		}
	}},
	{Name: "ghost-lock", About: "somebody who is gone has held the configuration for 3 hours", node: func(n *Node) {
		n.locked = &lock{"auditor@10.0.0.9", n.world.now().Add(-n.world.scaled(3 * time.Hour))}
		n.Switches.LockBlocksUpgrade = true
	}},
	{Name: "core-files", About: "there are core files, which the upgrade will remove", node: func(n *Node) { n.CoreFiles = []string{"core.zorp.4711", "core.indexer.4712"} }},
	{Name: "virtual", About: "the appliance is a virtual machine", node: func(n *Node) { n.Virtual = true }},
	{Name: "licence-missing", About: "the appliance has no licence", node: func(n *Node) { n.Licence.Missing = true }},
	{Name: "uninitialized", About: "the Welcome Wizard was never completed", node: func(n *Node) { n.Uninitialized = true }},
	{Name: "left-in-maintenance-mode", About: "traffic was stopped for the time being, and never started again", node: func(n *Node) { n.trafficStopped = true }},
	{Name: "old-failure-still-shown", About: "the last run's failures are still shown: a failed download, a failed firmware test", node: func(n *Node) {
		n.fetches = append(n.fetches, &fetch{key: n.newKey(), url: "https://mirror.example.test/sps.iso", status: "failed", why: "the address does not answer", stop: func() {}})
		for i := range n.slots {
			n.slots[i].tested = "failed: not enough free disk space"
		}
	}},
	{Name: "clock-off-by-a-day", About: "the appliance's clock is a day behind: its cookies have ended when they come", node: func(n *Node) { n.ClockOffset = -24 * time.Hour }},
	{Name: "licence-expired-silent", About: "the licence covers the old release only, and the new one comes up without saying so", node: func(n *Node) { n.losesLicence = true }},

	// Transport and answers.
	{Name: "ok-status-error-body", About: "the firmware test answers 200 with an error in it", node: inject("POST /api/firmware/test", Fault{
		Kind: FaultAnswer, Status: http.StatusOK, Body: `{"error": {"type": "FirmwareTestFailed", "details": {"test_summary": "not enough free disk space"}}}`})},
	{Name: "reset-during-act", About: "the connection dies between an act and its answer; the act happened", node: func(n *Node) {
		for _, what := range []string{"POST /api/upload/firmware", "POST /api/firmware/test", "POST /api/firmware/upgrade", "press After reboot", "press Reboot", "press Shutdown", "press Activate Slave"} {
			*n.faults = append(*n.faults, &Fault{what: what, Kind: FaultReset, Acts: true, Times: 1})
		}
	}},
	{Name: "upload-slow-but-moving", About: "the upload goes at 20 KiB a second, and does go", node: func(n *Node) { n.UploadSpeed = 20 << 10 }},
	{Name: "upload-stalled", About: "the upload stops after 256 KiB", node: inject("POST /api/upload/firmware", Fault{Kind: FaultHang, After: 256 << 10})},
	{Name: "session-ends-in-upload", About: "all sessions end in the middle of the upload", node: inject("POST /api/upload/firmware", Fault{Kind: FaultLogout, After: 256 << 10})},
	{Name: "page-instead-of-json", About: "a page with status 200 comes instead of the slots", node: inject("GET /api/firmware/slots", Fault{Kind: FaultPage})},
	{Name: "redirected-away", About: "the list of slots is redirected to another host", node: inject("GET /api/firmware/slots", Fault{Kind: FaultRedirect})},
	{Name: "burst-beats-limit", About: "more than two requests at a time are answered 503", node: func(n *Node) { n.Switches.MaxRequests = 2 }},
	{Name: "partial-page-of-results", About: "lists come in pages of two, with a link to the next", node: func(n *Node) { n.Switches.PageSize = 2 }},
	{Name: "slot-list-position-is-not-slot-id", About: "the keys of slots are not their places in the list", node: func(n *Node) { n.Switches.SparseKeys = true }},
	{Name: "locked-out", About: "the password is refused", node: func(n *Node) { n.Password = newToken(8) }},

	// Boots.
	{Name: "still-up-just-after-reboot-call", About: "the node answers for two more minutes after a reboot was accepted", node: func(n *Node) { n.RebootDelay = 2 * time.Minute }},
	{Name: "reboot-takes-29-minutes", About: "slower than every impatient default", node: func(n *Node) { n.fate = fateSlow }},
	{Name: "timeout-of-watcher-only", About: "the upgrade takes 50 minutes, and works", node: func(n *Node) { n.UpgradeTime = 50 * time.Minute }},
	{Name: "boots-older-slot", About: "the new version does not start, and the old one comes back by itself", node: func(n *Node) { n.fate = fateReverts }},
	{Name: "never-switched-slot", About: "the slot was selected, and yet the old one boots as if nothing had been", node: func(n *Node) { n.fate = fateUnmarked }},
	{Name: "rescue", About: "the upgrade fails and cannot be reverted: no web interface, but SSH on every interface", node: func(n *Node) { n.fate = fateRescue }},
	{Name: "never-comes-back", About: "the node never boots to its end, without a sign", node: func(n *Node) { n.fate = fateDead }},
	{Name: "version-late", About: "for two minutes after the boot the old version is told", node: func(n *Node) { n.Switches.VersionLateBy = 120 }},
	{Name: "token-dead-after-failover", About: "sessions do not survive a boot or a takeover",
		node: func(n *Node) { n.Switches.SessionsEndAtBoot = true },
		pair: func(p *Pair) {
			p.SessionsEndAtTakeover = true
			p.A.Switches.SessionsEndAtBoot, p.B.Switches.SessionsEndAtBoot = true, true
		}},
	{Name: "host-name-redirected-to-peer", About: "after the boot another appliance answers at the address", node: func(n *Node) { n.answersAs = "sps9" }},
	{Name: "staged-reboots-at-once", About: "After reboot was supposed to wait, but reboots at once", node: func(n *Node) { n.Switches.MarkReboots = true }},
	{Name: "upgrade-only-selects", About: "the REST upgrade selects the slot and does not reboot", node: func(n *Node) { n.Switches.UpgradeStays = true }},
	{Name: "reboot-after-failed-install", About: "the REST upgrade fails its test, and the node reboots all the same", node: func(n *Node) {
		n.TestFails = "the configuration cannot be upgraded"
		n.rebootAnyway = true
	}},

	// Pairs.
	{Name: "wrong-member-selected", About: "the power cables are crossed: the BMC of one node switches the other", pair: func(p *Pair) { p.crossed = true }},
	{Name: "image-not-there-yet", About: "the secondary does not receive the firmware", pair: func(p *Pair) { p.FirmwareTime = never }},
	{Name: "peer-not-yet-seen-dead", About: "the page shows a node for three minutes after it is gone", pair: func(p *Pair) { p.StaleFor = 3 * time.Minute }},
	{Name: "peer-too-far-behind", About: "the secondary runs an older version", pair: func(p *Pair) {
		p.B.slots[p.B.current].version = "6.0.14"
		p.copied = p.world.after(never, func() {})
	}},
	{Name: "sync-strict-in-mixed-state", About: "the secondary comes back on the old version, and no data is copied between versions", pair: func(p *Pair) { p.B.fate = fateUnmarked }},
	{Name: "preempt-takes-over", About: "the first node takes the service back as soon as it can", pair: func(p *Pair) { p.Preempts = true }},
	{Name: "both-primary", About: "split brain", pair: func(p *Pair) {
		p.parted = true
		p.A.note(SplitBrain, "both nodes were active")
	}},
	{Name: "both-backup-for-a-while", About: "nobody serves for six minutes after Activate Slave", pair: func(p *Pair) { p.TakeoverTime = 6 * time.Minute }},
	{Name: "both-backup-for-ever", About: "nobody serves after Activate Slave", pair: func(p *Pair) { p.TakeoverTime = never }},
	{Name: "degraded", About: "the other node is off before the upgrade begins", pair: func(p *Pair) { p.other(p.active).goDown(false) }},
	{Name: "disk-failure", About: "the status is Degraded (Disk Failure)", pair: func(p *Pair) { p.Status = "Degraded (Disk Failure)" }},
	{Name: "unknown-word", About: "the status is a word nobody has heard of", pair: func(p *Pair) { p.Status = "Harmonised" }},
	{Name: "slow-sync", About: "the data takes five hours to copy", pair: func(p *Pair) { p.SyncTime = 5 * time.Hour }},

	// Clusters.
	{Name: "minion-offline", About: "the last search minion is off", cluster: func(c *Cluster) { c.members[len(c.members)-1].one().goDown(false) }},
	{Name: "minion-outdated", About: "a search minion has not fetched its configuration", cluster: func(c *Cluster) { c.SyncWord = "outdated" }},
}

func inject(what string, f Fault) func(*Node) {
	return func(n *Node) {
		f := f
		f.what, f.Times = what, max(f.Times, 1)
		*n.faults = append(*n.faults, &f)
	}
}

// Scenarios returns all scenarios.
func Scenarios() []Scenario { return slices.Clone(scenarios) }

func scenario(name string) (Scenario, error) {
	i := slices.IndexFunc(scenarios, func(s Scenario) bool { return s.Name == name })
	if i < 0 {
		var names []string
		for _, s := range scenarios {
			names = append(names, s.Name)
		}
		return Scenario{}, fmt.Errorf("spstest: no scenario %q; there are %s", name, strings.Join(names, ", "))
	}
	return scenarios[i], nil
}

// Play turns a scenario on, before the first request or later.
func (n *Node) Play(name string) error {
	n.begin()
	s, err := scenario(name)
	if err == nil && s.node == nil {
		err = fmt.Errorf("spstest: scenario %q needs a pair or a cluster", name)
	}
	if err != nil {
		return err
	}
	n.world.in(func() { s.node(n) })
	return nil
}

// Play turns a scenario on; one for a node is played on the active node.
func (p *Pair) Play(name string) error {
	p.begin()
	s, err := scenario(name)
	switch {
	case err != nil:
		return err
	case s.pair != nil:
		p.world.in(func() { s.pair(p) })
		return nil
	case s.node == nil:
		return fmt.Errorf("spstest: scenario %q needs a cluster", name)
	}
	p.world.in(func() {
		if p.active != nil {
			s.node(p.active)
		}
	})
	return nil
}

// Play turns a scenario on; one for a pair or a node is played on the search master.
func (c *Cluster) Play(name string) error {
	c.begin()
	s, err := scenario(name)
	switch {
	case err != nil:
		return err
	case s.cluster != nil:
		c.world.in(func() { s.cluster(c) })
		return nil
	case c.MasterPair != nil:
		return c.MasterPair.Play(name)
	}
	return c.Master.Play(name)
}
