package upgrade_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/changeover-sdk/changeover/upgrade"
)

// The disk is full while journaling: the run ends with a clear error, nothing is acted on what was not journaled, and with room
// again the same journal goes on. A limit on the size of files plays the full disk; it needs no privilege.
func TestFaultDiskFullWhileJournaling(t *testing.T) {
	inChild(t, "full", 0)
}

// The same on a file system that really is full, and one that is read-only, where this machine lets us mount one.
func TestFaultFullAndReadOnlyFileSystem(t *testing.T) {
	inChild(t, "mounts", syscall.CLONE_NEWNS|syscall.CLONE_NEWUSER)
}

// faultChildren are the processes in which these faults happen.
var faultChildren = map[string]func(path string) (code int, err error){
	"full":   func(path string) (int, error) { return 1, childDiskFull(path) },
	"mounts": childMounts,
}

// cannotMount is the exit code of a child that may not mount anything.
const cannotMount = 77

// inChild runs a fault in a process of its own, for it changes what a process may do.
func inChild(t *testing.T, what string, clone uintptr) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), childEnv+"="+what, childPath+"="+t.TempDir())
	if clone != 0 {
		id := []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		gid := []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: clone, UidMappings: id, GidMappings: gid}
	}
	out, err := cmd.CombinedOutput()
	exit, exited := errors.AsType[*exec.ExitError](err)
	switch {
	case err == nil:
	case !exited || exit.ExitCode() == cannotMount:
		t.Skipf("this machine lets nobody mount a file system of his own: %v %s", err, out)
	default:
		t.Errorf("%v\n%s", err, out)
	}
}

// marks is a procedure whose acts leave files: each may be made once.
func marks(dir string, steps int) upgrade.Procedure {
	p := upgrade.Procedure{Name: "marks"}
	for i := range steps {
		path := filepath.Join(dir, fmt.Sprint("mark-", i))
		p.Steps = append(p.Steps, upgrade.Step{
			Name: fmt.Sprint("mark ", i), On: []string{"disk"},
			Observe: func(context.Context, upgrade.Look) (upgrade.Observation, error) {
				if _, err := os.Stat(path); err == nil {
					return upgrade.See(upgrade.Done, i, "mark %d is there, %s", i, strings.Repeat("x", 100)), nil
				}
				return upgrade.See(upgrade.Ready, nil, "no mark %d", i), nil
			},
			Act: func(context.Context, *slog.Logger) error {
				f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL, 0o600)
				if err != nil {
					return fmt.Errorf("acted twice: %w", err)
				}
				return f.Close()
			},
		})
	}
	return p
}

// goOn runs marks on a journal that may come to its end, and checks what that leaves.
func goOn(dir string, steps int, starve, feed func() error) error {
	journal := filepath.Join(dir, "j")
	p := marks(dir, steps)
	run := func() (*upgrade.Report, error) {
		j, err := upgrade.OpenJournal(journal)
		if err != nil {
			return nil, err
		}
		defer j.Close()
		return upgrade.Run(context.Background(), p, &upgrade.Options{Journal: j, LockDir: dir})
	}
	if err := starve(); err != nil {
		return err
	}
	rep, err := run()
	if err != nil {
		if !errors.Is(err, upgrade.ErrJournal) || !strings.Contains(err.Error(), journal) && !strings.Contains(err.Error(), "journal") {
			return fmt.Errorf("not a clear error: %w", err)
		}
		if rep != nil && rep.Outcome.Good() {
			return fmt.Errorf("ended %s with %w", rep.Outcome, err)
		}
		if rep != nil && !strings.Contains(rep.Err, "journal") {
			return fmt.Errorf("the report does not say why: %s", rep)
		}
	}
	acted, _ := filepath.Glob(filepath.Join(dir, "mark-*"))
	if err := feed(); err != nil {
		return err
	}
	j, rerr := upgrade.OpenJournal(journal)
	if rerr != nil || j.Torn() > 0 {
		return fmt.Errorf("after %w: %w, or a torn line was left that could have been cut off", err, rerr)
	}
	j.Close()
	records, rerr := upgrade.ReadJournal(journal)
	if rerr != nil {
		return fmt.Errorf("after %w the journal is bad: %w", err, rerr)
	}
	intents := 0
	for _, r := range records {
		if r.Kind == upgrade.KindIntent {
			intents++
		}
	}
	if len(acted) > intents {
		return fmt.Errorf("%d acts, and %d intents on disk", len(acted), intents)
	}
	before := len(records)
	if rep, err = run(); err != nil {
		return fmt.Errorf("with room again, behind %d records: %w", before, err)
	}
	for _, s := range rep.Steps {
		if s.Status != upgrade.StatusDone || strings.Contains(s.Said, "twice") {
			return fmt.Errorf("step %s is %s: %s", s.Path, s.Status, s.Said)
		}
	}
	return nil
}

