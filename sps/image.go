package sps

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"strings"
	"sync"
)

// Image is what is known of a firmware image before it is sent.
type Image struct {
	Size   int64  `json:"size"`   // bytes
	SHA256 string `json:"sha256"` // hex, as on the vendor's download page
}

// HashFirmware reads the image called name in fsys once, in constant memory, and returns its size and SHA-256. Compare the
// hash with the one on the vendor's download page before uploading: the guides say not to skip it (SPS 6.9.2 Upgrade Guide).
func HashFirmware(ctx context.Context, fsys fs.FS, name string) (Image, error) {
	op := "hash firmware image " + name
	f, size, err := openImage(op, fsys, name)
	if err != nil {
		return Image{}, err
	}
	defer f.Close()
	sum := sha256.New()
	buf := make([]byte, 256<<10)
	var read int64
	for {
		if ctx.Err() != nil {
			return Image{}, &Error{Op: op, Err: ended(ctx)}
		}
		n, err := f.Read(buf)
		sum.Write(buf[:n])
		if read += int64(n); err == io.EOF {
			break
		}
		if err != nil {
			return Image{}, &Error{Op: op, Err: err}
		}
	}
	if read != size {
		return Image{}, &Error{Op: op, Err: changed(read, size)}
	}
	return Image{Size: size, SHA256: hex.EncodeToString(sum.Sum(nil))}, nil
}

// Check compares the image's hash with want, 64 hexadecimal digits in either case. The error is of class [ErrChecksum].
func (i Image) Check(want string) error {
	sum, err := parseSHA256(want)
	if err != nil {
		return &Error{Op: "check firmware image", Err: err}
	}
	if sum != i.SHA256 {
		return &Error{Op: "check firmware image", class: ErrChecksum, Message: fmt.Sprintf("SHA-256 is %s, want %s", i.SHA256, sum),
			Advice: "the image is not genuine or not complete: download it again, and do not use this one"}
	}
	return nil
}

// parseSHA256 returns the hash in lower case.
func parseSHA256(s string) (string, error) {
	digits := strings.ToLower(strings.TrimSpace(s))
	raw, err := hex.DecodeString(digits)
	if err != nil || len(raw) != sha256.Size {
		return "", fmt.Errorf("SHA-256 %.80q: want 64 hexadecimal digits", s)
	}
	return digits, nil
}

// openImage opens an image and tells its size.
func openImage(op string, fsys fs.FS, name string) (fs.File, int64, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, 0, &Error{Op: op, Err: err}
	}
	info, err := f.Stat()
	switch {
	case err == nil && !info.Mode().IsRegular():
		err = fmt.Errorf("%s is no file", name)
	case err == nil && info.Size() == 0:
		err = fmt.Errorf("%s is empty", name)
	}
	if err != nil {
		f.Close()
		return nil, 0, &Error{Op: op, Err: err}
	}
	return f, info.Size(), nil
}

func changed(read, size int64) error {
	return fmt.Errorf("the image changed while it was read: %d bytes came, %d were there at first", read, size)
}

// measured hashes what is read through it and says how far it is.
type measured struct {
	r        io.Reader
	size     int64
	progress func(sent, total int64)

	mu   sync.Mutex // the transport may still read when the answer is there
	sum  hash.Hash
	read int64
	told int64
}

// tellEvery is how many bytes lie between two words about the progress.
const tellEvery = 1 << 20

func (m *measured) Read(p []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.r.Read(p)
	m.sum.Write(p[:n])
	m.read += int64(n)
	if m.read > m.size {
		return 0, changed(m.read, m.size)
	}
	if err == io.EOF && m.read < m.size {
		return n, changed(m.read, m.size)
	}
	if m.progress != nil && n > 0 && (m.read-m.told >= tellEvery || m.read == m.size) {
		m.told = m.read
		m.progress(m.read, m.size)
	}
	return n, err
}

// whole returns the hash in hex, if all of the image was read.
func (m *measured) whole() (string, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return hex.EncodeToString(m.sum.Sum(nil)), m.read == m.size
}
