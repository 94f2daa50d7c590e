package sps

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

const (
	partSuffix     = ".part"          // of a file that is not whole
	consoleCleanUp = 10 * time.Second // how long putting a mess away may take
	consoleReady   = "changeover: a shell"
)

// Upload puts the file called name in fsys onto the appliance, as the file to, and returns its size and hash. The file is streamed in constant memory and
// hashed on the way; progress, if not nil, is told the bytes that were sent and that there are, about every MiB and at the end, from another
// goroutine but never at the same time.
//
// It is whole or absent: it is written under its name with ".part" after it, with rights for its owner only, its SHA-256 is computed by the appliance and compared, and only then is
// it given its name. When anything goes wrong the part is removed, as well as a broken connection allows. A file that is there already
// and has the same hash is left, and counts as uploaded; another one is an error of class [fs.ErrExist] and is left too.
//
// Beforehand the appliance is asked for its free space, in so far as it tells. It needs a shell with cat, sha256sum, test and mv, [ErrNoShell]. An upload
// that stands still for [ConsoleOptions.Stall] is of class [ErrStalled], a wrong hash of class [ErrChecksum], and what the appliance could not write of
// class [ErrFailed], with its words.
//
// Mind which root that path has: a login by SSH does not see the core firmware's file system as its own (SPS 5.8.0 Administration Guide,
// Firmware update using SSH), and where it sees it could not be read anywhere. Files left behind may taint the firmware.
func (c *Console) Upload(ctx context.Context, fsys fs.FS, name, to string, progress func(sent, total int64)) (Image, error) {
	op := "upload " + to
	if err := remotePath(to); err != nil {
		return Image{}, c.unsent(op, &ConsoleError{Addr: c.addr, Err: err})
	}
	image, err := HashFirmware(ctx, fsys, name)
	if err != nil {
		return Image{}, c.unsent(op, &ConsoleError{Addr: c.addr, Err: err})
	}
	there, err := c.beforeUpload(ctx, op, to, image)
	if err != nil || there {
		return image, err
	}
	f, size, err := openImage(op, fsys, name)
	if err != nil {
		return Image{}, c.unsent(op, &ConsoleError{Addr: c.addr, Err: err})
	}
	defer f.Close()
	sent := &measured{r: f, sum: sha256.New(), size: size, progress: progress}
	if err := c.put(ctx, op, to, sent, image); err != nil {
		c.removePart(ctx, to)
		return Image{}, err
	}
	return image, nil
}

// remotePath refuses what is no plain path of a file.
func remotePath(p string) error {
	switch {
	case !path.IsAbs(p) || path.Clean(p) != p || p == "/":
		return fmt.Errorf("path %.200q: want the absolute path of a file", p)
	case strings.IndexFunc(p, func(r rune) bool { return visible(r) != r || r == '\n' || r == '\t' }) >= 0:
		return fmt.Errorf("path %.200q: want no control characters", p)
	}
	return nil
}

// quote makes s one word of a shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// beforeUpload looks whether there is a shell, a folder, room, and already a file.
func (c *Console) beforeUpload(ctx context.Context, op, file string, image Image) (there bool, err error) {
	out, err := c.run(ctx, op, "echo "+quote(consoleReady)+
		" && for p in cat sha256sum mv rm; do command -v $p >/dev/null || { echo \"no $p\" >&2; exit 3; }; done"+
		" && if test -e "+quote(file)+" || test -L "+quote(file)+"; then echo there; sha256sum <"+quote(file)+"; else echo absent; fi"+
		" && { test -d "+quote(path.Dir(file))+" || { echo \"no such directory\" >&2; exit 3; }; }"+
		" && { df -Pk "+quote(path.Dir(file))+" 2>/dev/null || :; }")
	_, rest, shell := strings.Cut(out.Stdout, consoleReady+"\n") // a login may say something first
	switch {
	case err != nil && (shell || !errors.Is(err, ErrFailed)):
		return false, c.unsent(op, err)
	case !shell:
		return false, c.unsent(op, &ConsoleError{Addr: c.addr, classes: []error{ErrNoShell}, Output: lastWords(out.Stdout),
			message: "the login runs no commands", Advice: "upload the image on the web interface or by the REST API"})
	}
	word, rest, _ := strings.Cut(rest, "\n")
	if word == "there" {
		if sumOf(out) == image.SHA256 {
			return true, nil
		}
		return false, c.unsent(op, &ConsoleError{Addr: c.addr, Err: fs.ErrExist, message: "there is another file of this name", Advice: "it is left as it is: look what it is, or choose another name"})
	}
	if free, known := freeSpace(rest); known && free < image.Size {
		return false, c.unsent(op, &ConsoleError{Addr: c.addr, classes: []error{ErrFailed},
			message: fmt.Sprintf("%d MiB are free in %s, the file has %d MiB", free>>20, path.Dir(file), image.Size>>20)})
	}
	return false, nil
}

// sumLine is what "sha256sum <file" prints. Not being told a name, it has none to spell in a way of its own.
var sumLine = regexp.MustCompile(`(?m)^([0-9a-f]{64})  -$`)