func childDiskFull(dir string) error {
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		return err
	}
	starve := func(n uint64) func() error {
		return func() error {
			return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: n, Max: old.Max})
		}
	}
	for n := uint64(0); n < 4000; n += 37 {
		sub := filepath.Join(dir, fmt.Sprint(n))
		if err := os.Mkdir(sub, 0o700); err != nil {
			return err
		}
		if err := goOn(sub, 3, starve(n), starve(old.Cur)); err != nil {
			return fmt.Errorf("a disk of %d bytes: %w", n, err)
		}
	}
	if err := nothingAfterAFault(filepath.Join(dir, "broken"), starve(100), starve(old.Cur)); err != nil {
		return err
	}
	a, err := upgrade.OpenArtifacts(filepath.Join(dir, "artifacts"))
	if err != nil {
		return err
	}
	if err := starve(1 << 16)(); err != nil {
		return err
	}
	return fullArtifacts(a, starve(old.Cur))
}

// nothingAfterAFault: a journal that could not be written once takes nothing more, though there is room again.
func nothingAfterAFault(path string, starve, feed func() error) error {
	j, err := upgrade.OpenJournal(path)
	if err != nil {
		return err
	}
	defer j.Close()
	plan := upgrade.Record{Kind: upgrade.KindPlan, Plan: &upgrade.PlanData{Name: "p"}}
	if err := starve(); err != nil {
		return err
	}
	if err := j.Append(plan); !errors.Is(err, upgrade.ErrJournal) || !errors.Is(err, syscall.EFBIG) {
		return fmt.Errorf("appending to a full disk: %w", err)
	}
	if err := feed(); err != nil {
		return err
	}
	if err := j.Append(plan); !errors.Is(err, upgrade.ErrJournal) || !errors.Is(err, syscall.EFBIG) {
		return fmt.Errorf("appending after a fault: %w", err)
	}
	return nil
}

// fullArtifacts stores more than there is room for: nothing of it is left, and with room again it can be stored.
func fullArtifacts(a *upgrade.ArtifactDir, feed func() error) error {
	put := func() error {
		_, err := a.Put(context.Background(), "backup", func(w io.Writer) error {
			_, err := w.Write(make([]byte, 1<<17))
			return err
		})
		return err
	}
	if err := put(); !errors.Is(err, syscall.EFBIG) && !errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("storing on a full disk: %w", err)
	}
	if list, err := a.List(context.Background()); err != nil || len(list) > 0 {
		return fmt.Errorf("left behind: %v, %w", list, err)
	}
	if err := feed(); err != nil {
		return err
	}
	return put()
}

func childMounts(dir string) (code int, err error) {
	mount := func(flags uintptr, options string) error {
		return syscall.Mount("tmpfs", dir, "tmpfs", flags, options)
	}
	if err := mount(0, "size=64k"); err != nil {
		return cannotMount, err
	}
	// Full: a file takes all but one, two, … pages of it.
	for pages := range 8 {
		sub := filepath.Join(dir, fmt.Sprint("full-", pages))
		if err := os.Mkdir(sub, 0o700); err != nil {
			return 1, err
		}
		ballast := filepath.Join(dir, "ballast")
		starve := func() error {
			f, err := os.Create(ballast)
			if err != nil {
				return err
			}
			defer f.Close()
			page := make([]byte, 4096)
			for err == nil {
				_, err = f.Write(page)
			}
			st, _ := f.Stat()
			return f.Truncate(max(st.Size()/4096-int64(pages), 0) * 4096)
		}
		if err := goOn(sub, 40, starve, func() error { return os.Remove(ballast) }); err != nil && pages > 0 {
			return 1, fmt.Errorf("%d pages left: %w", pages, err)
		}
		os.RemoveAll(sub)
	}
	// Read-only: nothing begins, and the error says so.
	journal := filepath.Join(dir, "j")
	j, err := upgrade.OpenJournal(journal)
	if err != nil {
		return 1, err
	}
	if _, err := upgrade.Run(context.Background(), marks(dir, 1), &upgrade.Options{Journal: j}); err != nil {
		return 1, err
	}
	j.Close()
	a, err := upgrade.OpenArtifacts(filepath.Join(dir, "artifacts"))
	if err != nil {
		return 1, err
	}
	if err := mount(syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		return cannotMount, err
	}
	if _, err := upgrade.OpenJournal(journal); !errors.Is(err, syscall.EROFS) || !strings.Contains(err.Error(), journal) {
		return 1, fmt.Errorf("a journal on a read-only disk: %w", err)
	}
	if _, err := upgrade.OpenJournal(filepath.Join(dir, "new")); !errors.Is(err, syscall.EROFS) {
		return 1, fmt.Errorf("a new journal on a read-only disk: %w", err)
	}
	if records, err := upgrade.ReadJournal(journal); err != nil || len(records) == 0 {
		return 1, fmt.Errorf("reading a journal on a read-only disk: %w", err)
	}
	if _, err := upgrade.Run(context.Background(), marks(dir, 1), &upgrade.Options{Journal: upgrade.NoJournal(), LockDir: dir + "/locks"}); !errors.Is(err, syscall.EROFS) {
		return 1, fmt.Errorf("locks on a read-only disk: %w", err)
	}
	if _, err := upgrade.OpenArtifacts(filepath.Join(dir, "artifacts")); err != nil {
		return 1, fmt.Errorf("opening artifacts on a read-only disk: %w", err)
	}
	if _, err := a.Put(context.Background(), "x", func(io.Writer) error { return nil }); !errors.Is(err, syscall.EROFS) || errors.Is(err, fs.ErrExist) {
		return 1, fmt.Errorf("storing on a read-only disk: %w", err)
	}
	return 0, nil
}
