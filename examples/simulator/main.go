// Command simulator serves simulated SPS or PRA appliances on loopback over TLS until it is interrupted: to try a runbook on, or to press their pages in a browser.
//
//	simulator -sps ha -boot 1m -scale 0.1 -scenario peer-not-yet-seen-dead
//	simulator -pra pair -scale 0.01 -markup script
//
// It prints one line of JSON with addresses, the CA's certificate and credentials, which are no secrets, and then, on standard error, what happens.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
	"github.com/changeover-sdk/changeover/internal/cli"
	"github.com/changeover-sdk/changeover/ipmi/ipmitest"
	"github.com/changeover-sdk/changeover/sps"
	"github.com/changeover-sdk/changeover/sps/spstest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// settings are the flags.
type settings struct {
	kind, version, scenario, listen string
	praKind                         string
	boot, upgrade                   time.Duration
	scale                           float64
	pages                           pages
}

func (s *settings) flags(errs io.Writer) *flag.FlagSet {
	fs := flag.NewFlagSet("simulator", flag.ContinueOnError)
	fs.SetOutput(errs)
	fs.StringVar(&s.kind, "sps", "node", "what to simulate: node, ha (a High Availability pair) or search (a search master with two minions)")
	fs.StringVar(&s.praKind, "pra", "", "simulate a PRA site instead: pair, single or migrate")
	fs.StringVar(&s.version, "version", "7.0.2", "the firmware it runs")
	fs.StringVar(&s.listen, "listen", "127.0.0.1:0", "the address to listen on, of a node or a pair; a search cluster takes free ports")
	fs.DurationVar(&s.boot, "boot", 4*time.Minute, "how long a boot takes, in time of the appliance")
	fs.DurationVar(&s.upgrade, "upgrade", 8*time.Minute, "how much longer the first boot into another version takes")
	fs.Float64Var(&s.scale, "scale", 1, "multiplies every simulated duration: 0.01 makes a boot of 5 minutes one of 3 seconds")
	fs.StringVar(&s.scenario, "scenario", "", "a failure to play; see below")
	s.pages.flags(fs)
	fs.Usage = func() {
		fmt.Fprint(errs, "Serves simulated SPS or PRA appliances on loopback.\n\nExample: simulator -sps ha -scale 0.05 -scenario image-not-there-yet\n\n"+
			"Its pages are opened in a browser at the printed address, with the printed user and password (PRA: at /login and /appliance of an appliance's own address); the browser\n"+
			"warns of the certificate unless it is told to trust the printed CA.\n\n")
		fs.PrintDefaults()
		fmt.Fprint(errs, "\nScenarios of PRA:\n")
		for _, sc := range pratest.Scenarios() {
			fmt.Fprintf(errs, "  %-34s %s\n", sc.Name, sc.About)
		}
		fmt.Fprint(errs, "\nScenarios of SPS:\n")
		for _, sc := range spstest.Scenarios() {
			fmt.Fprintf(errs, "  %-34s %s (%s)\n", sc.Name, sc.About, strings.Join(sc.On(), ", "))
		}
	}
	return fs
}

func run(ctx context.Context, args []string, out, errs io.Writer) int {
	var s settings
	fs := s.flags(errs)
	if code, done := cli.Parse(fs, args); done {
		return code
	}
	if s.praKind != "" {
		if err := s.pra(ctx, out, errs); err != nil {
			fmt.Fprintf(errs, "simulator: %v\nsee simulator -h\n", err)
			return cli.Usage
		}
		return 0
	}
	stage, err := s.stage()
	if err != nil {
		fmt.Fprintf(errs, "simulator: %v\nsee simulator -h\n", err)
		return cli.Usage
	}
	defer stage.close()
	appliances, err := stage.start(s.listen)
	if err != nil {
		fmt.Fprintf(errs, "simulator: %v\n", err)
		return 1
	}
	if err := json.NewEncoder(out).Encode(map[string]any{"appliances": appliances}); err != nil {
		fmt.Fprintf(errs, "simulator: %v\n", err)
		return 1
	}
	follow(ctx, errs, stage.record)
	return 0
}

