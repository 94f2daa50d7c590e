package transfer

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
)

// An upload's ring: what is read and not yet both hashed and sent.
const (
	upBlock  = 256 << 10
	upBlocks = 8
)

// body is a file as a request's body: read, hashed and sent at the same time, each on a goroutine of its own, over a ring of eight buffers of 256 KiB. Nothing is
// opened or started before the first Read. Read is for one goroutine; Close may be called at any time, from any.
type body struct {
	src  Source
	line *line
	tell func(done, total int64, last bool)

	begin sync.Once
	quit  chan struct{}
	end   sync.Once
	free  chan *block
	ready chan *block
	hash  chan *block
	sum   chan [sha256.Size]byte

	before, after []byte
	mu            sync.Mutex
	gone          bool          // closed; under mu
	begun         bool          // the first byte was asked for; under mu
	plain         io.ReadCloser // set under mu: an unhashed file, read where it is sent
	now           *block
	rest          []byte // of now
	left          int64  // of the whole body
	sent          int64  // of the file
	err           error
	source        atomic.Pointer[error] // why the file could not be read to its end
	handed        atomic.Bool           // the last byte was handed out
	whole         [sha256.Size]byte
	summed        sync.Once
}

// block is one buffer of a ring. It is free again when everybody who uses it has let go.
type block struct {
	data  []byte
	n     int
	err   error // what came instead of, or after, the data
	users atomic.Int32
}

// newBody returns the source as a body. Progress, if not nil, is told how many bytes of the file were handed out and how many there are, about every MiB, every five seconds while it moves, and at the
// end, by the reading goroutine.
func newBody(src Source, progress func(done, total int64)) *body {
	return &body{src: src, tell: teller(progress, 0), before: src.Before, after: src.After, left: src.Length(), quit: make(chan struct{})}
}

// start opens the file and sets reader and hasher to work.
func (b *body) start() {
	b.line.do((*conn).gather)
	f, err := b.src.Open()
	if err != nil {
		b.err = err
		b.source.Store(&err)
		return
	}
	if b.src.Unhashed {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.plain = f; b.gone {
			b.err = errors.Join(os.ErrClosed, f.Close())
		}
		return
	}
	b.free, b.ready, b.hash = make(chan *block, upBlocks), make(chan *block, upBlocks), make(chan *block, upBlocks)
	b.sum = make(chan [sha256.Size]byte, 1)
	buf := make([]byte, min(upBlocks*upBlock, max(b.src.Size, 1)))
	for len(buf) > 0 {
		n := min(upBlock, len(buf))
		b.free <- &block{data: buf[:n:n]}
		buf = buf[n:]
	}
	go b.read(f)
	go b.digest()
}

// read fills the ring. It ends with the file, with the first error, or with Close.
func (b *body) read(f io.ReadCloser) {
	defer f.Close()
	defer close(b.hash)
	defer close(b.ready)
	for left := b.src.Size; left > 0; {
		var k *block
		select {
		case <-b.quit:
			return
		case k = <-b.free:
		}
		want := int(min(int64(len(k.data)), left))
		k.n, k.err = io.ReadFull(f, k.data[:want])
		left -= int64(k.n)
		k.err = b.length(f, left, k.err)
		failed := k.err != nil
		k.users.Store(2)
		b.hash <- k // both channels hold the whole ring
		b.ready <- k
		if failed {
			return
		}
	}
}

