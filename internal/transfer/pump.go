package transfer

import (
	"encoding/hex"
	"errors"
	"io"
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

// pump reads r to its end into the part: read here, hashed and written on goroutines of their own over a ring of buffers, and all of them have ended when it
// returns. A read error and a write error are told apart, because the first can be cured by a new connection.
func (p *part) pump(r io.Reader, progress func(int64)) (readErr, writeErr error) {
	free, hash, write := make(chan *chunk, downBlocks), make(chan *chunk, downBlocks), make(chan *chunk, downBlocks)
	stop := make(chan struct{}) // a write failed
	for range downBlocks {
		free <- &chunk{hashed: make(chan struct{}, 1)}
	}
	var both sync.WaitGroup
	both.Go(func() {
		for k := range hash {
			p.sum.Write(k.data)
			if k.save {
				k.sum = hex.EncodeToString(p.sum.Sum(nil))
			}
			k.hashed <- struct{}{}
		}
	})
	written := p.at
	both.Go(func() {
		for k := range write {
			if writeErr == nil {
				writeErr = p.write(k.data, k.off)
			}
			<-k.hashed
			if writeErr == nil && k.save {
				writeErr = p.keep(k.off+int64(len(k.data)), k.sum)
			}
			if writeErr == nil {
				written = k.off + int64(len(k.data))
			} else {
				select {
				case <-stop:
				default:
					close(stop)
				}
			}
			free <- k
		}
	})

	at, saved, saves := p.at, p.mark.At, p.resumable() && p.lasting()
	for readErr == nil {
		var k *chunk
		select {
		case k = <-free:
		case <-stop:
		}
		if k == nil || closed(stop) {
			break
		}
		if k.buf == nil {
			k.buf = aligned(downBlock) // a small file takes one
		}
		n := 0
		n, readErr = fill(r, k.buf[:downBlock-at%downBlock])
		if n == 0 {
			continue
		}
		k.data, k.off = k.buf[:n], at
		at += int64(n)
		if k.save = saves && at-saved >= saveEvery; k.save {
			saved = at
		}
		hash <- k
		write <- k
		progress(at)
	}
	close(hash)
	close(write)
	both.Wait()
	if readErr == io.EOF {
		readErr = nil
	}
	if writeErr != nil {
		p.at = p.mark.At // the hash is ahead of the disk; the next call hashes anew. What was not flushed gives its room back
		return readErr, errors.Join(full(writeErr), p.shorten(p.at))
	}
	p.at = written
	return readErr, nil
}

func closed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// fill reads until buf is full or r ends. Unlike io.ReadFull it hands r's own error on: a body that is cut says so with io.ErrUnexpectedEOF.
func fill(r io.Reader, buf []byte) (n int, err error) {
	for n < len(buf) && err == nil {
		var m int
		m, err = r.Read(buf[n:])
		n += m
	}
	return n, err
}
