package transfer

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"

	"github.com/gofrs/flock"
)

// partFile is a store on the disk: NAME.part, and NAME.part.json with what it takes to go on.
type partFile struct {
	to   string
	file *os.File
	lock *flock.Flock
	*sink
}

func (f *partFile) path() string  { return f.to + ".part" }
func (f *partFile) state() string { return f.to + ".part.json" }
func (f *partFile) lasting() bool { return true }

// openPart opens the part of a file, with what an earlier download of the same address left. The lock on it lasts until close.
func openPart(to string, u *url.URL, fresh bool) (*part, *partFile, error) {
	if _, err := os.Lstat(to); err == nil {
		return nil, nil, &fs.PathError{Op: "download to", Path: to, Err: fs.ErrExist}
	}
	f := &partFile{to: to}
	f.lock = flock.New(f.path(), flock.SetFlag(os.O_RDWR|os.O_CREATE), flock.SetPermissions(0o600))
	if ok, err := f.lock.TryLock(); err != nil {
		return nil, nil, full(err)
	} else if !ok {
		f.lock.Close()
		return nil, nil, fmt.Errorf("%w: %s", ErrBusy, f.path())
	}
	var err error
	if f.file, err = os.OpenFile(f.path(), os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, nil, errors.Join(full(err), f.lock.Close())
	}
	// The name that was locked and the one that was opened are the same file, or somebody has just finished it.
	if held, err := f.lock.Stat(); err == nil {
		if mine, err := f.file.Stat(); err != nil || !os.SameFile(held, mine) {
			return nil, nil, errors.Join(fmt.Errorf("%w: %s", ErrBusy, f.path()), f.close())
		}
	}
	if err := f.file.Chmod(0o600); err != nil {
		return nil, nil, errors.Join(err, f.close())
	}
	f.sink = newSink(f.file)
	p := &part{store: f, sum: sha256.New()}
	whose := sha256.Sum256([]byte(u.String()))
	if fresh || !f.load(p, hex.EncodeToString(whose[:])) {
		err = p.restart("", -1)
	}
	p.mark.URL = hex.EncodeToString(whose[:])
	if err != nil {
		return nil, nil, errors.Join(full(err), f.close())
	}
	return p, f, nil
}

// load takes up what is on the disk, and reports whether that is of use. The part is hashed anew: one that somebody has changed since is
// given up.
func (f *partFile) load(p *part, whose string) bool {
	raw, err := os.ReadFile(f.state())
	if err != nil || json.Unmarshal(raw, &p.mark) != nil {
		return false
	}
	m := p.mark
	if m.URL != whose || m.Validator == "" || m.At <= 0 || m.Total >= 0 && m.At > m.Total {
		return false
	}
	if n, err := io.Copy(p.sum, io.NewSectionReader(f.file, 0, m.At)); err != nil || n != m.At || hex.EncodeToString(p.sum.Sum(nil)) != m.SHA256 {
		return false
	}
	p.at = m.At
	return f.shorten(m.At) == nil // what came after the last flush is not trusted
}

func (f *partFile) clear() error {
	if err := os.Remove(f.state()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return f.shorten(0)
}

func (f *partFile) shorten(to int64) error { return f.file.Truncate(to) }

// save flushes the part to the disk, and then the state.
func (f *partFile) save(m mark) error {
	if err := f.file.Sync(); err != nil {
		return err
	}
	raw, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return replaceFile(f.state(), append(raw, '\n'))
}

// leave is for a download that did not come to its end: the part is kept if it can be gone on with and is to be, and removed otherwise.
func (f *partFile) leave(p *part, nothing bool) error {
	if nothing {
		return errors.Join(f.discard(), f.close())
	}
	if p.resumable() && p.at > p.mark.At {
		if p.keep(p.at, hex.EncodeToString(p.sum.Sum(nil))) != nil { // a full disk: the state before it is still there
			p.at = p.mark.At
		}
	}
	var err error
	if !p.resumable() || p.mark.At == 0 {
		err = f.discard()
	}
	return errors.Join(err, f.close())
}

func (f *partFile) discard() error {
	err := os.Remove(f.path())
	if e := os.Remove(f.state()); e != nil && !errors.Is(e, fs.ErrNotExist) {
		err = errors.Join(err, e)
	}
	return err
}

// finish flushes the part and gives it its name.
func (f *partFile) finish() error {
	if err := f.file.Sync(); err != nil {
		return err
	}
	if err := rename(f.path(), f.to); err != nil {
		return err
	}
	if err := os.Remove(f.state()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return syncDir(filepath.Dir(f.to))
}

func (f *partFile) close() error {
	var err error
	if f.sink != nil {
		err = f.sink.close()
	}
	return errors.Join(err, f.file.Close(), f.lock.Close())
}

// replaceFile writes a small file so that it is there whole or not at all.
func replaceFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".part-state-*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

// linkTo gives a file its name by a second one, which fails when that is taken.
func linkTo(from, to string) error {
	if err := os.Link(from, to); err == nil {
		return os.Remove(from)
	} else if errors.Is(err, fs.ErrExist) {
		return err
	}
	// A file system without links.
	if _, err := os.Lstat(to); err == nil {
		return &fs.PathError{Op: "rename to", Path: to, Err: fs.ErrExist}
	}
	return os.Rename(from, to)
}

// syncDir makes a rename last. Windows has no such thing: there the file system's journal does it.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
