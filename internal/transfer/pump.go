package transfer

import (
	"io"
	"time"
)

// pump reads r to its end into the part: read here, hashed and stored beside that. A read error and a write error are told apart, because the first can be cured by a
// new connection.
func (p *part) pump(r io.Reader) (readErr, writeErr error) {
	ring := p.begin()
	for readErr == nil {
		room := ring.room()
		if room == nil {
			break
		}
		var n int
		n, readErr = fill(r, room, time.Second) // what comes slowly is stored as it comes
		ring.took(n, true)
	}
	if readErr == io.EOF {
		readErr = nil
	}
	return readErr, ring.end()
}

// fill reads until buf is full, r ends, or there is something and patience has passed. Unlike io.ReadFull it hands r's own error on: a body that is cut says so
// with io.ErrUnexpectedEOF.
func fill(r io.Reader, buf []byte, patience time.Duration) (n int, err error) {
	began := time.Now()
	for n < len(buf) && err == nil && (n == 0 || patience < 0 || time.Since(began) < patience) {
		var m int
		m, err = r.Read(buf[n:])
		n += m
	}
	return n, err
}
