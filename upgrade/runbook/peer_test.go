package runbook_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/ipmi"
	"github.com/changeover-sdk/changeover/ipmi/ipmitest"
	"github.com/changeover-sdk/changeover/sps"
	"github.com/changeover-sdk/changeover/sps/spstest"
	"github.com/changeover-sdk/changeover/upgrade"
)

// peerScale is how fast the pair lives: a boot of twelve minutes is 0.36 s. The engine's own waits are longer, because processes of the real world
// have to answer within them.
const (
	peerScale   = 1.0 / 2000
	engineScale = 1.0 / 100
)

// TestPeerSPSHA upgrades a pair end to end in real time: over TLS on loopback, with a real ipmi_sim as each node's BMC, and a look at
// the console over a real sshd. What the BMCs' own scripts were told is the oracle.
func TestPeerSPSHA(t *testing.T) {
	curl := peer(t, "curl", "curl")
	server, keygen := peer(t, "sshd", "openssh-server"), peer(t, "ssh-keygen", "openssh-client")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Second)
	defer cancel()

	p := &spstest.Pair{A: &spstest.Node{Scale: peerScale, T: t}}
	addr, err := p.Start()
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, p)
	r.person.Takes, r.person.Patience = 5*time.Millisecond, 50*time.Millisecond
	book := pairBook(t, p, r, byPerson) // closes the pair
	u, password := p.Login()
	if book.Client, err = sps.NewClient(addr, sps.Login{User: u, Password: password}, &sps.Options{CA: p.A.CA(), Poll: 10 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(book.Client.Logout)
	a, b := startBMC(t, curl, p.A), startBMC(t, curl, p.B)
	book.Power = upgrade.PowerMap{p.A.Name: a.machine, p.B.Name: b.machine}

	console, seen := startConsole(t, server, keygen)
	r.procedure = book.Procedure()
	look := upgrade.Step{Name: "read the console", On: []string{book.Client.Host()}, Every: time.Second, Limit: time.Hour,
		Observe: func(ctx context.Context, _ upgrade.Look) (upgrade.Observation, error) {
			out, err := console.Run(ctx, "cat "+seen)
			if err != nil {
				return upgrade.Observation{}, err
			}
			return upgrade.See(upgrade.Done, map[string]string{"console": out.Stdout}, "the console says %s", strings.TrimSpace(out.Stdout)), nil
		}}
	r.procedure.Steps = slices.Insert(r.procedure.Steps, 0, look)
	journal, err := upgrade.OpenJournal(filepath.Join(t.TempDir(), "journal"))
	if err != nil {
		t.Fatal(err)
	}
	defer journal.Close()

	before := p.Active()
	rep, err := upgrade.Run(ctx, r.procedure, &upgrade.Options{Journal: journal, Operator: r.person, Scale: engineScale})
	if err != nil || rep.Outcome != upgrade.Succeeded {
		t.Fatalf("Run: %v\n%s\n%s", err, rep, p.Record())
	}
	if err := r.person.Err(); err != nil {
		t.Error(err)
	}
	if va, vb := p.A.Running(), p.B.Running(); va != newVersion || vb != newVersion || p.Active() == before {
		t.Errorf("the nodes run %s and %s, and %s serves", va, vb, p.Active().Name)
	}
	checkRecord(t, rep, p.Record(), p.Violations())
	if told := b.told(); !slices.Equal(told, []string{"power on"}) { // off it goes by a button on the page
		t.Errorf("the secondary's BMC was told %q", told)
	}
	if told := a.told(); len(told) != 0 {
		t.Errorf("the primary's BMC was told %q", told)
	}
	if text := fmt.Sprint(rep); !strings.Contains(text, "the console says standing by") {
		t.Errorf("the report does not show what the console said:\n%s", text)
	}
}

// peer finds a program of a Debian package, or ends the test.
func peer(t testing.TB, name, pkg string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		if path, err := exec.LookPath("/usr/sbin/" + name); err == nil {
			return path
		}
	}
	return ipmitest.Needs(t, name, pkg)
}

// bmc is an ipmi_sim whose machine is a simulated node.
type bmc struct {
	machine *ipmi.Machine

	mu   sync.Mutex
	acts []string
}

func (b *bmc) told() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.acts)
}

// chassis is what ipmi_sim runs for everything that concerns the machine: it asks, and switches, the node in the test's process.
const chassis = `#!/bin/sh
op=$2; shift 2
while [ $# -gt 0 ]; do
  item=$1; shift
  value=
  if [ "$op" = set ]; then value=$1; shift; fi
  %s -sSf --max-time 5 "%s/$op/$item/$value" || exit 1
done
`

