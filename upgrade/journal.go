package upgrade

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/gofrs/flock"
)

// A Journal is the only memory of a run: what was intended and what was seen.
//
// Append must not return before the record is durable, and must keep the order. Records returns every record in order; the
// caller does not change them. Both may be called from several goroutines. [upgradetest.TestJournal] checks an implementation.
//
// [upgradetest.TestJournal]: https://pkg.go.dev/github.com/changeover-sdk/changeover/upgrade/upgradetest#TestJournal
type Journal interface {
	Append(r Record) error
	Records() []Record
}

var (
	_ Journal = (*FileJournal)(nil)
	_ Journal = (*memoryJournal)(nil)
)

// NoJournal returns a journal in memory: the run's crash safety is given up. Killing it loses what it knew.
func NoJournal() Journal { return &memoryJournal{} }

type memoryJournal struct {
	mu      sync.Mutex
	records []Record
}

func (j *memoryJournal) Append(r Record) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.records = append(j.records, r)
	return nil
}

func (j *memoryJournal) Records() []Record {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.records[:len(j.records):len(j.records)]
}

// A FileJournal is a file of JSON lines, one record each, mode 0600:
//
//	{"hash":"<hex>","rec":{…}}
//
// The hash is SHA-256 over the previous line's hash and the record's bytes: a checksum and a chain in one. Every record is on
// disk (fsync) when Append returns. While it is open, the file is locked in the kernel, so that a dead owner holds nothing.
type FileJournal struct {
	mu      sync.Mutex
	path    string
	lock    *flock.Flock
	f       *os.File
	size    int64 // of the good part
	prev    []byte
	records []Record
	broken  error // set by a failed write: nothing is appended any more
	torn    int   // bytes of a torn last line, dropped at opening
}

type journalLine struct {
	Hash string          `json:"hash"`
	Rec  json.RawMessage `json:"rec"`
}

// OpenJournal opens the journal at path, or makes an empty one. A torn last line, left by a crash in mid-write, is dropped;
// a bad record before it is refused with its line number, for then the file cannot be trusted. ErrLocked: another process has it.
func OpenJournal(path string) (*FileJournal, error) {
	fail := func(err error) (*FileJournal, error) {
		return nil, fmt.Errorf("upgrade: open journal %s: %w", path, err)
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
	if err := j.load(); err != nil {
		j.Close()
		return fail(err)
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
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
	records, _, _, _, err := readJournal(f)
	if err != nil {
		return nil, fmt.Errorf("upgrade: read journal %s: %w", path, err)
	}
	return records, nil
}

func (j *FileJournal) load() error {
	st, err := j.f.Stat()
	if err != nil {
		return err
	}
	if !st.Mode().IsRegular() {
		return fmt.Errorf("%w: not a regular file", ErrJournal)
	}
	j.records, j.prev, j.size, j.torn, err = readJournal(j.f)
	if err != nil {
		return err
	}
	if j.torn > 0 {
		if err := j.f.Truncate(j.size); err != nil {
			return err
		}
		if err := j.f.Sync(); err != nil {
			return err
		}
	}
	_, err = j.f.Seek(j.size, io.SeekStart)
	return err
}

// readJournal returns the good records, the last hash, the length of the good part and how many bytes of a torn line follow it.
func readJournal(r io.Reader) (records []Record, prev []byte, size int64, torn int, err error) {
	in := bufio.NewReaderSize(r, 1<<16)
	for n := 1; ; n++ {
		line, err := in.ReadBytes('\n')
		if err != nil && err != io.EOF {
			return nil, nil, 0, 0, err
		}
		if len(line) == 0 {
			return records, prev, size, 0, nil
		}
		rec, sum, bad := parseLine(line, prev)
		if bad != nil {
			if _, peek := in.Peek(1); err == io.EOF || peek == io.EOF {
				return records, prev, size, len(line), nil // torn: nothing follows it
			}
			return nil, nil, 0, 0, fmt.Errorf("%w: line %d is bad (%w); somebody or something changed the file: keep it, and start in the middle of a new journal (Options.From)", ErrJournal, n, bad)
		}
		if n == 1 && rec.Kind != KindPlan {
			return nil, nil, 0, 0, fmt.Errorf("%w: line 1 is no plan: this is not a journal's beginning", ErrJournal)
		}
		if !rec.Kind.known() {
			return nil, nil, 0, 0, fmt.Errorf("%w: line %d has the kind %q, which this version does not know", ErrJournal, n, rec.Kind)
		}
		records, prev, size = append(records, rec), sum, size+int64(len(line))
	}
}

func parseLine(line, prev []byte) (Record, []byte, error) {
	var rec Record
	if line[len(line)-1] != '\n' {
		return rec, nil, errors.New("it has no end")
	}
	var l journalLine
	if err := json.Unmarshal(line, &l); err != nil {
		return rec, nil, errors.New("it is not JSON")
	}
	sum := chain(prev, l.Rec)
	if hex.EncodeToString(sum) != l.Hash {
		return rec, nil, errors.New("its checksum does not match")
	}
	if err := json.Unmarshal(l.Rec, &rec); err != nil {
		return rec, nil, err
	}
	return rec, sum, nil
}

func chain(prev, rec []byte) []byte {
	h := sha256.New()
	h.Write(prev)
	h.Write(rec)
	return h.Sum(nil)
}

func (k Kind) known() bool {
	switch k {
	case KindPlan, KindRun, KindFrom, KindChanged, KindGuard, KindWaiting, KindIntent, KindSent, KindSeen, KindAnswer,
		KindDone, KindSkipped, KindHeld, KindStopped, KindLeft, KindEnd, KindAbandoned:
		return true
	}
	return false
}

// Append writes one record and waits until it is on disk. After an error nothing more is appended: the file is cut back
// to its good part where that is possible, and opening it again drops what is torn.
func (j *FileJournal) Append(r Record) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.broken != nil {
		return fmt.Errorf("%w: %s: an earlier write failed: %w", ErrJournal, j.path, j.broken)
	}
	line, sum, err := encodeLine(r, j.prev)
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrJournal, j.path, err)
	}
	if _, err = j.f.Write(line); err == nil {
		err = j.f.Sync()
	}
	if err != nil {
		j.broken = err
		// Best effort only: if this fails too, the torn line is dropped by whoever opens the file next.
		_ = j.f.Truncate(j.size)
		return fmt.Errorf("%w: %s: %w", ErrJournal, j.path, err)
	}
	j.size += int64(len(line))
	j.prev = sum
	j.records = append(j.records, r)
	return nil
}

func encodeLine(r Record, prev []byte) (line, sum []byte, err error) {
	var rec bytes.Buffer
	enc := json.NewEncoder(&rec)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r); err != nil {
		return nil, nil, err
	}
	raw := bytes.TrimRight(rec.Bytes(), "\n")
	sum = chain(prev, raw)
	line = make([]byte, 0, len(raw)+90)
	line = append(line, `{"hash":"`...)
	line = hex.AppendEncode(line, sum)
	line = append(line, `","rec":`...)
	line = append(line, raw...)
	return append(line, "}\n"...), sum, nil
}

// Records returns every record, in order.
func (j *FileJournal) Records() []Record {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.records[:len(j.records):len(j.records)]
}

// Path returns the path the journal was opened with.
func (j *FileJournal) Path() string { return j.path }

// Torn returns how many bytes of a torn last line were dropped at opening; 0 after a clean end.
func (j *FileJournal) Torn() int { return j.torn }

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
