package upgrade

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"

	"github.com/gofrs/flock"
)

// A FileJournal is a file of JSON lines, one record each, mode 0600:
//
//	{"hash":"<hex>","rec":{…}}
//
// The hash is SHA-256 over the previous line's hash and the record's bytes: a checksum and a chain in one. Every record is on
// disk (fsync) when Append returns. While it is open, the file is locked in the kernel, so that a dead owner holds nothing. One
// run at a time goes on with it. Its methods may be called from several goroutines.
type FileJournal struct {
	claims
	mu     sync.Mutex
	path   string
	lock   *flock.Flock
	f      *os.File
	read   *chained
	broken error // set by a failed write: nothing is appended any more
}

// OpenJournal opens the journal at path, or makes an empty one. A torn last line, left by a crash in mid-write, is dropped;
// a bad record before it is refused with its line number, for then the file cannot be trusted: an error of class ErrJournal.
// ErrLocked: another process has it, or this one opened it before. Close it when the run is over.
func OpenJournal(path string) (*FileJournal, error) {
	fail := func(err error) (*FileJournal, error) {
		return nil, fmt.Errorf("upgrade: open journal %s: %w", path, err)
	}
	if st, err := os.Stat(path); err == nil && !st.Mode().IsRegular() {
		return fail(fmt.Errorf("%w: not a regular file", ErrJournal))
	}
	lock := flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o600))
	switch ok, err := lock.TryLock(); {
	case err != nil:
		return fail(err)
	case !ok:
		lock.Close()
		return fail(fmt.Errorf("%w: stop that run first; a lock never outlives its process", ErrLocked))
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		lock.Close()
		return fail(err)
	}
	j := &FileJournal{path: path, lock: lock, f: f}
	if err := errors.Join(j.load(), syncDir(filepath.Dir(path))); err != nil {
		j.Close()
		return fail(err)
	}
	return j, nil
}

// ReadJournal returns the records of the journal at path without locking or changing it: for reports beside a running run.
func ReadJournal(path string) ([]Record, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("upgrade: read journal: %w", err)
	}
	defer f.Close()
	c, err := readJournal(f)
	if err != nil {
		return nil, fmt.Errorf("upgrade: read journal %s: %w", path, err)
	}
	return c.records, nil
}

func (j *FileJournal) load() (err error) {
	if j.read, err = readJournal(j.f); err != nil {
		return err
	}
	if j.read.torn > 0 {
		if err := errors.Join(j.f.Truncate(j.read.size), j.f.Sync()); err != nil {
			return err
		}
	}
	_, err = j.f.Seek(j.read.size, io.SeekStart)
	return err
}

// Append writes one record and waits until it is on disk. After an error, of class ErrJournal, nothing more is appended: the
// file is cut back to its good part where that is possible, and opening it again drops what is torn.
func (j *FileJournal) Append(r Record) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	fail := func(err error) error { return fmt.Errorf("%w: %s: %w", ErrJournal, j.path, err) }
	if j.broken != nil {
		return fail(fmt.Errorf("an earlier write failed: %w", j.broken))
	}
	line, sum, back, err := encodeLine(r, j.read.prev)
	if err != nil {
		return fail(err)
	}
	if _, err = j.f.Write(line); err == nil {
		err = j.f.Sync()
	}
	if err != nil {
		j.broken = err
		// Best effort only: if this fails too, the torn line is dropped by whoever opens the file next.
		_ = j.f.Truncate(j.read.size)
		return fail(err)
	}
	j.read.size += int64(len(line))
	j.read.prev = sum
	j.read.records = append(j.read.records, back)
	return nil
}

// Records returns every record, in order.
func (j *FileJournal) Records() []Record {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clip(j.read.records)
}

// Path returns the path the journal was opened with.
func (j *FileJournal) Path() string { return j.path }

// Torn returns how many bytes of a torn last line were dropped at opening; 0 after a clean end.
func (j *FileJournal) Torn() int { return j.read.torn }

// Close closes the file and gives the lock up. Closing twice is no error.
func (j *FileJournal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.f == nil {
		return nil
	}
	err := cmp.Or(j.f.Close(), j.lock.Close())
	j.f, j.broken = nil, os.ErrClosed
	return err
}

// syncDir makes a new name in dir durable. File systems that cannot sync a folder say EINVAL; their names are durable by other means.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, syscall.EINVAL) {
		return err
	}
	return nil
}
