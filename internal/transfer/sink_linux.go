package transfer

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// openDirect opens an existing file for direct I/O; nil where the file system has none.
func openDirect(path string) *os.File {
	f, err := os.OpenFile(path, os.O_WRONLY|unix.O_DIRECT, 0)
	if err != nil {
		return nil
	}
	return f
}

// notDirect reports whether a write was refused for being direct.
func notDirect(err error) bool { return errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EOPNOTSUPP) }

// beginWriteBack has the kernel begin to write a range out, without waiting. That is a favour: an error changes nothing, as Sync follows.
func beginWriteBack(f *os.File, off, n int64) {
	unix.SyncFileRange(int(f.Fd()), off, n, unix.SYNC_FILE_RANGE_WRITE)
}

// rename gives the file its name, in one step and never over another file.
func rename(from, to string) error {
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		return linkTo(from, to) // some network file systems
	}
	if err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}
