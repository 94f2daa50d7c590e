package sps_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/changeover-sdk/changeover/sps"
	"github.com/changeover-sdk/changeover/sps/spstest"
)

// The peer is Debian's sshd: an SSH server that shares nothing with the library under the Console.

// documentedSSH is all that the appliance's own SSH server is documented to offer (SPS 6.9.4 Administration Guide, Enabling SSH access to the
// SPS host).
const documentedSSH = `
KexAlgorithms diffie-hellman-group-exchange-sha256
Ciphers aes256-ctr,aes128-ctr
MACs hmac-sha2-512,hmac-sha2-256
`

// sshd is a running one. Its log is the oracle of what it was asked.
type sshd struct {
	addr, dir, user string
	key             []byte // a private key it lets in
	mu              sync.Mutex
	printed         bytes.Buffer
}

func (s *sshd) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.printed.Write(p)
}

func (s *sshd) log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.printed.String()
}

// program finds a program of a Debian package, or ends the test.
func program(t testing.TB, name, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/" + name)
	}
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

// startSSHD starts one on loopback, with a host key of each of the kinds, and ends it with the test.
func startSSHD(t testing.TB, config string, kinds ...string) *sshd {
	t.Helper()
	server, keygen := program(t, "sshd", "openssh-server"), program(t, "ssh-keygen", "openssh-client")
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	if me.Uid == "0" { // where sshd locks itself in; the package's service would make it
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s := &sshd{dir: t.TempDir(), user: me.Username}
	if len(kinds) == 0 {
		kinds = []string{"rsa", "ecdsa", "ed25519"}
	}
	for _, kind := range append(kinds, "login") {
		args := []string{"-q", "-N", "", "-f", filepath.Join(s.dir, kind), "-t", kind}
		switch kind {
		case "login":
			args[len(args)-1] = "ed25519"
		default:
			config += "\nHostKey " + filepath.Join(s.dir, kind)
		}
		if kind == "rsa" {
			args = append(args, "-b", "2048")
		}
		if out, err := exec.Command(keygen, args...).CombinedOutput(); err != nil {
			t.Fatalf("ssh-keygen: %v: %s", err, out)
		}
	}
	if s.key, err = os.ReadFile(filepath.Join(s.dir, "login")); err != nil {
		t.Fatal(err)
	}
	for try := 0; ; try++ { // the port is free when it is chosen, and may be taken when sshd asks for it
		if s.start(t, server, config) {
			return s
		}
		if try == 4 {
			t.Fatalf("peer: sshd: %s", s.log())
		}
	}
}

func (s *sshd) start(t testing.TB, server, config string) bool {
	t.Helper()
	free, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = free.Addr().String()
	_ = free.Close()
	_, port, _ := net.SplitHostPort(s.addr)
	file := filepath.Join(s.dir, "config")
	text := fmt.Sprintf("Port %s\nListenAddress 127.0.0.1\nPidFile none\nAuthorizedKeysFile %s\nStrictModes no\nUsePAM no\nKbdInteractiveAuthentication no\n"+
		"PermitRootLogin yes\nUseDNS no\nMaxStartups 100\nPrintMotd no\nPrintLastLog no\nLogLevel DEBUG1\n%s\n", port, filepath.Join(s.dir, "login.pub"), config)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(server, "-D", "-e", "-f", file)
	cmd.Stderr = s
	cmd.Env = []string{"PATH=/usr/bin:/bin"}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() { defer close(exited); _ = cmd.Wait() }()
	for !strings.Contains(s.log(), "Server listening on 127.0.0.1 port "+port) {
		select {
		case <-exited:
			return false
		case <-time.After(2 * time.Millisecond):
		}
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-exited })
	return true
}

func (s *sshd) login() sps.ConsoleLogin { return sps.ConsoleLogin{User: s.user, Key: s.key} }

// pin is the host key of a kind.
func (s *sshd) pin(t testing.TB, kind string) string {
	t.Helper()
	line, err := os.ReadFile(filepath.Join(s.dir, kind+".pub"))
	if err != nil {
		t.Fatal(err)
	}
	return string(line)
}

