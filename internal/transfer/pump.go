package transfer

import "io"

// pump reads r to its end into the part: read here, hashed and stored beside that. A read error and a write error are told apart, because the first can be cured by a
// new connection.
func (p *part) pump(r io.Reader, progress func(int64)) (readErr, writeErr error) {
	ring := p.begin()
	for readErr == nil {
		room := ring.room()
		if room == nil {
			break
		}
		var n int
		n, readErr = fill(r, room)
		ring.took(n, readErr != nil)
		if n > 0 {
			progress(ring.at)
		}
	}
	if readErr == io.EOF {
		readErr = nil
	}
	return readErr, ring.end()
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
