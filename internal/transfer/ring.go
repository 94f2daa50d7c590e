package transfer

import (
	"encoding/hex"
	"errors"
	"sync"
)

// chunk is one buffer of a download's ring.
type chunk struct {
	buf    []byte // starts at a sector
	data   []byte // what of it is filled
	off    int64
	save   bool          // a state is saved behind it
	sum    string        // of everything up to its end; only with save
	hashed chan struct{} // one value when the hash has it
}

// ring takes bytes, and hashes and stores them on goroutines of their own, which have ended when end returns.
type ring struct {
	p                 *part
	free, hash, store chan *chunk
	stop              chan struct{} // storing failed
	both              sync.WaitGroup
	saves             bool
	at, saved         int64 // of what was taken
	now               *chunk

	stored int64 // by the storing goroutine, like failed
	failed error
}

func (p *part) begin() *ring {
	r := &ring{p: p, stop: make(chan struct{}), at: p.at, saved: p.mark.At, stored: p.at, saves: p.resumable() && p.lasting()}
	r.free, r.hash, r.store = make(chan *chunk, downBlocks), make(chan *chunk, downBlocks), make(chan *chunk, downBlocks)
	for range downBlocks {
		r.free <- &chunk{hashed: make(chan struct{}, 1)}
	}
	r.both.Go(r.digest)
	r.both.Go(r.keep)
	return r
}

func (r *ring) digest() {
	for k := range r.hash {
		r.p.sum.Write(k.data)
		if k.save {
			k.sum = hex.EncodeToString(r.p.sum.Sum(nil))
		}
		k.hashed <- struct{}{}
	}
}

func (r *ring) keep() {
	for k := range r.store {
		if r.failed == nil {
			r.failed = r.p.write(k.data, k.off)
		}
		<-k.hashed
		if r.failed == nil && k.save {
			r.failed = r.p.keep(k.off+int64(len(k.data)), k.sum)
		}
		if r.failed == nil {
			r.stored = k.off + int64(len(k.data))
		} else if !closed(r.stop) {
			close(r.stop)
		}
		k.data = nil
		r.free <- k
	}
}

// room returns where the next bytes belong, nil when storing has failed. It ends at a multiple of downBlock in the file.
func (r *ring) room() []byte {
	if r.now == nil {
		select {
		case r.now = <-r.free:
		case <-r.stop:
		}
	}
	if r.now == nil || closed(r.stop) {
		return nil
	}
	k := r.now
	if k.data == nil {
		want := int(downBlock - r.at%downBlock)
		if r.at == 0 {
			want = firstBlock
		}
		if len(k.buf) < want {
			size := downBlock
			if r.at == 0 {
				size = firstBlock
			}
			k.buf = aligned(size)
		}
		k.data, k.off = k.buf[:0:want], r.at
	}
	return k.data[len(k.data):cap(k.data)]
}

// took says that n bytes were put into the room, and whether they are the last for now.
func (r *ring) took(n int, last bool) {
	k := r.now
	k.data = k.data[:len(k.data)+n]
	r.at += int64(n)
	if len(k.data) == 0 || len(k.data) < cap(k.data) && !last {
		return
	}
	if k.save = r.saves && r.at-r.saved >= saveEvery; k.save {
		r.saved = r.at
	}
	r.now = nil
	r.hash <- k
	r.store <- k
}

// end waits until everything that was taken is hashed and stored, or storing has failed. The part stands where it came to.
func (r *ring) end() error {
	close(r.hash)
	close(r.store)
	r.both.Wait()
	p := r.p
	if r.failed != nil {
		p.at = p.mark.At // the hash is ahead of the disk; the next call hashes anew. What was not flushed gives its room back
		return errors.Join(full(r.failed), p.shorten(p.at))
	}
	p.at = r.stored
	return nil
}

func closed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
