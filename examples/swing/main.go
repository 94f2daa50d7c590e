// Command swing moves a site's name in DNS from one appliance to the other, on a real primary server that takes RFC 2136 updates.
//
//	swing plan   -server 192.0.2.53 -key-file swing.key -zone example.com -name access -from 192.0.2.1 -to 192.0.2.2
//	swing swing  …the same…
//	swing verify …the same… -resolvers 192.0.2.10,192.0.2.11
//	swing back   …the same…
//
// plan reads and says what would be changed; swing makes one guarded change, sent once, and then verifies; verify asks every authoritative server, then the
// resolvers, and last, with -identify, which appliance answers; back is swing with the sides exchanged.
//
// The key is in a file that tsig-keygen wrote, mode 0600. The last line is the outcome. It ends with 0 when what was asked for is so, 1 when it is
// not, and 64 for wrong usage.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/changeover-sdk/changeover/failover"
	"github.com/changeover-sdk/changeover/failover/dns"
	"github.com/changeover-sdk/changeover/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr, nil))
}

// dial connects to name servers; nil is the network.
type dial func(ctx context.Context, network, address string) (net.Conn, error)

// settings are the flags.
type settings struct {
	server, zone, name, key string
	from, to                string
	at, resolvers, skip     string
	identify, ca            string
	fromID, toID            string
	limit                   time.Duration
}

func run(ctx context.Context, args []string, out, errs io.Writer, d dial) int {
	var s settings
	fs := flag.NewFlagSet("swing", flag.ContinueOnError)
	fs.SetOutput(errs)
	fs.StringVar(&s.server, "server", "", "the zone's primary: address[:port]")
	fs.StringVar(&s.key, "key-file", "", "a file, mode 0600, that holds the TSIG key, as tsig-keygen writes it")
	fs.StringVar(&s.zone, "zone", "", "the zone")
	fs.StringVar(&s.name, "name", "", "the site's name in the zone, relative to it or with a trailing dot")
	fs.StringVar(&s.from, "from", "", "the address of the appliance that serves now")
	fs.StringVar(&s.to, "to", "", "the address of the one that is to serve")
	fs.StringVar(&s.resolvers, "resolvers", "", "resolvers that users ask: address[:port],…")
	fs.StringVar(&s.at, "at", "", "where name servers are reached, if not where their names lead: ns1.example.com=192.0.2.53:5353,…")
	fs.StringVar(&s.skip, "skip", "", "name servers that are left out, and why: ns9.example.com=switched off,…")
	fs.StringVar(&s.identify, "identify", "", "https://… of the site: verify also which appliance answers there, by its certificate")
	fs.StringVar(&s.ca, "ca", "", "a PEM file with the CA of that certificate (default: the system's)")
	fs.StringVar(&s.fromID, "from-fingerprint", "", "SHA-256 of the certificate of the appliance at -from, in hex; needed to identify after back")
	fs.StringVar(&s.toID, "to-fingerprint", "", "SHA-256 of the certificate of the appliance at -to, in hex; needed with -identify")
	fs.DurationVar(&s.limit, "limit", 2*time.Hour, "give up verifying after this long")
	fs.Usage = func() {
		fmt.Fprint(errs, "Moves a site's name from one appliance to the other.\n\nswing plan|swing|verify|back -server … -key-file … -zone … -name … -from … -to …\n\n")
		fs.PrintDefaults()
	}
	what := ""
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		what, args = args[0], args[1:]
	}
	if code, done := cli.Parse(fs, args); done {
		return code
	}
	rec, srv, err := s.record(d)
	if err != nil {
		fmt.Fprintf(errs, "swing: %v\n", err)
		return cli.Usage
	}
	defer srv.Close()
	ctx, cancel := context.WithTimeout(ctx, s.limit)
	defer cancel()
	switch what {
	case "plan":
		return plan(ctx, rec, out)
	case "swing":
		return swing(ctx, rec, out)
	case "verify":
		return verify(ctx, rec, out)
	case "back":
		return swing(ctx, rec.Back(), out)
	}
	fmt.Fprintf(errs, "swing: %q: want plan, swing, verify or back; see -h\n", what)
	return cli.Usage
}

// record describes the move. Nothing is sent.
func (s *settings) record(d dial) (*failover.Record, *dns.Server, error) {
	if s.server == "" || s.key == "" || s.zone == "" || s.name == "" || s.from == "" || s.to == "" {
		return nil, nil, errors.New("want -server, -key-file, -zone, -name, -from and -to; see -h")
	}
	from, err := netip.ParseAddr(s.from)
	if err != nil {
		return nil, nil, fmt.Errorf("-from: %w", err)
	}
	to, err := netip.ParseAddr(s.to)
	if err != nil {
		return nil, nil, fmt.Errorf("-to: %w", err)
	}
	if from.Is4() != to.Is4() || from == to {
		return nil, nil, fmt.Errorf("-from %v, -to %v: want two addresses of one family", from, to)
	}
	at, err := table("-at", s.at)
	if err != nil {
		return nil, nil, err
	}
	skip, err := table("-skip", s.skip)
	if err != nil {
		return nil, nil, err
	}
	vantages, err := s.vantages()
	if err != nil {
		return nil, nil, err
	}
	key, err := dns.ReadKey(s.key)
	if err != nil {
		return nil, nil, err
	}
	opts := &dns.Options{Dial: d}
	srv, err := dns.NewServer(s.server, key.Signer(), opts)
	if err != nil {
		return nil, nil, err
	}
	zone, err := srv.Zone(s.zone)
	if err != nil {
		return nil, nil, err
	}
	asked := &dns.AuthorityOptions{At: map[string][]string{}, Skip: skip, Resolvers: list(s.resolvers), Options: opts}
	for name, addr := range at {
		asked.At[failover.CanonicalName(name)] = []string{addr}
	}
	name := s.name
	if !strings.HasSuffix(name, ".") {
		name += "." + s.zone
	}
	return &failover.Record{
		From: failover.Side{Name: s.from, ID: s.fromID}, To: failover.Side{Name: s.to, ID: s.toID},
		Zones: []failover.Zone{{
			Editor:      zone,
			Moves:       []failover.Move{failover.MoveAddress(failover.CanonicalName(name), from, to)},
			Authorities: zone.Authorities(asked),
			Resolvers:   dns.Resolvers(opts, list(s.resolvers)...),
		}},
		Vantages: vantages,
	}, srv, nil
}

// list reads "a,b".
func list(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
}

// table reads "a=b,c=d".
func table(flag, s string) (map[string]string, error) {
	out := map[string]string{}
	for pair := range strings.SplitSeq(s, ",") {
		name, value, ok := strings.Cut(pair, "=")
		if strings.TrimSpace(pair) == "" {
			continue
		}
		if !ok {
			return nil, fmt.Errorf("%s: %q: want name=value", flag, pair)
		}
		out[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	return out, nil
}
