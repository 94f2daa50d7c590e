package browser

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// paths are where Debian keeps the browsers' own binaries. The names in /usr/bin are shell scripts that add flags of their own.
var paths = []string{"/usr/lib/chromium/chromium-headless-shell", "/usr/lib/chromium/chromium"}

// nobody is the user a browser runs as when the program is root: with root's rights it would refuse to start its sandbox.
const nobody = 65534

// prefix begins the names of our directories; the pid of the program follows.
const prefix = "changeover-browser-"

// process is a running browser and the directory it may write to.
type process struct {
	cmd     *exec.Cmd
	pid     int
	dir     string
	owner   *syscall.Credential // nil: as we are
	in      *os.File            // what the browser says
	out     *os.File            // what it is told
	ended   chan struct{}
	problem *tail
}

// binary finds the browser: the given path, or the first of paths that is there.
func binary(given string) (string, error) {
	if given != "" {
		if _, err := os.Stat(given); err != nil {
			return "", fmt.Errorf("%w: %w", ErrNoBrowser, err)
		}
		return given, nil
	}
	for _, p := range paths {
		if _, err := os.Stat(p); err == nil {
			return p, nil
		}
	}
	return "", fmt.Errorf("%w: none of %s is there; on Debian: apt-get install chromium-headless-shell libnss3-tools fonts-dejavu-core", ErrNoBrowser, strings.Join(paths, ", "))
}

// credential is the user a browser runs as: not root, whoever we are.
func credential() *syscall.Credential {
	if os.Geteuid() != 0 {
		return nil
	}
	return &syscall.Credential{Uid: nobody, Gid: nobody}
}

// workDir makes the private directory: mode 0700, of the browser's user, with what is asked for inside. It first removes what
// programs that were killed have left.
func workDir(parent string, owner *syscall.Credential) (string, error) {
	if parent == "" {
		parent = os.TempDir()
	}
	sweep(parent)
	dir, err := os.MkdirTemp(parent, prefix+strconv.Itoa(os.Getpid())+"-") // mode 0700
	if err != nil {
		return "", err
	}
	for _, sub := range []string{"", "tmp", "config", "cache", "profile", "downloads", "uploads", ".pki", ".pki/nssdb"} {
		if sub != "" {
			err = os.Mkdir(filepath.Join(dir, sub), 0o700)
		}
		if err == nil && owner != nil {
			err = os.Chown(filepath.Join(dir, sub), int(owner.Uid), int(owner.Gid))
		}
		if err != nil {
			os.RemoveAll(dir)
			return "", err
		}
	}
	return dir, nil
}

// sweep removes directories of programs that are no more.
func sweep(parent string) {
	found, _ := filepath.Glob(filepath.Join(parent, prefix+"*"))
	for _, dir := range found {
		digits, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), prefix), "-")
		pid, err := strconv.Atoi(digits)
		if err != nil || pid == os.Getpid() || !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			continue
		}
		os.RemoveAll(dir)
	}
}

// environment is all that the browser, and certutil, get to know of ours: nothing.
func environment(dir string) []string {
	return []string{
		"HOME=" + dir, "TMPDIR=" + filepath.Join(dir, "tmp"), "XDG_CONFIG_HOME=" + filepath.Join(dir, "config"),
		"XDG_CACHE_HOME=" + filepath.Join(dir, "cache"), "PATH=/usr/bin:/bin", "LANG=C.UTF-8", "DBUS_SESSION_BUS_ADDRESS=disabled:",
	}
}

// launch starts the browser in dir. It ends with this process, however that ends: the kernel kills it.
func launch(path, dir string, owner *syscall.Credential, args []string, log *slog.Logger) (*process, error) {
	toBrowser, out, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	in, fromBrowser, err := os.Pipe()
	if err != nil {
		toBrowser.Close()
		out.Close()
		return nil, err
	}
	p := &process{dir: dir, owner: owner, in: in, out: out, ended: make(chan struct{}), problem: new(tail)}
	p.cmd = exec.Command(path, args...)
	p.cmd.Dir, p.cmd.Env, p.cmd.Stderr = dir, environment(dir), p.problem
	p.cmd.ExtraFiles = []*os.File{toBrowser, fromBrowser} // 3 and 4
	p.cmd.WaitDelay = time.Second                         // its children may hold stderr a moment longer
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL, Credential: owner}
	started := make(chan error)
	go func() {
		// The kernel sends Pdeathsig when the thread ends that started the process. So this one is kept until the process has ended.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		toBrowser.Close()
		fromBrowser.Close()
		if err == nil {
			p.pid = p.cmd.Process.Pid
		}
		started <- err
		if err != nil {
			return
		}
		if err := p.cmd.Wait(); err != nil {
			log.Debug("browser ended", "pid", p.pid, "how", err.Error())
		}
		close(p.ended)
	}()
	if err := <-started; err != nil {
		in.Close()
		out.Close()
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	return p, nil
}

// kill ends the browser and its children, waits for it, and removes the directory.
func (p *process) kill(patience time.Duration) error {
	if patience > 0 {
		t := time.NewTimer(patience)
		defer t.Stop()
		select {
		case <-p.ended:
		case <-t.C:
		}
	}
	err := syscall.Kill(-p.pid, syscall.SIGKILL) // the whole group: the pid may be gone, its children not yet
	if err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("end the browser: %w", err)
	}
	<-p.ended
	p.in.Close()
	p.out.Close()
	return removeAll(p.dir)
}

// removeAll tries again for a moment: a child that is being killed may still write.
func removeAll(dir string) (err error) {
	for range 20 {
		if err = os.RemoveAll(dir); err == nil {
			return nil
		}
		t := time.NewTimer(50 * time.Millisecond)
		<-t.C
	}
	return fmt.Errorf("remove the browser's directory: %w", err)
}

// tail keeps the last few hundred bytes that a process complained.
type tail struct{ b []byte }

// Write never fails. os/exec calls it from one goroutine, and it is read after the process has ended.
func (t *tail) Write(p []byte) (int, error) {
	const most = 800
	t.b = append(t.b, p...)
	if len(t.b) > most {
		t.b = append(t.b[:0], t.b[len(t.b)-most:]...)
	}
	return len(p), nil
}

func (t *tail) String() string { return strings.TrimSpace(string(t.b)) }

var _ io.Writer = (*tail)(nil)

// Lacking says what a driver needs and this machine does not have: an error of class [ErrNoBrowser], or nil.
func Lacking() error {
	if _, err := binary(""); err != nil {
		return err
	}
	_, err := certutil()
	return err
}