// known is a known_hosts file with the host key of a kind.
func (s *sshd) known(t testing.TB, kind string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "known_hosts")
	if err := os.WriteFile(file, []byte(knownhosts.Normalize(s.addr)+" "+s.pin(t, kind)), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func (s *sshd) console(t testing.TB) *sps.Console {
	t.Helper()
	return newConsole(t, s.addr, s.login(), &sps.ConsoleOptions{HostKey: s.pin(t, "ed25519")})
}

func newConsole(t testing.TB, addr string, login sps.ConsoleLogin, o *sps.ConsoleOptions) *sps.Console {
	t.Helper()
	c, err := sps.NewConsole(addr, login, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// bounded ends a test that hangs.
func bounded(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// At this log level sshd also tells the client what it does, on the standard error of each command.
func TestPeerConsole(t *testing.T) {
	for name, tt := range map[string]struct{ config, kex, cipher, mac string }{
		"as Debian has it":           {"", "curve25519-sha256", "aes128-gcm@openssh.com", "<implicit>"},
		"exactly what is documented": {documentedSSH, "diffie-hellman-group-exchange-sha256", "aes256-ctr", "hmac-sha2-512"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startSSHD(t, tt.config)
			c, ctx := s.console(t), bounded(t)

			out, err := c.Run(ctx, "echo out; echo err >&2")
			if err != nil || out.Stdout != "out\n" || !strings.HasSuffix(out.Stderr, "err\n") {
				t.Errorf("Run: %+v, %v", out, err)
			}
			out, err = c.Run(ctx, "echo why >&2; exit 7")
			if e, ok := errors.AsType[*sps.ConsoleError](err); !ok || e.Exit != 7 || !strings.HasSuffix(e.Output, "why\n") || out.Exit != 7 || !errors.Is(err, sps.ErrFailed) {
				t.Errorf("exit 7: %+v, %v", out, err)
			}
			if _, err = c.Run(ctx, "kill -TERM $$"); !errors.Is(err, sps.ErrFailed) || !strings.Contains(err.Error(), "signal TERM") {
				t.Errorf("a signal: %v", err)
			}

			const size = 3<<20 + 5
			to := filepath.Join(t.TempDir(), "it's $HOME.iso")
			var told int64
			image, err := c.Upload(ctx, spstest.Image("7.0.2.1", size), spstest.ImageName("7.0.2.1"), to, func(sent, _ int64) { told = sent })
			if err != nil || image.Size != size || told != size {
				t.Fatalf("Upload: %+v, %v; told %d", image, err, told)
			}
			again, err := sps.HashFirmware(ctx, os.DirFS(filepath.Dir(to)), filepath.Base(to))
			if err != nil || again != image {
				t.Errorf("arrived: %+v, %v; want %+v", again, err, image)
			}
			if info, err := os.Stat(to); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("rights: %v, %v", info, err)
			}
			for _, want := range []string{"kex: algorithm: " + tt.kex, "kex: client->server cipher: " + tt.cipher + " MAC: " + tt.mac} {
				if !strings.Contains(s.log(), want) {
					t.Errorf("sshd's log has no %q:\n%s", want, s.log())
				}
			}
			if n := strings.Count(s.log(), "Accepted publickey"); n != 1 {
				t.Errorf("%d logins for one Console", n)
			}
		})
	}
}

// Against a server that has several host keys, the one that is known must be asked for: else another one comes, and it looks like an attack.
func TestPeerConsoleHostKeys(t *testing.T) {
	t.Parallel()
	s := startSSHD(t, "")
	other := startSSHD(t, "", "ed25519")
	empty := filepath.Join(t.TempDir(), "known_hosts")
	revoked := filepath.Join(t.TempDir(), "known_hosts")
	for file, text := range map[string]string{empty: "", revoked: "@revoked * " + s.pin(t, "ed25519")} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	stale := filepath.Join(t.TempDir(), "known_hosts")
	if err := os.WriteFile(stale, []byte(knownhosts.Normalize(s.addr)+" "+other.pin(t, "ed25519")), 0o600); err != nil {
		t.Fatal(err)
	}
	rsaOnly := filepath.Join(t.TempDir(), "known_hosts")
	if err := os.WriteFile(rsaOnly, []byte(knownhosts.Normalize(other.addr)+" "+s.pin(t, "rsa")), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		at   *sshd
		o    sps.ConsoleOptions
		want error
	}{
		"only the ed25519 key is known":        {s, sps.ConsoleOptions{KnownHosts: []string{s.known(t, "ed25519")}}, nil},
		"only the RSA key is known":            {s, sps.ConsoleOptions{KnownHosts: []string{s.known(t, "rsa")}}, nil},
		"only the ECDSA key is known":          {s, sps.ConsoleOptions{KnownHosts: []string{s.known(t, "ecdsa")}}, nil},
		"the pinned RSA key":                   {s, sps.ConsoleOptions{HostKey: s.pin(t, "rsa")}, nil},
		"pinned and known":                     {s, sps.ConsoleOptions{HostKey: s.pin(t, "ed25519"), KnownHosts: []string{s.known(t, "ed25519")}}, nil},
		"pinned, but not known":                {s, sps.ConsoleOptions{HostKey: s.pin(t, "ed25519"), KnownHosts: []string{empty}}, sps.ErrUnknownHost},
		"nothing is known":                     {s, sps.ConsoleOptions{KnownHosts: []string{empty}}, sps.ErrUnknownHost},
		"another key is known":                 {s, sps.ConsoleOptions{KnownHosts: []string{stale}}, sps.ErrHostKeyChanged},
		"another key is pinned":                {s, sps.ConsoleOptions{HostKey: other.pin(t, "ed25519")}, sps.ErrHostKeyChanged},
		"the kind of key known is not offered": {other, sps.ConsoleOptions{KnownHosts: []string{rsaOnly}}, sps.ErrHostKeyChanged},
		"the key is revoked":                   {s, sps.ConsoleOptions{HostKey: s.pin(t, "ed25519"), KnownHosts: []string{revoked}}, sps.ErrHostKeyChanged},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			err := newConsole(t, tt.at.addr, tt.at.login(), &tt.o).Login(bounded(t))
			if !errors.Is(err, tt.want) {
				t.Fatalf("Login: %v; want the class %v", err, tt.want)
			}
			for _, class := range []error{sps.ErrUnknownHost, sps.ErrHostKeyChanged, sps.ErrAuth, sps.ErrNotReady} {
				if class != tt.want && errors.Is(err, class) {
					t.Errorf("%v is of class %q too", err, class)
				}
			}
			if (tt.want != nil) != errors.Is(err, sps.ErrUntrusted) {
				t.Errorf("%v: ErrUntrusted is %t", err, errors.Is(err, sps.ErrUntrusted))
			}
			if e, _ := errors.AsType[*sps.ConsoleError](err); tt.want == sps.ErrUnknownHost && !strings.HasPrefix(tt.at.pin(t, "ed25519"), e.HostKey) {
				t.Errorf("shown: %q", e.HostKey)
			}
		})
	}
	if strings.Contains(s.log(), "Failed") {
		t.Error("a login was tried on a host that is not trusted")
	}
}

