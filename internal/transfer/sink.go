package transfer

import (
	"os"
	"unsafe"
)

// A download's ring. Blocks end at multiples of their size in the file, so that all but the first and the last can go past the page cache.
const (
	downBlock  = 1 << 20
	downBlocks = 6
	firstBlock = 64 << 10 // the first, so that a small file costs little
	sector     = 4096     // what direct I/O wants addresses, offsets and lengths to be multiples of; at least as large as any disk's
)

// sink writes a part. Whole blocks go to the disk past the page cache where the file system can do that; what comes of a backup is not read again soon, and the cache
// belongs to others. Elsewhere, the kernel is told to begin writing while more is on its way.
type sink struct {
	file   *os.File
	direct *os.File // the same file, opened for direct I/O; nil where that is not possible
	dirty  int64    // where the write-back that was not asked for yet begins
	end    int64    // of what was written
}

// writeBack is how many bytes are gathered in the page cache before the kernel is told to begin with them.
const writeBack = 16 << 20

func newSink(f *os.File) *sink { return &sink{file: f, direct: openDirect(f.Name())} }

// write writes data at off.
func (s *sink) write(data []byte, off int64) error {
	if s.direct != nil && off%sector == 0 && len(data)%sector == 0 && len(data) > 0 {
		_, err := s.direct.WriteAt(data, off)
		if err == nil || !notDirect(err) {
			return err
		}
		s.direct.Close() // the file system opened the file so, and does not mean it
		s.direct = nil
	}
	if _, err := s.file.WriteAt(data, off); err != nil {
		return err
	}
	if off != s.end {
		s.dirty = off
	}
	s.end = off + int64(len(data))
	if s.end-s.dirty >= writeBack {
		beginWriteBack(s.file, s.dirty, s.end-s.dirty)
		s.dirty = s.end
	}
	return nil
}

func (s *sink) close() error {
	if s.direct == nil {
		return nil
	}
	err := s.direct.Close()
	s.direct = nil
	return err
}

// aligned returns n bytes that begin at a multiple of a sector in memory.
func aligned(n int) []byte {
	b := make([]byte, n+sector)
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) & (sector - 1) // Go's heap does not move
	return b[skip : skip+n : skip+n]
}
