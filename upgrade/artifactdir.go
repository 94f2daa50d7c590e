package upgrade

import (
	"cmp"
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

	"github.com/gofrs/flock"

	"github.com/changeover-sdk/changeover/internal/transfer"
)

// ArtifactDir is a folder of artifacts: files of mode 0600, each with a NAME.sha256 beside it that `sha256sum -c` reads. The
// sum is there before the name is, so that a file without one was never whole. Several processes may share the folder.
type ArtifactDir struct{ dir, inbox string }

var _ Artifacts = (*ArtifactDir)(nil)

// partPrefix begins the names of files that are being written. Their writer holds a kernel lock on them.
const partPrefix = ".part-"

// OpenArtifacts makes dir and dir/inbox where they are missing, mode 0700, and removes what writers that died left unfinished.
// It keeps nothing open.
func OpenArtifacts(dir string) (*ArtifactDir, error) {
	d := &ArtifactDir{dir: dir, inbox: filepath.Join(dir, "inbox")}
	if err := os.MkdirAll(d.inbox, 0o700); err != nil {
		return nil, fmt.Errorf("upgrade: artifacts: %w", err)
	}
	if err := d.sweep(); err != nil {
		return nil, fmt.Errorf("upgrade: artifacts: %w", err)
	}
	return d, nil
}

// exclusive does something that no other writer, of this or of another process, may do at the same time. It is short: no data
// is written meanwhile.
func (d *ArtifactDir) exclusive(do func() error) error {
	l := flock.New(filepath.Join(d.dir, ".lock"), flock.SetPermissions(0o600))
	if err := l.Lock(); err != nil {
		return err
	}
	defer l.Close()
	return do()
}

// sweep removes part files whose writer died: the kernel gave its lock up. Where there are none it touches nothing, so that a
// read-only folder can be opened.
func (d *ArtifactDir) sweep() error {
	parts, err := d.parts()
	if err != nil || len(parts) == 0 {
		return err
	}
	return d.exclusive(func() error {
		parts, err := d.parts()
		for _, part := range parts {
			l := flock.New(part, flock.SetFlag(os.O_RDWR))
			ok, lerr := l.TryLock()
			if ok {
				lerr = os.Remove(part)
			}
			if lerr = errors.Join(lerr, l.Close()); !errors.Is(lerr, fs.ErrNotExist) {
				err = errors.Join(err, lerr)
			}
		}
		return err
	})
}

func (d *ArtifactDir) parts() (parts []string, err error) {
	entries, err := os.ReadDir(d.dir)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), partPrefix) {
			parts = append(parts, filepath.Join(d.dir, e.Name()))
		}
	}
	return parts, err
}

// Inbox returns the folder "inbox".
func (d *ArtifactDir) Inbox() fs.FS { return os.DirFS(d.inbox) }

// InboxPath returns the path of the inbox, to tell a person.
func (d *ArtifactDir) InboxPath() string { return d.inbox }

// Put stores a file: written to a part file and hashed at the same time, beside write, synced, then given its name. It needs the file's own size of
// memory never, and of disk once.
func (d *ArtifactDir) Put(ctx context.Context, name string, write func(io.Writer) error) (a Artifact, err error) {
	defer func() {
		if err != nil {
			a, err = Artifact{}, fmt.Errorf("upgrade: store artifact %q: %w", name, err)
		}
	}()
	if err := checkArtifactName(name); err != nil {
		return a, err
	}
	final := filepath.Join(d.dir, name)
	if err := absent(final); err != nil {
		return a, err
	}
	part, done, err := d.part()
	if err != nil {
		return a, err
	}
	defer done()
	file := transfer.NewWriter(part)
	defer file.Stop()
	if err := cmp.Or(write(&endingWriter{w: file, ctx: ctx}), context.Cause(ctx)); err != nil {
		return a, err
	}
	a = Artifact{Name: name}
	if a.Size, a.SHA256, err = file.Finish(); err != nil {
		return a, err
	}
	err = d.exclusive(func() error {
		if err := absent(final); err != nil {
			return err
		}
		if err := d.putSum(a); err != nil {
			return err
		}
		// A link, unlike a rename, never replaces what is there. Not every file system has links.
		err := os.Link(part.Name(), final)
		if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrPermission) {
			err = os.Rename(part.Name(), final)
		}
		return errors.Join(err, syncDir(d.dir))
	})
	if err != nil {
		return a, err
	}
	return d.Stat(ctx, name)
}

func absent(path string) error {
	_, err := os.Lstat(path)
	switch {
	case err == nil:
		return fs.ErrExist
	case errors.Is(err, fs.ErrNotExist):
		return nil
	}
	return err
}

// part makes a part file, mode 0600, locked while it is written.
func (d *ArtifactDir) part() (f *os.File, done func(), err error) {
	err = d.exclusive(func() error {
		if f, err = os.CreateTemp(d.dir, partPrefix+"*"); err != nil {
			return err
		}
		l := flock.New(f.Name(), flock.SetFlag(os.O_RDWR))
		done = func() {
			os.Remove(f.Name())
			l.Close()
			f.Close()
		}
		ok, err := l.TryLock()
		if err == nil && !ok {
			err = ErrLocked
		}
		if err != nil {
			done()
		}
		return err
	})
	return f, done, err
}

func (d *ArtifactDir) putSum(a Artifact) error {
	f, err := os.CreateTemp(d.dir, partPrefix+"*")
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
	if !st.Mode().IsRegular() {
		return Artifact{}, fmt.Errorf("upgrade: artifact %q: not a regular file", name)
	}
	sum, err := os.ReadFile(filepath.Join(d.dir, name+sumSuffix))
	if err != nil {
		return Artifact{}, err
	}
	hash, rest, _ := strings.Cut(string(sum), "  ")
	if _, err := hex.DecodeString(hash); err != nil || len(hash) != 2*sha256.Size || rest != name+"\n" {
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
func (d *ArtifactDir) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	if _, err := d.Stat(ctx, name); err != nil {
		return nil, err
	}
	return os.Open(filepath.Join(d.dir, name))
}