// startBMC starts an ipmi_sim for a node, and ends it with the test.
func startBMC(t *testing.T, curl string, n *spstest.Node) *bmc {
	t.Helper()
	program := peer(t, "ipmi_sim", "openipmi")
	const name, password = "admin", "s3cr3t-Pass"
	b := new(bmc)
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/get/power/":
			fmt.Fprintf(w, "power:%d\n", map[bool]int{true: 1}[n.PowerState()])
		case "/set/power/1", "/set/power/0":
			on := strings.HasSuffix(r.URL.Path, "1")
			b.mu.Lock()
			b.acts = append(b.acts, map[bool]string{true: "power on", false: "power off"}[on])
			b.mu.Unlock()
			_ = n.SetPower(on)
		default:
			b.mu.Lock()
			b.acts = append(b.acts, r.URL.Path)
			b.mu.Unlock()
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(hook.Close)
	for try := 0; ; try++ { // the port is free when it is chosen, and may be taken when ipmi_sim asks for it
		dir := t.TempDir()
		free, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addr := free.LocalAddr().(*net.UDPAddr)
		_ = free.Close()
		script := filepath.Join(dir, "chassis.sh")
		write(t, script, fmt.Sprintf(chassis, curl, hook.URL), 0o700)
		write(t, filepath.Join(dir, "lan.conf"), fmt.Sprintf("name %q\nset_working_mc 0x20\nstartlan 1\naddr 127.0.0.1 %d\npriv_limit admin\nallowed_auths_admin none md2 md5 straight\n"+
			"guid a123456789abcdefa123456789abcdef\nendlan\nchassis_control \"%s 0x20\"\nuser 2 true %q %q admin 10 none md2 md5 straight\n", n.Name, addr.Port, script, name, password), 0o600)
		write(t, filepath.Join(dir, "sim.emu"), "mc_setbmc 0x20\nmc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02\nsel_enable 0x20 1000 0x0a\nmc_enable 0x20\n", 0o600)
		if err := os.Mkdir(filepath.Join(dir, "state"), 0o700); err != nil {
			t.Fatal(err)
		}
		var printed bytes.Buffer
		cmd := exec.Command(program, "-n", "-c", filepath.Join(dir, "lan.conf"), "-f", filepath.Join(dir, "sim.emu"), "-s", filepath.Join(dir, "state"))
		cmd.Stdout, cmd.Stderr = &printed, &printed
		end := begin(t, cmd)
		if b.machine, err = ipmi.New(addr.String(), ipmi.Login{User: name, Password: password}, &ipmi.Options{Suites: []int{3}}); err != nil {
			t.Fatal(err)
		}
		if answers(t, b.machine) {
			t.Cleanup(func() { _ = b.machine.Close() })
			return b
		}
		_ = b.machine.Close()
		end()
		if try == 4 {
			t.Fatalf("peer: ipmi_sim does not answer: %s", printed.String())
		}
	}
}

// answers asks a BMC for its state until it says one.
func answers(t *testing.T, m *ipmi.Machine) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	for ctx.Err() == nil {
		if s, err := m.State(ctx); err == nil && string(s) == "on" {
			return true
		}
		time.Sleep(10 * time.Millisecond) // refused, while nobody listens yet
	}
	return false
}

// begin starts a program; it ends with the test, or when end is called.
func begin(t *testing.T, cmd *exec.Cmd) (end func()) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() { defer close(exited); _ = cmd.Wait() }()
	end = func() { _ = cmd.Process.Kill(); <-exited }
	t.Cleanup(end)
	return end
}

func write(t *testing.T, file, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// startConsole starts an sshd that offers what the appliance's does (SPS 6.9.4 Administration Guide, Enabling SSH access to the SPS host), and a
// Console for it; seen is a file there.
func startConsole(t *testing.T, server, keygen string) (c *sps.Console, seen string) {
	t.Helper()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	if me.Uid == "0" { // where sshd locks itself in; the package's service would make it
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	seen = filepath.Join(dir, "seen")
	write(t, seen, "standing by\n", 0o600)
	host, login := filepath.Join(dir, "host"), filepath.Join(dir, "login")
	for _, key := range []string{host, login} {
		if out, err := exec.Command(keygen, "-q", "-t", "ed25519", "-N", "", "-f", key).CombinedOutput(); err != nil {
			t.Fatalf("peer: ssh-keygen: %v: %s", err, out)
		}
	}
	pin, err := os.ReadFile(host + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(login)
	if err != nil {
		t.Fatal(err)
	}
	for try := 0; ; try++ {
		free, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addr := free.Addr().String()
		_ = free.Close()
		_, port, _ := net.SplitHostPort(addr)
		config := filepath.Join(dir, "sshd_config")
		write(t, config, "ListenAddress 127.0.0.1\nPort "+port+"\nHostKey "+host+"\nAuthorizedKeysFile "+login+".pub\nPidFile none\nStrictModes no\nUsePAM no\n"+
			"PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\nUseDNS no\n"+
			"KexAlgorithms diffie-hellman-group-exchange-sha256\nCiphers aes256-ctr,aes128-ctr\nMACs hmac-sha2-512,hmac-sha2-256\n", 0o600)
		end := begin(t, exec.Command(server, "-D", "-e", "-f", config))
		if c, err = sps.NewConsole(addr, sps.ConsoleLogin{User: me.Username, Key: key}, &sps.ConsoleOptions{HostKey: string(pin)}); err != nil {
			t.Fatal(err)
		}
		for wait, cancel := context.WithTimeout(t.Context(), 10*time.Second); ; time.Sleep(5 * time.Millisecond) {
			if err = c.Login(wait); err == nil || wait.Err() != nil {
				cancel()
				break
			}
		}
		if err == nil {
			t.Cleanup(func() { _ = c.Close() })
			return c, seen
		}
		end()
		if try == 4 {
			t.Fatalf("peer: sshd: %v", err)
		}
	}
}
