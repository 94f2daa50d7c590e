package beyondtrust

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/changeover-sdk/changeover/internal/rest"
	"github.com/changeover-sdk/changeover/internal/transfer"
)

const (
	backupPath = "/api/backup"
	backupMin  = 512 // bytes; the configuration of an empty site is more

	// BackupHead is how many bytes of a backup [CheckBackup] looks at, and [Client.Backup] before it hands on the first.
	BackupHead = transfer.LookAt
)

// Backup writes a backup of the appliance's configuration and logged data to w, under [Options.BackupPassword] if there is one. Memory does not grow with its
// size. The account needs [PermBackup]. [Client.SaveBackup] leaves a whole file or none.
//
// Not in it: session recordings, large files of the file store, the Vault encryption key (without which the Vault accounts in it are of no use), and the settings of
// /appliance. Restoring it is done on a page: [SoftwarePage].
//
// The status does not tell a backup from an error: a refusal has been seen with status 200. So the beginning is looked at before anything is written:
// a page, XML, JSON, a short text or a file of less than 512 bytes is an error of class [ErrNotABackup], and w is untouched. The format itself is not
// documented; the page calls the same file .nsb. When Backup returns an error after that, w holds a part: keep a backup only when the error is nil.
//
// It is a read, but each one has the appliance make a backup, so it is asked for once. Where the connection breaks in the middle it is gone on with, if the appliance offers
// that (a strong validator and ranges, of which its documents say nothing) and there is no password; otherwise call it again. It gives up when nothing comes for two minutes, and after
// half an hour without a first byte. Source: Backup API (Privileged Remote Access).
func (c *Client) Backup(ctx context.Context, w io.Writer) error {
	out := &backupWriter{w: w}
	_, err := c.backup(ctx, transfer.Download{Into: out})
	if err != nil && out.err != nil {
		return &Error{Op: backupOp, Err: fmt.Errorf("write it: %w", out.err)}
	}
	return err
}

// Saved is a file of the appliance on our disk.
type Saved struct {
	Path   string `json:"path"`
	Size   int64  `json:"size"`   // bytes
	SHA256 string `json:"sha256"` // hex, of what is on the disk
}

// SaveBackup is [Client.Backup] into a file, whole or not at all: it is written to file.part in the same folder, mode 0600, hashed beside that, flushed to the
// disk, and only then called file. What an earlier call left in file.part is gone on with, also in another process, if the appliance confirms that its backup is still that one, and never
// otherwise. A file of that name is never replaced: that is an error of class [fs.ErrExist], found before the appliance is asked for anything.
// Progress, if not nil, is told the bytes that are here and that there are, -1 when the appliance does not say, about every MiB.
func (c *Client) SaveBackup(ctx context.Context, file string, progress func(done, total int64)) (Saved, error) {
	if _, err := os.Lstat(file); err == nil {
		return Saved{}, &Error{Op: backupOp, Err: &fs.PathError{Op: "save to", Path: file, Err: fs.ErrExist}}
	}
	got, err := c.backup(ctx, transfer.Download{To: file, Progress: progress})
	if err != nil {
		return Saved{}, err
	}
	return Saved{Path: got.Path, Size: got.Size, SHA256: got.SHA256}, nil
}

const backupOp = "back up"

func (c *Client) backup(ctx context.Context, d transfer.Download) (transfer.Got, error) {
	q := call{op: backupOp, intent: rest.Read, method: http.MethodGet, path: backupPath, accept: "*/*"}
	password, err := c.password.Reveal()
	if err != nil {
		return transfer.Got{}, &Error{Op: backupOp, Err: err}
	}
	if password != "" {
		q.method = http.MethodPost
		if q.json, err = json.Marshal(map[string]string{"password": password}); err != nil {
			return transfer.Got{}, &Error{Op: backupOp, Err: errors.New("the password cannot be sent")}
		}
	}
	if c.guid != "" {
		if err := c.prove(ctx, backupOp); err != nil {
			return transfer.Got{}, err
		}
	}
	d.Look = func(h http.Header, head []byte) error {
		kind, _, _ := strings.Cut(strings.ToLower(h.Get("Content-Type")), ";")
		why := CheckBackup(head)
		switch kind = strings.TrimSpace(kind); kind {
		case "text/html", "text/xml", "application/xml", "application/json":
			why = fmt.Errorf("%w: its type is %s", ErrNotABackup, kind)
		}
		if why == nil {
			return nil
		}
		title, text := c.scrubber().Page(head)
		return &Error{Op: backupOp, Method: q.method, Path: q.path, Status: http.StatusOK, Class: ErrNotABackup, Err: why,
			Message: shorten(strings.TrimSpace(title + " " + text))}
	}
	return c.fetch(ctx, q, d)
}

// backupWriter remembers whether it was the writing that failed.
type backupWriter struct {
	w   io.Writer
	err error
}

func (b *backupWriter) Write(p []byte) (int, error) {
	n, err := b.w.Write(p)
	if err != nil {
		b.err = err
	}
	return n, err
}

// CheckBackup looks at the beginning of a file, its first [BackupHead] bytes or all of a shorter one, and returns an error of class [ErrNotABackup] if it cannot be
// a backup: a page, XML, JSON, a short text, nearly nothing. The format is not documented, so nil is no promise that it can be restored.
func CheckBackup(head []byte) error {
	head = head[:min(len(head), BackupHead)]
	start := bytes.TrimSpace(bytes.TrimPrefix(head, []byte("\ufeff")))
	switch {
	case len(start) == 0:
		return fmt.Errorf("%w: it is empty", ErrNotABackup)
	case bytes.ContainsRune([]byte("<{["), rune(start[0])) && isText(start):
		return fmt.Errorf("%w: it is a page or a message", ErrNotABackup)
	case len(head) < BackupHead && isText(head):
		return fmt.Errorf("%w: it is a text", ErrNotABackup)
	case len(head) < backupMin:
		return fmt.Errorf("%w: it is only %d bytes long", ErrNotABackup, len(head))
	}
	return nil
}

// isText reports whether all of b could be printed. The last character may be cut.
func isText(b []byte) bool {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			return len(b) < utf8.UTFMax && !utf8.FullRune(b)
		}
		if !unicode.IsPrint(r) && !unicode.IsSpace(r) {
			return false
		}
		b = b[n:]
	}
	return true
}
