package transfer

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"

	"github.com/gofrs/flock"
)

// saveEvery is how many bytes lie between two states on the disk: what a killed process loses at most.
const saveEvery = 128 << 20

// part is a download's file while it is not whole: NAME.part, and NAME.part.json with what it takes to go on.
type part struct {
	to   string
	file *os.File
	lock *flock.Flock
	sink *sink
	sum  hash.Hash // of the first at bytes
	at   int64
	mark mark // what the disk holds for sure
}

// mark is the state that outlives the process.
type mark struct {
	URL       string `json:"url_sha256"` // an address may hold a secret: only its hash is kept
	Validator string `json:"validator"`
	Total     int64  `json:"total"` // -1: not known
	At        int64  `json:"at"`    // bytes that were flushed to the disk
	SHA256    string `json:"sha256"`
}

func (p *part) path() string  { return p.to + ".part" }
func (p *part) state() string { return p.to + ".part.json" }

// openPart opens the part of a file, with what an earlier download of the same address left. The lock on it lasts until close.
func openPart(to string, u *url.URL, fresh bool) (*part, error) {
	if _, err := os.Lstat(to); err == nil {
		return nil, &fs.PathError{Op: "download to", Path: to, Err: fs.ErrExist}
	}
	p := &part{to: to, sum: sha256.New()}
	p.lock = flock.New(p.path(), flock.SetFlag(os.O_RDWR|os.O_CREATE), flock.SetPermissions(0o600))
	if ok, err := p.lock.TryLock(); err != nil {
		return nil, full(err)
	} else if !ok {
		p.lock.Close()
		return nil, fmt.Errorf("%w: %s", ErrBusy, p.path())
	}
	var err error
	if p.file, err = os.OpenFile(p.path(), os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, errors.Join(full(err), p.lock.Close())
	}
	// The name that was locked and the one that was opened are the same file, or somebody has just finished it.
	if held, err := p.lock.Stat(); err == nil {
		if mine, err := p.file.Stat(); err != nil || !os.SameFile(held, mine) {
			return nil, errors.Join(fmt.Errorf("%w: %s", ErrBusy, p.path()), p.close())
		}
	}
	if err := p.file.Chmod(0o600); err != nil {
		return nil, errors.Join(err, p.close())
	}
	p.sink = newSink(p.file)
	whose := sha256.Sum256([]byte(u.String()))
	if fresh || !p.load(hex.EncodeToString(whose[:])) {
		err = p.restart("", -1)
	}
	p.mark.URL = hex.EncodeToString(whose[:])
	if err != nil {
		return nil, errors.Join(full(err), p.close())
	}
	return p, nil
}

// load takes up what is on the disk, and reports whether that is of use. The part is hashed anew: one that somebody has changed since is
// given up.
func (p *part) load(whose string) bool {
	raw, err := os.ReadFile(p.state())
	if err != nil || json.Unmarshal(raw, &p.mark) != nil {
		return false
	}
	m := p.mark
	if m.URL != whose || m.Validator == "" || m.At <= 0 || m.Total >= 0 && m.At > m.Total {
		return false
	}
	if n, err := io.Copy(p.sum, io.NewSectionReader(p.file, 0, m.At)); err != nil || n != m.At || hex.EncodeToString(p.sum.Sum(nil)) != m.SHA256 {
		return false
	}
	p.at = m.At
	return p.file.Truncate(m.At) == nil // what came after the last flush is not trusted
}

// restart begins from nothing, with the file that the server has now.
func (p *part) restart(validator string, total int64) error {
	p.sum.Reset()
	p.at = 0
	p.mark = mark{URL: p.mark.URL, Validator: validator, Total: total}
	if err := os.Remove(p.state()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return p.file.Truncate(0)
}

// resumable reports whether a broken connection can be taken up again where it broke.
func (p *part) resumable() bool { return p.mark.Validator != "" }

// save flushes the part to the disk, and then the state that counts on it.
func (p *part) save(at int64, sum string) error {
	if err := p.file.Sync(); err != nil {
		return err
	}
	m := p.mark
	m.At, m.SHA256 = at, sum
	raw, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := replaceFile(p.state(), append(raw, '\n')); err != nil {
		return err
	}
	p.mark.At, p.mark.SHA256 = at, sum // only these: a pump reads the others meanwhile
	return nil
}

// leave is for a download that did not come to its end: the part is kept if it can be gone on with, and removed otherwise.
func (p *part) leave() error {
	if p.resumable() && p.at > p.mark.At {
		if p.save(p.at, hex.EncodeToString(p.sum.Sum(nil))) != nil { // a full disk: the state before it is still there
			p.at = p.mark.At
		}
	}
	var err error
	if !p.resumable() || p.mark.At == 0 {
		err = p.discard()
	}
	return errors.Join(err, p.close())
}

func (p *part) discard() error {
	err := os.Remove(p.path())
	if e := os.Remove(p.state()); e != nil && !errors.Is(e, fs.ErrNotExist) {
		err = errors.Join(err, e)
	}
	return err
}

// finish flushes the part and gives it its name.
func (p *part) finish() error {
	if err := p.file.Sync(); err != nil {
		return err
	}
	if err := rename(p.path(), p.to); err != nil {
		return err
	}
	if err := os.Remove(p.state()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return syncDir(filepath.Dir(p.to))
}

func (p *part) close() error {
	var err error
	if p.sink != nil {
		err = p.sink.close()
	}
	return errors.Join(err, p.file.Close(), p.lock.Close())
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
