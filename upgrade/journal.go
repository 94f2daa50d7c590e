package upgrade

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
)

// A Journal is the only memory of a run: what was intended and what was seen.
//
// Append must not return before the record is durable, and must keep the order. Records returns every record in order; the
// caller does not change them. Both may be called from several goroutines. After an error of Append the run ends, and appends
// nothing more but how it ended. [upgradetest.TestJournal] checks an implementation.
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
	claims
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
	return slices.Clip(j.records)
}

// claims lets one run of this process at a time go on with a journal.
type claims struct{ taken atomic.Bool }

func (c *claims) claim() (release func(), ok bool) {
	return func() { c.taken.Store(false) }, c.taken.CompareAndSwap(false, true)
}

// maxLine bounds one line of a journal, so that a damaged one cannot fill the memory. A procedure of 10,000 steps fits.
const maxLine = 16 << 20

// A line is these around the hash and the record. Nothing else is read: whoever changes one byte is found out.
const (
	lineHead = `{"hash":"`
	lineMid  = `","rec":`
	lineTail = `}`
	hashLen  = 2 * sha256.Size
)

// chained is a journal as far as it was read.
type chained struct {
	records []Record
	prev    []byte // the last hash
	size    int64  // of the good part
	torn    int    // bytes of a torn last line behind it
}

// readJournal reads a journal from its beginning. A last line without an end is what a crash in mid-write leaves: it was never
// acknowledged, so nothing was done on its strength, and it is dropped; so is one with holes in it. Any other bad line is refused.
func readJournal(r io.Reader) (*chained, error) {
	in := bufio.NewReaderSize(r, 1<<16)
	c := &chained{}
	for n := 1; ; n++ {
		line, err := readLine(in, maxLine)
		switch {
		case err == io.EOF:
			c.torn = len(line)
			return c, nil
		case errors.Is(err, errLineTooLong):
			return nil, badLine(n, err)
		case err != nil:
			return nil, err
		case bytes.IndexByte(line, 0) >= 0: // pages of the last write that never reached the disk read as zeros
			if _, end := in.Peek(1); end == io.EOF {
				c.torn = len(line) + 1
				return c, nil
			}
		}
		rec, sum, err := parseLine(line, c.prev)
		if err != nil {
			return nil, badLine(n, err)
		}
		switch {
		case n == 1 && rec.Kind != KindPlan:
			return nil, fmt.Errorf("%w: line 1 is no plan: this is not a journal's beginning", ErrJournal)
		case !rec.Kind.known():
			return nil, fmt.Errorf("%w: line %d has the kind %q, which this version does not know", ErrJournal, n, rec.Kind)
		}
		c.records, c.prev, c.size = append(c.records, rec), sum, c.size+int64(len(line))+1
	}
}

func badLine(n int, why error) error {
	return fmt.Errorf("%w: line %d is bad (%w): somebody or something changed the file. Keep it; if no copy of it is whole, start in the middle of a new journal (Options.From)", ErrJournal, n, why)
}

// parseLine reads a line without its end.
func parseLine(line, prev []byte) (Record, []byte, error) {
	var rec Record
	rest, ok1 := bytes.CutPrefix(line, []byte(lineHead))
	rest, ok2 := bytes.CutSuffix(rest, []byte(lineTail))
	if !ok1 || !ok2 || len(rest) < hashLen || !bytes.HasPrefix(rest[hashLen:], []byte(lineMid)) {
		return rec, nil, errors.New("it is no journal line")
	}
	raw := rest[hashLen+len(lineMid):]
	sum := chain(prev, raw)
	if hex.EncodeToString(sum) != string(rest[:hashLen]) {
		return rec, nil, errors.New("its checksum does not match")
	}
	if err := json.Unmarshal(raw, &rec); err != nil {
		return rec, nil, err
	}
	if (rec.Kind == KindPlan || rec.Kind == KindChanged) && rec.Plan == nil {
		return rec, nil, errors.New("it has no plan")
	}
	return rec, sum, nil
}

func chain(prev, rec []byte) []byte {
	h := sha256.New()
	h.Write(prev)
	h.Write(rec)
	return h.Sum(nil)
}

// encodeLine returns the record's line with its end, its hash, and the record as it will read back.
func encodeLine(r Record, prev []byte) (line, sum []byte, back Record, err error) {
	var rec bytes.Buffer
	enc := json.NewEncoder(&rec)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r); err != nil {
		return nil, nil, back, err
	}
	raw := bytes.TrimSuffix(rec.Bytes(), []byte("\n"))
	if err := json.Unmarshal(raw, &back); err != nil {
		return nil, nil, back, err
	}
	sum = chain(prev, raw)
	line = make([]byte, 0, len(raw)+hashLen+len(lineHead+lineMid+lineTail)+1)
	line = append(line, lineHead...)
	line = hex.AppendEncode(line, sum)
	line = append(line, lineMid...)
	line = append(line, raw...)
	line = append(line, lineTail+"\n"...)
	if len(line) > maxLine {
		return nil, nil, back, fmt.Errorf("a record of %d bytes; at most %d are kept", len(line), maxLine)
	}
	return line, sum, back, nil
}

func (k Kind) known() bool {
	switch k {
	case KindPlan, KindRun, KindFrom, KindChanged, KindGuard, KindWaiting, KindIntent, KindSent, KindSeen, KindEvidence, KindAnswer,
		KindDone, KindSkipped, KindHeld, KindStopped, KindLeft, KindEnd, KindVigil, KindAbandoned:
		return true
	}
	return false
}

var errLineTooLong = errors.New("it is too long")

// readLine returns the next line without its end. At io.EOF it returns what stands behind the last end. A line of more than limit
// bytes is read to its end and not kept.
func readLine(in *bufio.Reader, limit int) ([]byte, error) {
	var line []byte
	long := false
	for {
		part, err := in.ReadSlice('\n')
		if long = long || len(line)+len(part) > limit; !long {
			line = append(line, part...)
		}
		switch {
		case err == bufio.ErrBufferFull:
		case long:
			return nil, errLineTooLong
		case err != nil:
			return line, err
		default:
			return line[:len(line)-1], nil
		}
	}
}
