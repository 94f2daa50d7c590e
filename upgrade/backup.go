package upgrade

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/changeover-sdk/changeover/sps"
)

// DefaultBackupAge is how old a backup may be before it is taken again by the next run.
const DefaultBackupAge = 12 * time.Hour

// backup is what differs between the appliances' backups.
type backup struct {
	kind        string // first word of the artifact's name: "sps"
	on          string
	who         func(context.Context) (host, version string, err error)
	cannot      func(error) (Observation, error)                             // sorts who's error; default: as for an SPS
	advice      string                                                       // default: as for an SPS
	write       func(context.Context, io.Writer) (offered string, err error) // nil: a person gets the file as the instruction says
	check       func(offered string, head []byte) error
	handedIn    func(name, host string) bool // whether a file in the inbox calls itself a backup of that appliance
	instruction Instruction
	maxAge      time.Duration
	suffix      string
}

// backupEvidence is what a backup leaves in the journal.
type backupEvidence struct {
	Artifact string    `json:"artifact,omitempty"`
	Inbox    string    `json:"inbox,omitempty"`
	SHA256   string    `json:"sha256,omitempty"`
	Size     int64     `json:"size,omitempty"`
	At       time.Time `json:"at,omitzero"`
	Host     string    `json:"host"`
	Version  string    `json:"version"` // a backup fits its own version only
}

// Backup returns the step that takes a configuration export of an SPS into artifacts: Basic Settings > System > Export
// configuration. A nil page means a person exports it and puts the file into the inbox, where its type, its host name and its
// age are proven before it is stored. A backup older than maxAge (default 12 hours) is taken again by every run that will
// act. Its artifact is named after host and version, for an export fits no other (SPS 6.0 Administration Guide, Importing the
// configuration).
func Backup(c *sps.Client, page sps.ExportPage, a Artifacts, maxAge time.Duration) Step {
	b := backup{
		kind: "sps", on: c.Host(), suffix: ".config", maxAge: orElse(maxAge, DefaultBackupAge),
		who: func(ctx context.Context) (string, string, error) {
			info, err := c.Info(ctx)
			return info.Host, info.FirmwareText, err
		},
		check: checkExport,
		handedIn: func(name, host string) bool {
			return strings.HasPrefix(strings.ToLower(name), strings.ToLower(host)+"-") && strings.Contains(name, ".config") ||
				strings.HasPrefix(strings.ToLower(name), strings.ToLower(host)+"-") && strings.HasSuffix(name, "-encrypted") ||
				strings.HasPrefix(strings.ToLower(name), strings.ToLower(host)+"-") && strings.HasSuffix(name, "-gpg")
		},
		instruction: Instruction{Where: sps.PageExport, Button: "Export", Expect: "a file <host name>-<time>.config; put it into the inbox of the artifacts folder"},
	}
	if page != nil {
		b.write = page.Export
	}
	return b.step(a)
}

// checkExport proves that a file is what an SPS offers as an export: a gzip archive, unless its name says that it is encrypted
// (SPS 7.5 Administration Guide, Exporting the configuration).
func checkExport(offered string, head []byte) error {
	switch {
	case len(head) == 0:
		return errors.New("the export is empty")
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		return nil
	case strings.Contains(offered, "-encrypted"), strings.Contains(offered, "-gpg"):
		if looksLikeText(head) && !bytes.HasPrefix(head, []byte("-----BEGIN PGP")) {
			return errors.New("the export is text, and no encrypted archive")
		}
		return nil
	}
	return errors.New("the export is no gzip archive, and its name does not say that it is encrypted")
}

func looksLikeText(head []byte) bool {
	return !slices.ContainsFunc(head, func(c byte) bool { return c >= 0x7f || c < ' ' && c != '\n' && c != '\r' && c != '\t' })
}

// step takes a backup by an API. What a page gives is two steps, whether a driver gets the file or a person: it is one procedure, and what the driver does not
// press the person does.
func (b backup) step(a Artifacts) Step {
	take := func(ctx context.Context, _ *slog.Logger) error {
		host, version, err := b.who(ctx)
		if err != nil {
			return err
		}
		return b.put(ctx, a, host, version, func(w io.Writer) (string, error) { return b.write(ctx, w) })
	}
	if b.instruction.Button == "" {
		s := b.stored(a, Step{Name: "backup"}, nil)
		s.Act = take
		return s
	}
	in := b.stored(a, Step{Name: "get the backup", Ask: func(*Mark) *Instruction { ins := b.instruction; return &ins }}, b.inbox(a))
	in.Limit = time.Hour
	in.Takes = 5 * time.Minute
	if b.write != nil {
		in.Act, in.Takes = take, 2*time.Minute
	}
	store := b.stored(a, Step{Name: "store the backup"}, nil)
	store.Act = func(ctx context.Context, _ *slog.Logger) error { return b.take(ctx, a) }
	return Group("backup", in, store)
}

