package transfer

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
)

// saveEvery is how many bytes lie between two states on the disk: what a killed process loses at most.
const saveEvery = 128 << 20

// part is a download while it is not whole.
type part struct {
	store
	sum  hash.Hash // of the first at bytes
	at   int64
	mark mark // what the server says of its file, and what the store holds for sure
}

// store is where a download's bytes go. One goroutine at a time uses it.
type store interface {
	write(data []byte, off int64) error
	clear() error           // takes everything back
	shorten(to int64) error // takes back what was not saved
	save(m mark) error      // makes what was written last, and then the state that counts on it
	lasting() bool          // whether save does anything
}

// mark is the state that outlives the process.
type mark struct {
	URL       string `json:"url_sha256"` // an address may hold a secret: only its hash is kept
	Validator string `json:"validator"`
	Total     int64  `json:"total"` // -1: not known
	At        int64  `json:"at"`    // bytes that were flushed to the disk
	SHA256    string `json:"sha256"`
}

// restart begins from nothing, with the file that the server has now.
func (p *part) restart(validator string, total int64) error {
	if err := p.clear(); err != nil {
		return err
	}
	p.sum.Reset()
	p.at = 0
	p.mark = mark{URL: p.mark.URL, Validator: validator, Total: total}
	return nil
}

// resumable reports whether a broken connection can be taken up again where it broke.
func (p *part) resumable() bool { return p.mark.Validator != "" }

// keep makes the first at bytes last.
func (p *part) keep(at int64, sum string) error {
	m := p.mark
	m.At, m.SHA256 = at, sum
	if err := p.save(m); err != nil {
		return err
	}
	p.mark.At, p.mark.SHA256 = at, sum // only these: a pump reads the others meanwhile
	return nil
}

// stream is a store that somebody else keeps: nothing that was written can be taken back.
type stream struct {
	w     io.Writer
	begun bool
}

func newStream(w io.Writer) *part {
	return &part{store: &stream{w: w}, sum: sha256.New(), mark: mark{Total: -1}}
}

func (s *stream) write(data []byte, _ int64) error {
	s.begun = s.begun || len(data) > 0
	n, err := s.w.Write(data)
	if err == nil && n < len(data) {
		err = io.ErrShortWrite
	}
	return err
}

func (s *stream) clear() error {
	if s.begun {
		return fmt.Errorf("%w: the server has another one now, and what was written of the first cannot be taken back", ErrChanged)
	}
	return nil
}

func (s *stream) shorten(int64) error { return nil }
func (s *stream) save(mark) error     { return nil }
func (s *stream) lasting() bool       { return false }
