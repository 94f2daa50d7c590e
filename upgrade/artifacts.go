package upgrade

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"time"
)

// Artifacts is where backups, bundles and screenshots go, each with its SHA-256. [OpenArtifacts] keeps them in a folder.
//
// Put stores what write writes under a new name, whole or not at all: it is durable when Put returns, and nothing of it is
// left when write or the disk fails. A name that is taken is an error of class fs.ErrExist; nothing is ever overwritten.
// Open and Stat give fs.ErrNotExist for a name that is not there. Inbox is where a person puts a file that only he can get,
// such as an exported configuration; steps prove it and Put it. Methods may be called from several goroutines.
type Artifacts interface {
	Put(ctx context.Context, name string, write func(io.Writer) error) (Artifact, error)
	Stat(ctx context.Context, name string) (Artifact, error)
	List(ctx context.Context) ([]Artifact, error)
	Open(ctx context.Context, name string) (io.ReadCloser, error)
	Inbox() fs.FS
}

// An Artifact is one stored file. Its name is one path element.
type Artifact struct {
	Name   string    `json:"name"`
	Size   int64     `json:"size"`
	SHA256 string    `json:"sha256"`
	At     time.Time `json:"at"` // when it was stored
}

func checkArtifactName(name string) error {
	switch {
	case !goodName(name), strings.ContainsRune(name, '\\'), name != filepath.Base(name):
	case strings.HasPrefix(name, "."), strings.HasSuffix(name, sumSuffix), name == "inbox", len(name) > 200:
	default:
		return nil
	}
	return fmt.Errorf("artifact name %q: want one plain file name of at most 200 bytes, without a dot in front", name)
}

// endingWriter stops when the context ends.
type endingWriter struct {
	w   io.Writer
	ctx context.Context
}

func (e *endingWriter) Write(p []byte) (int, error) {
	if e.ctx.Err() != nil {
		return 0, context.Cause(e.ctx)
	}
	return e.w.Write(p)
}
