package ipmitest

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/ipmi"
)

// Sim is OpenIPMI's ipmi_sim, a BMC that has nothing in common with this module: the independent witness that what the
// in-process BMC accepts is IPMI. It runs on loopback, with a power state that is a file and a serial console that is a
// TCP connection.
type Sim struct {
	addr    string
	dir     string
	console net.Listener
}

// Needs ends a test unless a program is installed: it is skipped on a developer's machine, and fails where CI=true, so
// that CI never passes by skipping. pkg is the Debian package. It returns the program's path.
func Needs(t testing.TB, program, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	switch {
	case err == nil:
		return path
	case os.Getenv("CI") == "true":
		t.Fatalf("peer: %s is not installed: apt-get install %s", pkg, pkg)
	default:
		t.Skipf("peer: %s is not installed: %v", pkg, err)
	}
	return ""
}

// chassisScript is what ipmi_sim runs for everything that concerns the machine. Its log is the oracle of what the BMC
// was told. (OpenIPMI's manual page ipmi_lan, chassis_control.)
const chassisScript = `#!/bin/sh
cd %q || exit 1
op=$2; shift 2
while [ $# -gt 0 ]; do
  item=$1; shift
  value=
  if [ "$op" = set ]; then value=$1; shift; fi
  echo "$op $item $value" >> log
  case "$op $item" in
    "get power") if [ -e on ]; then echo power:1; else echo power:0; fi ;;
    "set power") if [ "$value" = 1 ]; then : > on; else rm -f on; fi ;;
    "set reset") : ;;
    "set shutdown") rm -f on ;;
    *) exit 1 ;;
  esac
done
`

const lanConf = `name "ipmitest"
set_working_mc 0x20
  startlan 1
    addr 127.0.0.1 %d
    priv_limit admin
    allowed_auths_admin none md2 md5 straight
    guid a123456789abcdefa123456789abcdef
  endlan
  chassis_control "%s 0x20"
  sol "tcp:%s" 115200
  user 2 true %q %q admin 10 none md2 md5 straight
  user 3 true "operator" %q operator 10 none md2 md5 straight
`

const emulation = `mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02
sel_enable 0x20 1000 0x0a
mc_enable 0x20
`

// StartSim starts an ipmi_sim whose machine is off, and ends it with the test. Without the program it ends the test as
// [Needs] does.
func StartSim(t testing.TB) *Sim {
	t.Helper()
	program := Needs(t, "ipmi_sim", "openipmi")
	console, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = console.Close() })
	// The port is free when it is chosen and may be taken when ipmi_sim asks for it: then another one is tried.
	for try := 0; ; try++ {
		s := &Sim{dir: t.TempDir(), console: console}
		err := s.start(t, program)
		if err == nil {
			return s
		}
		if try == 4 {
			t.Fatalf("peer: ipmi_sim: %v", err)
		}
	}
}

func (s *Sim) start(t testing.TB, program string) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	s.addr = fmt.Sprintf("127.0.0.1:%d", port)
	script := filepath.Join(s.dir, "chassis.sh")
	for name, text := range map[string]string{
		"chassis.sh": fmt.Sprintf(chassisScript, s.dir),
		"lan.conf":   fmt.Sprintf(lanConf, port, script, s.console.Addr(), DefaultUser, DefaultPassword, DefaultPassword),
		"sim.emu":    emulation,
	} {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o700); err != nil {
			return err
		}
	}
	if err := os.Mkdir(filepath.Join(s.dir, "state"), 0o700); err != nil {
		return err
	}
	var printed bytes.Buffer
	cmd := exec.Command(program, "-n", "-c", filepath.Join(s.dir, "lan.conf"), "-f", filepath.Join(s.dir, "sim.emu"), "-s", filepath.Join(s.dir, "state"))
	cmd.Stdout, cmd.Stderr = &printed, &printed
	if err := cmd.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	go func() { defer close(exited); _ = cmd.Wait() }()
	end := func() { _ = cmd.Process.Kill(); <-exited }
	if err := s.ready(exited); err != nil {
		end()
		return fmt.Errorf("%w: %s", err, printed.String())
	}
	t.Cleanup(end)
	return nil
}

func freePort() (int, error) {
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return 0, err
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).Port, nil
}

// ready sends ASF presence pings until one is answered.
func (s *Sim) ready(exited <-chan struct{}) error {
	c, err := net.Dial("udp4", s.addr)
	if err != nil {
		return err
	}
	defer c.Close()
	ping := []byte{0x06, 0, 0xff, 0x06, 0, 0, 0x11, 0xbe, 0x80, 0, 0, 0}
	for range 500 {
		_, _ = c.Write(ping) // refused while nobody listens yet
		_ = c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		_, err := c.Read(make([]byte, 64))
		if err == nil {
			return nil
		}
		if errors.Is(err, syscall.ECONNREFUSED) {
			select {
			case <-time.After(5 * time.Millisecond):
			case <-exited:
				return errors.New("it ended at once")
			}
		}
	}
	return errors.New("it does not answer")
}

// Addr returns its address, as ipmi.New takes it.
func (s *Sim) Addr() string { return s.addr }

// Login returns a login with the Administrator privilege. The user "operator", with the same password, has the Operator
// privilege.
func (s *Sim) Login() ipmi.Login { return ipmi.Login{User: DefaultUser, Password: DefaultPassword} }

// Told returns the acts in the chassis script's log, in order. A power cycle is two acts for ipmi_sim: PowerOff, and
// after a second PowerOn.
func (s *Sim) Told() []string {
	log, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		panic("ipmitest: " + err.Error())
	}
	var told []string
	for line := range strings.Lines(string(log)) {
		switch f := strings.Fields(line); {
		case f[0] == "get":
		case strings.Join(f, " ") == "set power 1":
			told = append(told, PowerOn)
		case strings.Join(f, " ") == "set power 0":
			told = append(told, PowerOff)
		case f[1] == "shutdown":
			told = append(told, Soft)
		default:
			told = append(told, f[1])
		}
	}
	return told
}

// SetPower puts the machine into a state as somebody at its front panel would.
func (s *Sim) SetPower(on bool) {
	file := filepath.Join(s.dir, "on")
	err := os.Remove(file)
	if on {
		err = os.WriteFile(file, nil, 0o600)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		panic("ipmitest: " + err.Error())
	}
}

// Serial waits for ipmi_sim to connect to the machine's serial port and returns the machine's end of it: what is written
// is what the machine prints.
func (s *Sim) Serial(t testing.TB) net.Conn {
	t.Helper()
	_ = s.console.(*net.TCPListener).SetDeadline(time.Now().Add(30 * time.Second))
	c, err := s.console.Accept()
	if err != nil {
		t.Fatalf("peer: ipmi_sim did not connect to the serial port: %v", err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}