// stored makes a step of which the effect is a fresh backup in a, or what also finds.
func (b backup) stored(a Artifacts, s Step, also func(ctx context.Context, host, version string) (Observation, bool, error)) Step {
	s.On, s.EachRun, s.Again = []string{b.on}, true, Freely
	s.With = map[string]string{"max age": spell(b.maxAge)}
	s.Every, s.Limit, s.Takes = orElse(s.Every, 10*time.Second), orElse(s.Limit, time.Hour), orElse(s.Takes, 2*time.Minute)
	s.Advice = cmp.Or(b.advice, "An export fits only the version and the appliance it came from. Without one there is no way back but the vendor's support.")
	s.Observe = func(ctx context.Context, look Look) (Observation, error) {
		host, version, err := b.who(ctx)
		switch {
		case err != nil && b.cannot != nil:
			return b.cannot(err)
		case err != nil:
			return spsCannot(err)
		}
		list, err := a.List(ctx)
		if err != nil {
			return Observation{}, err
		}
		prefix := b.prefix(host, version)
		list = slices.DeleteFunc(list, func(x Artifact) bool {
			return !strings.HasPrefix(x.Name, prefix) || !strings.HasSuffix(x.Name, b.suffix)
		})
		ev := backupEvidence{Host: host, Version: version}
		if len(list) > 0 {
			x := slices.MaxFunc(list, func(x, y Artifact) int { return x.At.Compare(y.At) })
			ev = backupEvidence{Artifact: x.Name, SHA256: x.SHA256, Size: x.Size, At: x.At, Host: host, Version: version}
			if age := time.Since(x.At); age <= b.maxAge {
				return See(Done, ev, "%s, %d bytes, %s old", x.Name, x.Size, spell(age)), nil
			}
		}
		if also != nil {
			if obs, ok, err := also(ctx, host, version); ok || err != nil {
				return obs, err
			}
		}
		if ev.Artifact != "" {
			return See(Ready, ev, "the newest backup, %s, is older than %s", ev.Artifact, spell(b.maxAge)), nil
		}
		return See(Ready, ev, "there is no backup of %s with %s", host, version), nil
	}
	return s
}

func (b backup) prefix(host, version string) string {
	return fmt.Sprintf("%s-%s-%s-", b.kind, plainName(host), plainName(version))
}

// plainName keeps what may be part of a file's name.
func plainName(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_' {
			return r
		}
		return '_'
	}, s)
}

// put stores what write writes, after its beginning was found to be a backup's.
func (b backup) put(ctx context.Context, a Artifacts, host, version string, write func(io.Writer) (string, error)) error {
	name := b.prefix(host, version) + time.Now().UTC().Format("20060102T150405Z") + b.suffix
	_, err := a.Put(ctx, name, moving(ctx, func(w io.Writer) error {
		head := &headWriter{w: w}
		offered, err := write(head)
		return cmp.Or(err, b.check(offered, head.head))
	}))
	if errors.Is(err, fs.ErrExist) {
		return nil // a backup of this very second
	}
	return err
}

// headWriter remembers the beginning of what passes.
type headWriter struct {
	w    io.Writer
	head []byte
}

func (h *headWriter) Write(p []byte) (int, error) {
	if room := 512 - len(h.head); room > 0 {
		h.head = append(h.head, p[:min(room, len(p))]...)
	}
	return h.w.Write(p)
}

// inbox finds a backup that a person handed in.
func (b backup) inbox(a Artifacts) func(ctx context.Context, host, version string) (Observation, bool, error) {
	return func(ctx context.Context, host, version string) (Observation, bool, error) {
		name, err := b.newest(ctx, a, host)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return Observation{}, false, nil
		case err != nil:
			return See(Ready, nil, "the inbox holds no backup: %s", firstLine(err)), true, nil
		}
		return See(Done, backupEvidence{Inbox: name, Host: host, Version: version}, "%s is in the inbox", name), true, nil
	}
}

// lastStored is when a backup of host was stored last, of any version.
func (b backup) lastStored(ctx context.Context, a Artifacts, host string) (at time.Time, err error) {
	list, err := a.List(ctx)
	for _, x := range list {
		if strings.HasPrefix(x.Name, fmt.Sprintf("%s-%s-", b.kind, plainName(host))) && x.At.After(at) {
			at = x.At
		}
	}
	return at, err
}

// newest returns the newest file of the inbox that is a fresh backup of host, and came after the last one that was stored: what is older was taken from there
// before, of whatever version the appliance was then.
func (b backup) newest(ctx context.Context, a Artifacts, host string) (string, error) {
	taken, err := b.lastStored(ctx, a, host)
	if err != nil {
		return "", err
	}
	entries, err := fs.ReadDir(a.Inbox(), ".")
	if err != nil {
		return "", err
	}
	var best string
	var at time.Time
	why := error(fs.ErrNotExist)
	for _, e := range entries {
		info, err := e.Info()
		switch {
		case err != nil || !e.Type().IsRegular() || !b.handedIn(e.Name(), host):
			continue
		case !info.ModTime().After(taken):
			continue
		case time.Since(info.ModTime()) > b.maxAge:
			why = fmt.Errorf("%s is older than %s", e.Name(), spell(b.maxAge))
			continue
		}
		if err := b.checkFile(a.Inbox(), e.Name()); err != nil {
			why = fmt.Errorf("%s: %w", e.Name(), err)
			continue
		}
		if best == "" || info.ModTime().After(at) {
			best, at = e.Name(), info.ModTime()
		}
	}
	if best == "" {
		return "", why
	}
	return best, nil
}

func (b backup) checkFile(inbox fs.FS, name string) error {
	f, err := inbox.Open(path.Clean(name))
	if err != nil {
		return err
	}
	defer f.Close()
	head, err := io.ReadAll(io.LimitReader(f, 512))
	return cmp.Or(err, b.check(name, head))
}

// take stores the newest handed-in backup. The file itself stays where the person put it.
func (b backup) take(ctx context.Context, a Artifacts) error {
	host, version, err := b.who(ctx)
	if err != nil {
		return err
	}
	name, err := b.newest(ctx, a, host)
	if err != nil {
		return fmt.Errorf("%w: the inbox: %w", ErrNotSent, err)
	}
	f, err := a.Inbox().Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return b.put(ctx, a, host, version, func(w io.Writer) (string, error) {
		_, err := io.Copy(w, f)
		return name, err
	})
}
