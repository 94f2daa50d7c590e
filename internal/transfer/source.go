package transfer

import (
	"bytes"
	"io"
	"mime/multipart"
)

// Source is a file to send. It can be read again from the start, as a repeated request needs.
type Source struct {
	Open          func() (io.ReadCloser, error) // from the first byte, each time
	Size          int64                         // of the file, in bytes; exact
	Before, After []byte                        // what stands around the file in the body; not hashed, not in progress
	Unhashed      bool                          // the file is not hashed: its hash is known, or of no use
}

// Length returns the length of the whole body.
func (s Source) Length() int64 { return int64(len(s.Before)) + s.Size + int64(len(s.After)) }

// File returns the first size bytes of r as a source. The caller keeps r open until the upload has ended.
func File(r io.ReaderAt, size int64) Source {
	return Source{Size: size, Open: func() (io.ReadCloser, error) {
		return io.NopCloser(io.NewSectionReader(r, 0, size+1)), nil // one byte more, so that a file that grew is seen
	}}
}

// Multipart returns the source as the only part of a multipart/form-data body, a file called name in the given field, and the body's content type.
// The frame is made beforehand, so the length stays known.
func Multipart(s Source, field, name string) (framed Source, contentType string) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	w.CreateFormFile(field, name) // a bytes.Buffer takes everything
	s.Before = bytes.Clone(b.Bytes())
	b.Reset()
	w.Close()
	s.After = bytes.Clone(b.Bytes())
	return s, w.FormDataContentType()
}