func TestPeerConsoleKeyAddedByHandCounts(t *testing.T) {
	t.Parallel()
	s := startSSHD(t, "")
	file := filepath.Join(t.TempDir(), "known_hosts")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c := newConsole(t, s.addr, s.login(), &sps.ConsoleOptions{KnownHosts: []string{file}})
	err := c.Login(bounded(t))
	_, line, _ := strings.Cut(fmt.Sprint(err), "known_hosts file: ")
	if line == "" {
		t.Fatalf("no line in: %v", err)
	}
	if err := os.WriteFile(file, []byte(line+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.Login(bounded(t)); err != nil {
		t.Error(err)
	}
}

// A refused login costs the appliance's patience: it is offered once, however often the Console is asked.
func TestPeerConsoleRefusedOnce(t *testing.T) {
	t.Parallel()
	s, stranger := startSSHD(t, ""), startSSHD(t, "", "ed25519")
	for name, tt := range map[string]struct {
		login sps.ConsoleLogin
		fails string
	}{
		"key":                            {sps.ConsoleLogin{User: s.user, Key: stranger.key}, "Failed publickey"},
		"password":                       {sps.ConsoleLogin{User: s.user, Password: "c4nary-wrong"}, "Failed password"},
		"a key refused, with a password": {sps.ConsoleLogin{User: s.user, Key: stranger.key, Password: "c4nary-wrong"}, "Failed publickey"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newConsole(t, s.addr, tt.login, &sps.ConsoleOptions{HostKey: s.pin(t, "ed25519")})
			before := strings.Count(s.log(), "Failed ")
			failed := strings.Count(s.log(), tt.fails)
			for range 3 {
				out, err := c.Run(bounded(t), "true")
				if !errors.Is(err, sps.ErrAuth) || !errors.Is(err, sps.ErrNotSent) || errors.Is(err, sps.ErrUntrusted) || strings.Contains(fmt.Sprintf("%+v %#v %v", c, out, err), "c4nary") {
					t.Errorf("Run: %+v, %v", out, err)
				}
			}
			if n := strings.Count(s.log(), tt.fails) - failed; n != 1 {
				t.Errorf("sshd says %q %d times, want once:\n%s", tt.fails, n, s.log())
			}
			if err := c.Login(bounded(t)); !errors.Is(err, sps.ErrAuth) { // when told to
				t.Errorf("Login: %v", err)
			}
			if n := strings.Count(s.log(), "Failed ") - before; n != 2 && tt.fails == "Failed password" {
				t.Errorf("%d refusals after a Login, want 2", n)
			}
		})
	}
}

func TestPeerConsoleNoCommonAlgorithm(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]string{
		"key exchange with SHA-1": "KexAlgorithms diffie-hellman-group14-sha1",
		"cipher in CBC":           "Ciphers aes128-cbc",
		"MAC with SHA-1":          "Ciphers aes256-ctr\nMACs hmac-sha1",
	} {
		t.Run(name, func(t *testing.T) {
			s := startSSHD(t, config, "ed25519")
			err := s.console(t).Login(bounded(t))
			if !errors.Is(err, sps.ErrNoAlgorithm) || errors.Is(err, sps.ErrUntrusted) || errors.Is(err, sps.ErrNotReady) {
				t.Errorf("Login: %v", err)
			}
		})
	}
}

