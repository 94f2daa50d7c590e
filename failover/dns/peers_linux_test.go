package dns_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	mdns "github.com/miekg/dns"

	"github.com/changeover-sdk/changeover/failover/dns"
)

// peer returns the path of a real program, and skips the test if there is none; in CI that is a failure.
func peer(t testing.TB, program, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/" + program)
	}
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("peer: %s is not installed: %s", pkg, program)
		}
		t.Skipf("peer: %s is not installed: %s", pkg, program)
	}
	return path
}

// run starts a daemon in the foreground and ends it with the test, by its process id.
func run(t testing.TB, name string, args ...string) {
	t.Helper()
	var out bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		done := make(chan error, 1)
		go func() { done <- cmd.Wait() }()
		select {
		case <-done:
		case <-time.After(5 * time.Second):
			_ = cmd.Process.Kill()
			<-done
		}
		if t.Failed() {
			lines := strings.Split(strings.TrimSpace(out.String()), "\n")
			t.Logf("%s said at the end:\n%s", filepath.Base(name), strings.Join(lines[max(0, len(lines)-10):], "\n"))
		}
	})
}

// port returns a port that is free for TCP and UDP on 127.0.0.1.
func port(t testing.TB) int {
	t.Helper()
	for range 50 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		p := l.Addr().(*net.TCPAddr).Port
		c, err := net.ListenPacket("udp", fmt.Sprintf("127.0.0.1:%d", p))
		_ = l.Close()
		if err == nil {
			_ = c.Close()
			return p
		}
	}
	t.Fatal("no free port")
	return 0
}

func local(p int) string { return fmt.Sprintf("127.0.0.1:%d", p) }

// folder returns a place for a server's data, in memory where there is one: a benchmark must not measure fsync.
func folder(t testing.TB) string {
	t.Helper()
	if fi, err := os.Stat("/dev/shm"); err != nil || !fi.IsDir() {
		return t.TempDir()
	}
	d, err := os.MkdirTemp("/dev/shm", "changeover-dns-")
	if err != nil {
		return t.TempDir()
	}
	if err := os.Chmod(d, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(d) })
	return d
}

func write(t testing.TB, dir, name, text string) string {
	t.Helper()
	p := filepath.Join(dir, name)
	if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

// answers waits until a server answers with authority for a zone, or recursively for a name.
func answers(t testing.TB, addr, name string, qtype uint16, want func(*mdns.Msg) bool) {
	t.Helper()
	m := new(mdns.Msg)
	m.SetQuestion(name, qtype)
	var last any
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		r, err := mdns.Exchange(m, addr)
		if err == nil && want(r) {
			return
		}
		last = errors.Join(err, fmt.Errorf("%v", r))
	}
	t.Fatalf("the server at %s does not answer for %s: %v", addr, name, last)
}

func authoritative(r *mdns.Msg) bool { return r.Rcode == mdns.RcodeSuccess && r.Authoritative }

// zoneText is a zone with a SOA, name servers and further lines.
func zoneText(ns []string, ttl int, lines ...string) string {
	var s strings.Builder
	fmt.Fprintf(&s, "$TTL %d\n@ %d IN SOA ns1 hostmaster 1 3600 600 86400 5\n", ttl, ttl)
	for i, n := range ns {
		fmt.Fprintf(&s, "@ IN NS %s\n%s IN A 127.0.0.%d\n", n, n, i+1)
	}
	for _, l := range lines {
		s.WriteString(l + "\n")
	}
	return s.String()
}

// startBIND starts a primary for the zones, which notifies the given ports, and returns its address.
func startBIND(t testing.TB, zones map[string]string, notify ...int) string {
	t.Helper()
	named := peer(t, "named", "bind9")
	d, p := folder(t), port(t)
	var also strings.Builder
	for _, n := range notify {
		fmt.Fprintf(&also, " 127.0.0.1 port %d;", n)
	}
	var conf strings.Builder
	fmt.Fprintf(&conf, `%s
options { directory "%s"; listen-on port %d { 127.0.0.1; }; listen-on-v6 { none; }; pid-file "%s/named.pid"; session-keyfile "%s/session.key"; recursion no;
  dnssec-validation no; empty-zones-enable no; notify-delay 0; allow-transfer { key swing.; }; };
controls { };
logging { category update { null; }; };
`, keyText, d, p, d, d)
	first := ""
	for name, text := range zones {
		write(t, d, "zone."+name, text)
		fmt.Fprintf(&conf, `zone "%s" { type primary; file "zone.%s"; notify explicit; also-notify {%s }; update-policy { grant swing. zonesub A AAAA CNAME; }; };`+"\n", name, name, also.String())
		first = name
	}
	run(t, named, "-g", "-c", write(t, d, "named.conf", conf.String()))
	answers(t, local(p), first+".", mdns.TypeSOA, authoritative)
	return local(p)
}

