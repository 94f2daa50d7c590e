package transfer

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
)

// Writer writes a file from its beginning: hashed and written at the same time, beside whoever writes, and past the page cache where the file system can do that.
// It is for one goroutine.
type Writer struct {
	file *os.File
	sink *sink
	part *part
	ring *ring
	err  error
}

// NewWriter returns a Writer into an empty file that is open for writing. The caller closes the file, after [Writer.Finish] or [Writer.Stop].
func NewWriter(f *os.File) *Writer {
	w := &Writer{file: f, sink: newSink(f)}
	w.part = &part{store: &fileStore{f, w.sink}, sum: sha256.New(), mark: mark{Total: -1}}
	w.ring = w.part.begin()
	return w
}

// Write takes p. An error of the disk comes with one of the next calls; a full one is of class [ErrNoSpace].
func (w *Writer) Write(p []byte) (n int, err error) {
	for n < len(p) && w.err == nil {
		room := w.ring.room()
		if room == nil {
			w.err = w.ring.end()
			break
		}
		m := copy(room, p[n:])
		w.ring.took(m, false)
		n += m
	}
	return n, w.err
}

// Finish writes what is left, flushes the file to the disk and returns its size and its SHA-256 in hex.
func (w *Writer) Finish() (size int64, sum string, err error) {
	if w.err == nil {
		if w.ring.now != nil {
			w.ring.took(0, true)
		}
		if w.err = w.ring.end(); w.err == nil {
			w.err = full(w.file.Sync())
		}
	}
	if w.err != nil {
		w.Stop()
		return 0, "", w.err
	}
	w.err = os.ErrClosed
	return w.part.at, hex.EncodeToString(w.part.sum.Sum(nil)), w.sink.close()
}

// Stop ends what Finish has not, and does nothing after it. What was written is of no use then.
func (w *Writer) Stop() {
	if w.err == nil {
		w.ring.end()
		w.err = os.ErrClosed
	}
	w.sink.close()
}

var _ io.Writer = (*Writer)(nil)

// fileStore is a store of which nothing can be gone on with.
type fileStore struct {
	file *os.File
	*sink
}

func (f *fileStore) clear() error           { return f.shorten(0) }
func (f *fileStore) shorten(to int64) error { return f.file.Truncate(to) }
func (f *fileStore) save(mark) error        { return nil }
func (f *fileStore) lasting() bool          { return false }