// length judges a read after which left bytes are missing. A file that grew is seen before its last bytes go out, so that the server never gets a whole body that is
// not the file.
func (b *body) length(f io.Reader, left int64, err error) error {
	switch {
	case left > 0 && (err == io.EOF || err == io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: it ends %d bytes early", ErrChanged, left)
	case left > 0 || err != nil && err != io.EOF:
		return err
	}
	if n, err := f.Read(make([]byte, 1)); n > 0 {
		return fmt.Errorf("%w: it is longer than %d bytes", ErrChanged, b.src.Size)
	} else if err != nil && err != io.EOF {
		return err
	}
	return nil
}

// digest hashes what was read, in step with the ring.
func (b *body) digest() {
	h := sha256.New()
	for k := range b.hash {
		h.Write(k.data[:k.n])
		b.release(k)
	}
	b.sum <- [sha256.Size]byte(h.Sum(nil))
}

func (b *body) release(k *block) {
	if k.users.Add(-1) == 0 {
		b.free <- k
	}
}

// Read hands out the body.
func (b *body) Read(p []byte) (int, error) {
	if !b.wanted() {
		return 0, os.ErrClosed
	}
	b.begin.Do(b.start)
	if b.err != nil {
		return 0, b.err
	}
	if b.left == 0 {
		return 0, io.EOF
	}
	n, err := b.next(p)
	b.left -= int64(n)
	if err != nil {
		b.err = err
		b.line.do((*conn).pass)
		return n, err
	}
	if b.left == 0 {
		b.line.do((*conn).pass) // before the last bytes are written, so that their write flushes everything
		b.handed.Store(true)
	}
	return n, nil
}

// next copies the next bytes, at least one.
func (b *body) next(p []byte) (int, error) {
	if len(b.before) > 0 {
		n := copy(p, b.before)
		b.before = b.before[n:]
		return n, nil
	}
	if b.sent < b.src.Size {
		return b.file(p)
	}
	n := copy(p, b.after)
	b.after = b.after[n:]
	return n, nil
}

// file copies the next bytes of the file.
func (b *body) file(p []byte) (n int, err error) {
	if b.plain != nil {
		n, err = b.plain.Read(p[:min(int64(len(p)), b.src.Size-b.sent)])
		if err = b.length(b.plain, b.src.Size-b.sent-int64(n), err); err != nil {
			b.source.Store(&err)
			return 0, err
		}
	} else if n, err = b.fromRing(p); err != nil {
		return 0, err
	}
	b.sent += int64(n)
	if n > 0 {
		b.tell(b.sent, b.src.Size, false)
	}
	return n, nil
}

func (b *body) fromRing(p []byte) (int, error) {
	if len(b.rest) == 0 {
		var k *block
		select {
		case k = <-b.ready:
		default:
			b.line.do((*conn).push) // the file is slower than the wire: nothing is held back meanwhile
			select {
			case k = <-b.ready:
			case <-b.quit:
				return 0, os.ErrClosed
			}
		}
		if k == nil {
			return 0, os.ErrClosed
		}
		if k.err != nil {
			b.source.Store(&k.err)
			return 0, k.err
		}
		b.now, b.rest = k, k.data[:k.n]
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	if len(b.rest) == 0 {
		b.release(b.now)
		b.now = nil
	}
	return n, nil
}

// Close ends reading and hashing. It never waits for a file system that hangs: what reads there ends when that does.
func (b *body) Close() error {
	var err error
	b.end.Do(func() {
		close(b.quit)
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.gone = true; b.plain != nil {
			err = b.plain.Close()
		}
	})
	return err
}

// wanted is asked by each Read, and is false once the body is closed.
func (b *body) wanted() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.begun = b.begun || !b.gone
	return !b.gone
}

// Untouched closes the body and reports whether no byte of it was ever asked for: nobody can have any of it then, nor will.
func (b *body) Untouched() bool {
	b.Close()
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.begun
}

// Whole reports whether the last byte was handed out: from then on the server may have all of it.
func (b *body) Whole() bool { return b.handed.Load() }

// failed returns why the file could not be read to its end, nil if that is not what went wrong.
func (b *body) failed() error {
	if err := b.source.Load(); err != nil {
		return *err
	}
	return nil
}

// SHA256 returns the hash of the file in lower-case hex, once all of it was handed out. Before that, and for a body that ended early, it is an error.
func (b *body) SHA256() (string, error) {
	if b.src.Unhashed {
		return "", errors.New("transfer: hash of an upload: it was not to be hashed")
	}
	if !b.Whole() {
		return "", errors.New("transfer: hash of an upload: not all of the file was sent")
	}
	b.summed.Do(func() { b.whole = <-b.sum })
	return hex.EncodeToString(b.whole[:]), nil
}
