package spstest

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"time"
)

// A simulated firmware image is text followed by nothing:
//
//	CHANGEOVER-SPS-IMAGE
//	version: 7.0.2.1
//	size: 4294967296
//	notes: Read the release notes.
//
// then an empty line, then bytes of value 0 up to the size. A simulated appliance refuses an image of another size or with another byte in it, so a
// corrupt one is found as a real appliance finds it. Two more lines may follow the notes: "news: …" fills upgrade_news, and "boots: reverts", "boots:
// rescue" or "boots: dead" says how the first boot into it ends.
const imageMagic = "CHANGEOVER-SPS-IMAGE\n"

// ImageFile says what an image is. Its zero value, but for the version, is one that upgrades without trouble.
type ImageFile struct {
	Version string // required
	Size    int64  // in bytes. Default: 1 MiB
	Notes   string // one line. Default: a sentence that names the version
	News    string // one line. Default: none
	Boots   string // how the first boot ends: "", "reverts", "rescue", "dead", "slow"
	Corrupt bool   // one byte in the middle is not what it should be
}

// Image returns a file system with one image, called [ImageName], of any size: its bytes are made as they are read, and take no room anywhere.
func Image(version string, size int64) fs.FS { return Images(ImageFile{Version: version, Size: size}) }

// ImageName is the name of an image: "sps-7.0.2.1.iso".
func ImageName(version string) string { return "sps-" + version + ".iso" }

// Images returns a file system with several images.
func Images(files ...ImageFile) fs.FS { return imageFS(files) }

type imageFS []ImageFile

func (f imageFS) Open(name string) (fs.File, error) {
	for _, img := range f {
		if ImageName(img.Version) == name {
			return img.Open(), nil
		}
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// File is an image as it is read: an [fs.File] that can also seek.
type File interface {
	fs.File
	io.Seeker
}

// Open returns the image as a file.
func (img ImageFile) Open() File {
	size := cmp.Or(img.Size, 1<<20)
	text := fmt.Appendf(nil, "%sversion: %s\nsize: %d\nnotes: %s\n", imageMagic, img.Version, size, cmp.Or(img.Notes, defaultNotes(img.Version)))
	if img.News != "" {
		text = fmt.Appendf(text, "news: %s\n", img.News)
	}
	if img.Boots != "" {
		text = fmt.Appendf(text, "boots: %s\n", img.Boots)
	}
	text = append(text, '\n')
	f := &imageReader{name: ImageName(img.Version), head: text, size: max(size, int64(len(text))), bad: -1}
	if img.Corrupt {
		f.bad = int64(len(text)) + (f.size-int64(len(text)))/2
	}
	return f
}

func defaultNotes(version string) string {
	return "Upgrade notes of " + version + ": the appliance restarts and drops all sessions."
}

// imageReader makes the bytes of an image.
type imageReader struct {
	name string
	head []byte
	size int64
	bad  int64 // position of a wrong byte; -1: none
	at   int64
}

func (f *imageReader) Read(b []byte) (int, error) {
	if f.at >= f.size {
		return 0, io.EOF
	}
	b = b[:min(int64(len(b)), f.size-f.at)]
	clear(b)
	if f.at < int64(len(f.head)) {
		copy(b, f.head[f.at:])
	}
	if i := f.bad - f.at; f.bad >= 0 && i >= 0 && i < int64(len(b)) {
		b[i] = 1
	}
	f.at += int64(len(b))
	return len(b), nil
}

func (f *imageReader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += f.at
	case io.SeekEnd:
		offset += f.size
	}
	if offset < 0 {
		return 0, &fs.PathError{Op: "seek", Path: f.name, Err: fs.ErrInvalid}
	}
	f.at = offset
	return offset, nil
}

func (f *imageReader) Close() error               { return nil }
func (f *imageReader) Stat() (fs.FileInfo, error) { return imageInfo{f}, nil }

type imageInfo struct{ f *imageReader }

func (i imageInfo) Name() string       { return i.f.name }
func (i imageInfo) Size() int64        { return i.f.size }
func (i imageInfo) Mode() fs.FileMode  { return 0o444 }
func (i imageInfo) ModTime() time.Time { return validFrom }
func (i imageInfo) IsDir() bool        { return false }
func (i imageInfo) Sys() any           { return nil }

// imageCheck reads an image as an appliance does: it keeps the first 4 KiB and looks at the rest as it passes.
type imageCheck struct {
	head  []byte
	end   int // of the header; 0 while it is not complete
	size  int64
	wrong bool
}

var zeros [64 << 10]byte

func (c *imageCheck) Write(b []byte) (int, error) {
	c.size += int64(len(b))
	rest := b
	if c.end == 0 && len(c.head) < 4<<10 {
		c.head = append(c.head, b[:min(len(b), 4<<10)]...)
		i := bytes.Index(c.head, []byte("\n\n"))
		if i < 0 {
			return len(b), nil
		}
		c.end = i + 2
		rest = b[max(0, len(b)-int(c.size-int64(c.end))):]
	}
	for len(rest) > 0 && !c.wrong {
		n := min(len(rest), len(zeros))
		c.wrong = !bytes.Equal(rest[:n], zeros[:n])
		rest = rest[n:]
	}
	return len(b), nil
}

// slot returns the image as a slot, or why it is none.
func (c *imageCheck) slot() (slot, error) {
	text, ok := strings.CutPrefix(string(c.head[:c.end]), imageMagic)
	if !ok {
		return slot{}, fmt.Errorf("the file is not a firmware image")
	}
	var s slot
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch key {
		case "version":
			s.version = value
		case "size":
			if n, err := strconv.ParseInt(value, 10, 64); err != nil || n != c.size {
				return slot{}, fmt.Errorf("the image is %s bytes long, %d arrived", value, c.size)
			}
		case "notes":
			s.notes = value
		case "news":
			s.news = value
		case "boots":
			s.boots = map[string]fate{"reverts": fateReverts, "rescue": fateRescue, "dead": fateDead, "slow": fateSlow}[value]
		}
	}
	if c.wrong || s.version == "" {
		return slot{}, fmt.Errorf("the checksum of the image is wrong")
	}
	return s, nil
}

// Mirror opens images by their URL, for [Node.Downloads].
func Mirror(images map[string]ImageFile) func(ctx context.Context, url string) (File, error) {
	return func(_ context.Context, url string) (File, error) {
		img, ok := images[url]
		if !ok {
			return nil, &fs.PathError{Op: "download", Path: url, Err: fs.ErrNotExist}
		}
		return img.Open(), nil
	}
}