// dripping is an image that stops in the middle until it is let go.
type dripping struct {
	fs.FS
	reached chan struct{}
	hold    <-chan struct{}
	after   int64
	opened  int
}

type drippingFile struct {
	fs.File
	d    *dripping
	read int64
}

func (d *dripping) Open(name string) (fs.File, error) {
	f, err := d.FS.Open(name)
	if d.opened++; err != nil || d.opened == 1 { // the first time it is hashed
		return f, err
	}
	return &drippingFile{File: f, d: d}, nil
}

func (f *drippingFile) Read(p []byte) (int, error) {
	if f.read > f.d.after {
		select {
		case <-f.d.reached:
		default:
			close(f.d.reached)
		}
		<-f.d.hold
		return 0, errors.New("let go")
	}
	n, err := f.File.Read(p)
	f.read += int64(n)
	return n, err
}

// Ending the input of a remote cat looks like the end of the file: a cancelled upload must leave nothing that looks whole.
func TestPeerConsoleUploadCancelled(t *testing.T) {
	t.Parallel()
	s := startSSHD(t, "")
	hold := make(chan struct{})
	images := &dripping{FS: spstest.Image("7.0.2.1", 8<<20), reached: make(chan struct{}), hold: hold, after: 4 << 20}
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(bounded(t))
	go func() { <-images.reached; cancel() }()
	c := s.console(t)
	_, err := c.Upload(ctx, images, spstest.ImageName("7.0.2.1"), filepath.Join(dir, "sps.iso"), nil)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Upload: %v", err)
	}
	close(hold)
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	if out, err := c.Run(bounded(t), "echo still here"); err != nil || out.Stdout != "still here\n" {
		t.Errorf("afterwards: %+v, %v", out, err)
	}
}

