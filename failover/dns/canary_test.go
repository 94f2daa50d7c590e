package dns_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/changeover-sdk/changeover/failover/dns"
	"github.com/changeover-sdk/changeover/failover/dns/dnstest"
	"github.com/changeover-sdk/changeover/upgrade"
)

// The key's secret is in nothing that a run leaves behind: journal, report, plan, events, log and errors, whatever the server answers.
func TestCanarySwingRun(t *testing.T) {
	for _, fault := range []dnstest.Fault{dnstest.None, dnstest.BadSig, dnstest.BadKey, dnstest.BadTime, dnstest.Echo, dnstest.Garbage, dnstest.ServFail, dnstest.Refused} {
		synctest.Test(t, func(t *testing.T) {
			var said bytes.Buffer
			log := slog.New(slog.NewTextHandler(&said, &slog.HandlerOptions{Level: slog.LevelDebug}))
			srv, _ := start(t)
			srv.Fail(fault)
			s, err := dns.NewServer("192.0.2.53", testKey(t).Signer(), &dns.Options{Dial: srv.Dial, Logger: log})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			z, err := s.Zone(apex)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "journal")
			j, err := upgrade.OpenJournal(path)
			if err != nil {
				t.Fatal(err)
			}
			lower, await := upgrade.LowerTTL(record(z), 60e9)
			p := upgrade.Procedure{Name: "swing", Steps: []upgrade.Step{lower, await, upgrade.SwingDNS(record(z), 0)}}
			rep, err := upgrade.Run(t.Context(), p, &upgrade.Options{Journal: j, Logger: log, Events: func(e upgrade.Event) { fmt.Fprintf(&said, "%+v\n", e) }})
			fmt.Fprintf(&said, "%v %+v %#v\n%s\n%+v\n", err, err, err, rep, p)
			if err := j.Close(); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(path)
			if err != nil || len(text) == 0 {
				t.Fatalf("the journal: %d bytes, %v", len(text), err)
			}
			if strings.Contains(said.String()+string(text), secret) {
				t.Errorf("fault %d: the secret is in an output", fault)
			}
		})
	}
}