// startBINDSecondary starts a secondary on a port.
func startBINDSecondary(t testing.TB, zone, primary string, p int) {
	t.Helper()
	named := peer(t, "named", "bind9")
	d := folder(t)
	host, pp, _ := net.SplitHostPort(primary)
	run(t, named, "-g", "-c", write(t, d, "named.conf", fmt.Sprintf(`%s
options { directory "%s"; listen-on port %d { 127.0.0.1; }; listen-on-v6 { none; }; pid-file "%s/named.pid"; session-keyfile "%s/session.key"; recursion no;
  dnssec-validation no; empty-zones-enable no; allow-notify { 127.0.0.1; }; };
controls { };
server %s { keys { swing.; }; };
zone "%s" { type secondary; file "s"; primaries { %s port %s key swing.; }; };
`, keyText, d, p, d, d, host, zone, host, pp)))
	answers(t, local(p), zone+".", mdns.TypeSOA, authoritative)
}

// startNSD starts a secondary of another make on a port.
func startNSD(t testing.TB, zone, primary string, p int) {
	t.Helper()
	nsd := peer(t, "nsd", "nsd")
	d := folder(t)
	host, pp, _ := net.SplitHostPort(primary)
	run(t, nsd, "-d", "-c", write(t, d, "nsd.conf", fmt.Sprintf(`server:
  ip-address: 127.0.0.1@%d
  username: ""
  database: ""
  zonesdir: "%s"
  xfrdir: "%s"
  xfrdfile: "%s/xfrd.state"
  zonelistfile: "%s/zone.list"
  pidfile: "%s/nsd.pid"
  server-count: 1
  xfrd-reload-timeout: 0
remote-control:
  control-enable: no
key:
  name: "swing."
  algorithm: hmac-sha256
  secret: "%s"
zone:
  name: "%s"
  zonefile: "z"
  request-xfr: %s@%s swing.
  allow-notify: 127.0.0.1 NOKEY
`, p, d, d, d, d, d, secret, zone, host, pp)))
	answers(t, local(p), zone+".", mdns.TypeSOA, authoritative)
}

// startKnot starts a primary for the zones and returns its address.
func startKnot(t testing.TB, zones map[string]string) string {
	t.Helper()
	d := folder(t)
	if err := os.Mkdir(filepath.Join(d, "db"), 0o700); err != nil { // without it every update is SERVFAIL
		t.Fatal(err)
	}
	return startKnotIn(t, d, zones)
}

func startKnotIn(t testing.TB, d string, zones map[string]string) string {
	t.Helper()
	knotd := peer(t, "knotd", "knot")
	p := port(t)
	var conf strings.Builder
	fmt.Fprintf(&conf, `server:
  listen: 127.0.0.1@%d
  rundir: "%s"
database:
  storage: "%s/db"
key:
  - id: swing.
    algorithm: hmac-sha256
    secret: "%s"
acl:
  - id: upd
    key: swing.
    action: update
    update-type: [A, AAAA, CNAME]
template:
  - id: default
    storage: "%s"
    file: "%%s"
    acl: upd
    zonefile-load: difference-no-serial
    zonefile-sync: -1
    journal-content: all
zone:
`, p, d, d, secret, d)
	first := ""
	for name, text := range zones {
		write(t, d, name, text)
		fmt.Fprintf(&conf, "  - domain: %s\n", name)
		first = name
	}
	run(t, knotd, "-c", write(t, d, "knot.conf", conf.String()))
	answers(t, local(p), first+".", mdns.TypeSOA, authoritative)
	return local(p)
}

// startUnbound starts a resolver that asks one server for a zone, and returns its address.
func startUnbound(t testing.TB, zone, upstream string, minTTL int) string {
	t.Helper()
	unbound := peer(t, "unbound", "unbound")
	d, p := folder(t), port(t)
	host, up, _ := net.SplitHostPort(upstream)
	tld := zone[strings.LastIndexByte(zone, '.')+1:]
	run(t, unbound, "-d", "-p", "-c", write(t, d, "unbound.conf", fmt.Sprintf(`server:
  interface: 127.0.0.1@%d
  directory: "%s"
  chroot: ""
  username: ""
  use-syslog: no
  pidfile: ""
  num-threads: 1
  do-ip6: no
  do-not-query-localhost: no
  module-config: "iterator"
  local-zone: "%s." nodefault
  cache-min-ttl: %d
remote-control:
  control-enable: no
stub-zone:
  name: "%s"
  stub-addr: %s@%s
`, p, d, tld, minTTL, zone, host, up)))
	answers(t, local(p), zone+".", mdns.TypeSOA, func(r *mdns.Msg) bool { return r.Rcode == mdns.RcodeSuccess })
	return local(p)
}

// primaries are the real primaries that the same tests run against.
var primaries = map[string]func(t testing.TB, zones map[string]string) string{
	"BIND": func(t testing.TB, zones map[string]string) string { return startBIND(t, zones) },
	"Knot": startKnot,
}

func editor(t testing.TB, addr, zone string) *dns.Zone {
	t.Helper()
	key, err := dns.ReadKey(write(t, t.TempDir(), "swing.key", keyText))
	if err != nil {
		t.Fatal(err)
	}
	s, err := dns.NewServer(addr, key.Signer(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	z, err := s.Zone(zone)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func within(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}