func TestPeerConsoleUploadFails(t *testing.T) {
	t.Parallel()
	s := startSSHD(t, "")
	c := s.console(t)
	images, name := spstest.Image("7.0.2.1", 512<<10), spstest.ImageName("7.0.2.1")
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "blocked.part"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "other"), []byte("other"), 0o600); err != nil {
		t.Fatal(err)
	}
	for what, tt := range map[string]struct {
		to      string
		want    error
		says    string
		notSent bool
	}{
		"the appliance cannot write":  {filepath.Join(dir, "blocked"), sps.ErrFailed, "Is a directory", false},
		"no such directory":           {filepath.Join(dir, "absent", "x"), sps.ErrFailed, "no such directory", true},
		"no room":                     {"/proc/x", sps.ErrFailed, "are free in /proc", true},
		"another file is there":       {filepath.Join(dir, "other"), fs.ErrExist, "another file", true},
		"a relative path":             {"sps.iso", nil, "absolute path", true},
		"a path that is a directory":  {dir + "/", nil, "absolute path", true},
		"a path with a control char.": {dir + "/a\nb", nil, "control characters", true},
	} {
		t.Run(what, func(t *testing.T) {
			_, err := c.Upload(bounded(t), images, name, tt.to, nil)
			if err == nil || (tt.want != nil && !errors.Is(err, tt.want)) || !strings.Contains(err.Error(), tt.says) || errors.Is(err, sps.ErrNotSent) != tt.notSent {
				t.Errorf("Upload: %v; want it to say %q, not sent: %t", err, tt.says, tt.notSent)
			}
		})
	}
	if b, _ := os.ReadFile(filepath.Join(dir, "other")); string(b) != "other" {
		t.Errorf("the other file is now %q", b)
	}
	to := filepath.Join(dir, "twice")
	var told int
	for range 2 {
		if _, err := c.Upload(bounded(t), images, name, to, func(int64, int64) { told++ }); err != nil {
			t.Error(err)
		}
	}
	if told != 1 {
		t.Errorf("told of progress %d times: the second upload of the same file is none", told)
	}
}