func sumOf(out ConsoleOutput) string {
	if m := sumLine.FindStringSubmatch(out.Stdout); m != nil {
		return m[1]
	}
	return ""
}

// freeSpace reads what "df -P -k" says: the fourth word of its second line, in KiB.
func freeSpace(df string) (free int64, known bool) {
	_, line, _ := strings.Cut(df, "\n")
	words := strings.Fields(line)
	if len(words) < 6 {
		return 0, false
	}
	kib, err := strconv.ParseInt(words[3], 10, 64)
	if err != nil || kib < 0 || kib > 1<<50 {
		return 0, false
	}
	return kib << 10, true
}

// put writes the part, proves it, and gives it its name.
func (c *Console) put(ctx context.Context, op, file string, sent *measured, image Image) error {
	part := quote(file + partSuffix)
	if err := c.pour(ctx, op, "umask 077; rm -f "+part+" && cat >"+part, sent); err != nil {
		return err
	}
	if sum, whole := sent.whole(); !whole || sum != image.SHA256 {
		return &ConsoleError{Op: op, Addr: c.addr, classes: []error{ErrChecksum}, message: "the file here changed while it was sent"}
	}
	out, err := c.run(ctx, op, "sync "+part+" && sha256sum <"+part)
	if err != nil {
		return err
	}
	if sum := sumOf(out); sum != image.SHA256 {
		return &ConsoleError{Op: op, Addr: c.addr, classes: []error{ErrChecksum},
			message: fmt.Sprintf("the appliance has SHA-256 %q, want %s", sum, image.SHA256), Advice: "what was sent did not arrive: upload it again"}
	}
	_, err = c.run(ctx, op, "mv -f "+part+" "+quote(file))
	return err
}

// pour streams r into the standard input of a command.
//
// A command that only copies cannot tell the end of the file from the end of our patience, and ends well either way: that it did proves nothing. And when it
// fails, writing fails with no more than "EOF": what it said is the cause.
func (c *Console) pour(ctx context.Context, op, command string, r *measured) error {
	l, err := c.connect(ctx)
	if err != nil {
		return c.unsent(op, err)
	}
	var stderr head
	var in io.WriteCloser
	s, err := l.session(ctx, func(s *ssh.Session) error {
		s.Stderr = &stderr
		var err error
		if in, err = s.StdinPipe(); err != nil {
			return err
		}
		return c.start(s, command)
	})
	if err != nil {
		return c.noSession(ctx, l, op, err)
	}
	copied, done := make(chan error, 1), make(chan error, 1)
	l.spawn(func() {
		_, err := io.CopyBuffer(struct{ io.Writer }{in}, r, make([]byte, 128<<10))
		if err == nil {
			err = in.Close()
		}
		copied <- err
	})
	l.spawn(func() { done <- s.Wait() })
	err, local := c.watchPour(ctx, op, r, copied, done)
	if err == nil {
		_ = s.Close()
		return nil
	}
	if local { // we do not want it any more: the command is ended, and its input with it
		l.kill(s)
		return err
	}
	_ = s.Close()
	exit, signal, known := how(err)
	if !known {
		return c.brokenOff(op, err)
	}
	return c.exited(op, exit, signal, c.scrub(stderr.text()))
}

// watchPour waits for the end of a command that is fed. Local says that its error is ours, not how the command ended.
func (c *Console) watchPour(ctx context.Context, op string, r *measured, copied, done <-chan error) (err error, local bool) {
	tick := time.NewTicker(c.opts.Stall)
	defer tick.Stop()
	var before int64
	for {
		select {
		case err := <-done:
			return err, false
		case err := <-copied:
			copied = nil
			// Everything is with the appliance, or the command has ended and will say why, or the file here could not be read.
			if err != nil && !errors.Is(err, io.EOF) {
				if e, ok := errors.AsType[*fs.PathError](err); ok {
					return &ConsoleError{Op: op, Addr: c.addr, Err: e}, true
				}
				if _, whole := r.whole(); !whole {
					return &ConsoleError{Op: op, Addr: c.addr, Err: errors.New(c.scrub(err.Error()))}, true
				}
			}
		case <-ctx.Done():
			return c.ended(ctx, op), true
		case <-tick.C:
			r.mu.Lock()
			now := r.read
			r.mu.Unlock()
			if now == before {
				return &ConsoleError{Op: op, Addr: c.addr, classes: []error{ErrStalled}, message: fmt.Sprintf("stands still at byte %d of %d for %v", now, r.size, c.opts.Stall)}, true
			}
			before = now
		}
	}
}

// removePart puts away what an upload left, over a connection that may have to be made anew. Nobody is told when it fails: there is a better error.
func (c *Console) removePart(ctx context.Context, file string) {
	brief, cancel := context.WithTimeout(context.WithoutCancel(ctx), consoleCleanUp)
	defer cancel()
	_, _ = c.run(brief, "remove "+file+partSuffix, "rm -f "+quote(file+partSuffix))
}
