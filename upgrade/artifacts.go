package upgrade

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
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

// ArtifactDir is a folder of artifacts: files of mode 0600, each with a NAME.sha256 beside it that `sha256sum -c` reads. The
// sum is there before the name is, so that a file without one was never whole.
type ArtifactDir struct{ dir, inbox string }

var _ Artifacts = (*ArtifactDir)(nil)

// OpenArtifacts makes dir and dir/inbox where they are missing, mode 0700. It keeps nothing open.
func OpenArtifacts(dir string) (*ArtifactDir, error) {
	d := &ArtifactDir{dir: dir, inbox: filepath.Join(dir, "inbox")}
	if err := os.MkdirAll(d.inbox, 0o700); err != nil {
		return nil, fmt.Errorf("upgrade: artifacts: %w", err)
	}
	return d, nil
}

// Inbox returns the folder "inbox".
func (d *ArtifactDir) Inbox() fs.FS { return os.DirFS(d.inbox) }

// InboxPath returns the path of the inbox, to tell a person.
func (d *ArtifactDir) InboxPath() string { return d.inbox }

// Put stores a file: written to a part file, hashed on the way, synced, then given its name.
func (d *ArtifactDir) Put(ctx context.Context, name string, write func(io.Writer) error) (a Artifact, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("upgrade: store artifact %q: %w", name, err)
		}
	}()
	if err := checkArtifactName(name); err != nil {
		return a, err
	}
	final := filepath.Join(d.dir, name)
	if _, err := os.Lstat(final); err == nil {
		return a, fs.ErrExist
	}
	part, err := os.CreateTemp(d.dir, ".part-*") // mode 0600
	if err != nil {
		return a, err
	}
	defer os.Remove(part.Name())
	defer part.Close()
	h := sha256.New()
	w := &countWriter{w: io.MultiWriter(part, h), ctx: ctx}
	if err := write(w); err != nil {
		return a, err
	}
	if err := errors.Join(context.Cause(ctx), part.Sync(), part.Close()); err != nil {
		return a, err
	}
	a = Artifact{Name: name, Size: w.n, SHA256: hex.EncodeToString(h.Sum(nil))}
	if err := d.putSum(a); err != nil {
		return a, err
	}
	// A link, unlike a rename, never replaces what is there.
	if err := os.Link(part.Name(), final); err != nil {
		return a, err
	}
	if err := syncDir(d.dir); err != nil {
		return a, err
	}
	return d.Stat(ctx, name)
}

func (d *ArtifactDir) putSum(a Artifact) error {
	f, err := os.CreateTemp(d.dir, ".part-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = fmt.Fprintf(f, "%s  %s\n", a.SHA256, a.Name)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	// The name itself is still free, so a sum that is there belongs to a file that never became whole.
	return os.Rename(f.Name(), filepath.Join(d.dir, a.Name+sumSuffix))
}

const sumSuffix = ".sha256"

// Stat returns what is known of a stored file; it does not read it.
func (d *ArtifactDir) Stat(_ context.Context, name string) (Artifact, error) {
	if err := checkArtifactName(name); err != nil {
		return Artifact{}, err
	}
	st, err := os.Lstat(filepath.Join(d.dir, name))
	if err != nil {
		return Artifact{}, err
	}
	sum, err := os.ReadFile(filepath.Join(d.dir, name+sumSuffix))
	if err != nil {
		return Artifact{}, err
	}
	hash, rest, _ := strings.Cut(string(sum), "  ")
	if strings.TrimSuffix(rest, "\n") != name || len(hash) != 2*sha256.Size {
		return Artifact{}, fmt.Errorf("upgrade: artifact %q: %s%s is damaged", name, name, sumSuffix)
	}
	return Artifact{Name: name, Size: st.Size(), SHA256: hash, At: st.ModTime()}, nil
}

// List returns every stored file, by name. Files without a sum are not artifacts.
func (d *ArtifactDir) List(ctx context.Context) ([]Artifact, error) {
	entries, err := os.ReadDir(d.dir)
	if err != nil {
		return nil, fmt.Errorf("upgrade: list artifacts: %w", err)
	}
	var list []Artifact
	for _, e := range entries {
		if !e.Type().IsRegular() || strings.HasSuffix(e.Name(), sumSuffix) || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		switch a, err := d.Stat(ctx, e.Name()); {
		case err == nil:
			list = append(list, a)
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
	}
	return list, nil
}

// Open opens a stored file for reading.
func (d *ArtifactDir) Open(_ context.Context, name string) (io.ReadCloser, error) {
	if err := checkArtifactName(name); err != nil {
		return nil, err
	}
	return os.Open(filepath.Join(d.dir, name))
}

func checkArtifactName(name string) error {
	if name == "" || name != filepath.Base(name) || strings.HasPrefix(name, ".") || strings.ContainsAny(name, "/\\\n\x00") ||
		strings.HasSuffix(name, sumSuffix) || len(name) > 200 || name == "inbox" {
		return fmt.Errorf("artifact name %q: want one plain file name of at most 200 bytes", name)
	}
	return nil
}

// countWriter counts, and stops when the context ends.
type countWriter struct {
	w   io.Writer
	ctx context.Context
	n   int64
}

func (c *countWriter) Write(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, context.Cause(c.ctx)
	}
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