func TestPeerConsoleFirmware(t *testing.T) {
	t.Parallel()
	s := startSSHD(t, documentedSSH)
	c, ctx := s.console(t), bounded(t)
	images, name := spstest.Image("7.0.2.1", 256<<10), spstest.ImageName("7.0.2.1")
	known, err := sps.HashFirmware(ctx, images, name)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var asked []string
	agree := func(_ context.Context, q string) (bool, error) { asked = append(asked, q); return true, nil }
	f := sps.ConsoleFirmware{Images: images, Image: name, SHA256: known.SHA256, Path: filepath.Join(dir, "sps.iso"), Consent: agree,
		Commands: []string{"echo first >>" + dir + "/ran", "echo no >&2; exit 3", "echo third >>" + dir + "/ran"}}

	bad := f
	bad.SHA256 = strings.Repeat("0", 64)
	if _, err := c.UpdateFirmware(ctx, bad); !errors.Is(err, sps.ErrChecksum) || !errors.Is(err, sps.ErrNotSent) {
		t.Errorf("a wrong image: %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 || len(asked) != 0 {
		t.Errorf("a wrong image left %v and asked %q", left, asked)
	}
	no := f
	no.Consent = func(context.Context, string) (bool, error) { return false, nil }
	if out, err := c.UpdateFirmware(ctx, no); !errors.Is(err, sps.ErrNotSent) || out != nil {
		t.Errorf("without consent: %v, %v", out, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "ran")); err == nil {
		t.Error("a command ran without consent")
	}
	out, err := c.UpdateFirmware(ctx, f)
	if e, ok := errors.AsType[*sps.ConsoleError](err); !ok || e.Exit != 3 || !strings.Contains(e.Op, "command 2 of 3") || len(out) != 2 {
		t.Errorf("UpdateFirmware: %+v, %v", out, err)
	}
	if ran, _ := os.ReadFile(filepath.Join(dir, "ran")); string(ran) != "first\n" {
		t.Errorf("ran %q", ran)
	}
	if len(asked) != 1 || !strings.Contains(asked[0], known.SHA256) || !strings.Contains(asked[0], f.Commands[2]) || !strings.Contains(asked[0], s.addr) {
		t.Errorf("asked %q", asked)
	}
	f.Commands, f.Consent = nil, nil
	if out, err := c.UpdateFirmware(ctx, f); err != nil || out != nil || len(asked) != 1 {
		t.Errorf("the image alone: %v, %v", out, err)
	}
	for what, broken := range map[string]sps.ConsoleFirmware{
		"no consent":          {Images: images, Image: name, SHA256: known.SHA256, Path: "/x", Commands: []string{"true"}},
		"an invisible letter": {Images: images, Image: name, SHA256: known.SHA256, Path: "/x", Commands: []string{"true\r#"}, Consent: agree},
		"no path":             {Images: images, Image: name, SHA256: known.SHA256},
	} {
		if _, err := c.UpdateFirmware(ctx, broken); err == nil || !errors.Is(err, sps.ErrNotSent) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// menu is a console menu of our own making: which texts the appliance's has is not documented. It answers whatever it is asked to run with itself, as a login
// shell that is a menu may.
const menu = `#!/bin/bash
while :; do
  printf '\033[2J\033[1;1H\033[1m Console menu \033[0m\r\n 1) Shells\r\n q) Logout\r\nchoice: '
  read -r c || exit 1
  case "$c" in
    1) printf 'password: '; stty echo; read -r p; printf '\r\n'
       for i in 10 50 100; do printf '\rworking %s%%' $i; done
       printf '\r\n\r\r\n(hash of %s)\r\n' "$p"
       printf 'core# '; read -r c; printf 'you said %s\r\n' "$c" ;;
    q) exit 7 ;;
  esac
done
`

func TestPeerConsoleMenu(t *testing.T) {
	t.Parallel()
	script := filepath.Join(t.TempDir(), "menu.sh")
	if err := os.WriteFile(script, []byte(menu), 0o700); err != nil {
		t.Fatal(err)
	}
	s := startSSHD(t, "ForceCommand "+script)
	c, ctx := s.console(t), bounded(t)
	term, err := c.Open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	const secret = "c4nary t0p"
	expect := func(re string) string {
		t.Helper()
		before, err := term.Expect(ctx, regexp.MustCompile(re))
		if err != nil {
			t.Fatal(err)
		}
		return before
	}
	send := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := expect(`choice:`); !strings.Contains(got, " Console menu \n 1) Shells\n q) Logout\n") {
		t.Errorf("menu: %q", got)
	}
	// The old menu must not satisfy the next wait.
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	if _, err := term.Expect(short, regexp.MustCompile(`choice:`)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("an old menu: %v", err)
	}
	cancel()
	send(term.Send(ctx, "1"))
	expect(`password:`)
	send(term.SendSecret(ctx, secret))
	if got := expect(`core#`); !strings.Contains(got, "working 10%\nworking 50%\nworking 100%\n") || strings.Contains(got, "c4nary") || !strings.Contains(got, "(hash of REDACTED)") {
		t.Errorf("progress: %q", got)
	}
	send(term.Send(ctx, "hello"))
	if got := expect(`choice:`); !strings.Contains(got, "you said hello") {
		t.Errorf("shell: %q", got)
	}
	send(term.Send(ctx, "q"))
	if exit, err := term.Wait(ctx); exit != 7 || err != nil {
		t.Errorf("Wait: %d, %v", exit, err)
	}
	if _, err := term.Expect(ctx, regexp.MustCompile(`choice:`)); !errors.Is(err, sps.ErrFailed) {
		t.Errorf("after the end: %v", err)
	}
	if err := term.Send(ctx, "x"); err == nil {
		t.Error("typed into the void")
	}
	if got := term.Transcript(); strings.Contains(got, "c4nary") || !strings.Contains(got, "you said hello") || strings.ContainsAny(got, "\x1b\r") {
		t.Errorf("transcript: %q", got)
	}
	if got := fmt.Sprintf("%v %+v %#v", term, term, c); strings.Contains(got, "c4nary") {
		t.Errorf("printed: %s", got)
	}

	// A menu takes no files and runs no commands.
	_, err = c.Upload(ctx, fstest.MapFS{"x": {Data: []byte("x")}}, "x", filepath.Join(t.TempDir(), "x"), nil)
	if !errors.Is(err, sps.ErrNoShell) || !errors.Is(err, sps.ErrNotSent) {
		t.Errorf("Upload to a menu: %v", err)
	}
}

// Hanging up ends what runs on the terminal.
func TestPeerConsoleHangUp(t *testing.T) {
	t.Parallel()
	s := startSSHD(t, "")
	c, ctx := s.console(t), bounded(t)
	term, err := c.Open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	mark := filepath.Join(t.TempDir(), "mark")
	if err := term.Send(ctx, "trap 'echo gone >"+mark+"; exit' HUP; PS1='re''ady> '; while :; do echo tick''ing; sleep 0.05; done"); err != nil {
		t.Fatal(err)
	}
	if _, err := term.Expect(ctx, regexp.MustCompile(`ticking`)); err != nil {
		t.Fatal(err)
	}
	_ = term.Close()
	_ = term.Close()
	for { // bounded by the context of Run
		if out, err := c.Run(ctx, "cat "+mark); err == nil {
			if out.Stdout != "gone\n" {
				t.Errorf("the command ended with %q", out.Stdout)
			}
			return
		} else if ctx.Err() != nil {
			t.Fatal("the command runs on")
		}
	}
}