// appliance is what a client has to know.
type appliance struct {
	Name        string `json:"name"`
	URL         string `json:"url"`
	CA          string `json:"ca"` // PEM
	Fingerprint string `json:"fingerprint"`
	User        string `json:"user"`
	Password    string `json:"password"`
	Code        string `json:"code,omitempty"` // of the second factor, in a browser
	BMCs        []bmc  `json:"bmcs,omitempty"`
}

// bmc is the power button of a node.
type bmc struct {
	Node     string `json:"node"` // as the High Availability page shows it
	Addr     string `json:"addr"` // host:port, UDP
	User     string `json:"user"`
	Password string `json:"password"`
}

// stage is what is simulated.
type stage struct {
	record  func() spstest.Record
	stop    func()
	members []member
	bmcs    []*ipmitest.BMC
}

// member is an appliance with an address of its own.
type member struct {
	name   string
	listen func(addr string) (string, error)
	nodes  []*spstest.Node // the first one has the certificate and the account
}

func (s *settings) node(name string) *spstest.Node {
	n := &spstest.Node{Name: name, Version: s.version, BootTime: s.boot, UpgradeTime: s.upgrade, Scale: s.scale}
	s.pages.sps(n)
	return n
}

func (s *settings) stage() (*stage, error) {
	if _, err := sps.ParseVersion(s.version); err != nil {
		return nil, err
	}
	st := &stage{}
	var play func(string) error
	switch s.kind {
	case "node":
		n := s.node("sps1")
		st.members = []member{{n.Name, n.Listen, []*spstest.Node{n}}}
		st.record, st.stop, play = n.Record, n.Close, n.Play
	case "ha":
		p := &spstest.Pair{A: s.node(""), B: &spstest.Node{}}
		st.members = []member{{"sps1", p.Listen, []*spstest.Node{p.A, p.B}}}
		st.record, st.stop, play = p.Record, p.Close, p.Play
	case "search":
		c := &spstest.Cluster{Master: s.node("search"), Minions: []*spstest.Node{s.node("minion1"), s.node("minion2")}}
		for _, n := range c.Nodes() {
			st.members = append(st.members, member{n.Name, n.Listen, []*spstest.Node{n}})
		}
		st.record, st.stop, play = c.Record, c.Close, c.Play
	default:
		return nil, fmt.Errorf("-sps %s: want node, ha or search", s.kind)
	}
	st.record() // a simulated appliance begins when it is first used
	if s.scenario != "" {
		if err := play(s.scenario); err != nil {
			st.stop()
			return nil, err
		}
	}
	return st, nil
}

// start makes every appliance listen, and a BMC for each of its nodes.
func (st *stage) start(addr string) ([]appliance, error) {
	var out []appliance
	for _, m := range st.members {
		if len(st.members) > 1 {
			addr = "127.0.0.1:0"
		}
		url, err := m.listen(addr)
		if err != nil {
			return nil, err
		}
		first := m.nodes[0]
		user, password := first.Login()
		a := appliance{Name: m.name, URL: url, CA: string(first.CAPEM()), Fingerprint: first.Fingerprint(), User: user, Password: password, Code: first.Switches.SecondFactor}
		for _, n := range m.nodes {
			b := &ipmitest.BMC{Power: n.PowerState, Set: n.SetPower, Console: n.Serial()}
			st.bmcs = append(st.bmcs, b)
			login := b.Login()
			a.BMCs = append(a.BMCs, bmc{Node: n.Name, Addr: b.Addr(), User: login.User, Password: login.Password})
		}
		out = append(out, a)
	}
	return out, nil
}

func (st *stage) close() {
	for _, b := range st.bmcs {
		b.Close()
	}
	st.stop()
}

// follow prints what happens, until ctx ends.
func follow(ctx context.Context, w io.Writer, record func() spstest.Record) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	said := 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		events := record()
		for _, e := range events[said:] {
			fmt.Fprintln(w, e)
		}
		said = len(events)
	}
}
