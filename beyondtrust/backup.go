package beyondtrust

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/changeover-sdk/changeover/internal/rest"
)

const (
	backupPath = "/api/backup"
	backupMin  = 512 // bytes; the configuration of an empty site is more

	// BackupHead is how many bytes of a backup [CheckBackup] looks at, and [Client.Backup] before it hands on the first.
	BackupHead = 64 << 10
)

// Backup writes a backup of the appliance's configuration and logged data to w, under [Options.BackupPassword] if there is one. Memory does not grow with its
// size. The account needs [PermBackup].
//
// Not in it: session recordings, large files of the file store, the Vault encryption key (without which the Vault accounts in it are of no use), and the settings of
// /appliance. Restoring it is done on a page: [SoftwarePage].
//
// The status does not tell a backup from an error: a refusal has been seen with status 200. So the beginning is looked at before anything is written:
// a page, XML, JSON, a short text or a file of less than 512 bytes is an error of class [ErrNotABackup], and w is untouched. The format itself is not
// documented; the page calls the same file .nsb. When Backup returns an error after that, w holds a part: keep a backup only when the error is nil.
//
// It is a read, but not retried, as w cannot be rewound: call it again. It gives up when nothing comes for two minutes, and after half an hour without a first
// byte. Source: Backup API (Privileged Remote Access).
func (c *Client) Backup(ctx context.Context, w io.Writer) error {
	const op = "back up"
	q := call{op: op, intent: rest.Read, method: http.MethodGet, path: backupPath, accept: "*/*"}
	password, err := c.password.Reveal()
	if err != nil {
		return &Error{Op: op, Err: err}
	}
	if password != "" {
		q.method = http.MethodPost
		if q.json, err = json.Marshal(map[string]string{"password": password}); err != nil {
			return &Error{Op: op, Err: errors.New("the password cannot be sent")}
		}
	}
	if c.guid != "" {
		if err := c.prove(ctx, op); err != nil {
			return err
		}
	}
	resp, err := c.stream(ctx, q)
	if err != nil {
		return err
	}
	defer resp.Body.Close()

	head, err := io.ReadAll(io.LimitReader(resp.Body, BackupHead))
	if err != nil {
		return explainTransport(ctx, op, q.method, q.path, &rest.Response{Status: resp.StatusCode}, err)
	}
	kind, _, _ := strings.Cut(strings.ToLower(resp.Header.Get("Content-Type")), ";")
	why := CheckBackup(head)
	switch kind = strings.TrimSpace(kind); kind {
	case "text/html", "text/xml", "application/xml", "application/json":
		why = fmt.Errorf("%w: its type is %s", ErrNotABackup, kind)
	}
	if why != nil {
		title, text := c.scrubber().Page(head)
		return &Error{Op: op, Method: q.method, Path: q.path, Status: resp.StatusCode, Class: ErrNotABackup, Err: why,
			Message: shorten(strings.TrimSpace(title + " " + text))}
	}
	out := &backupWriter{w: w}
	_, err = io.Copy(out, io.MultiReader(bytes.NewReader(head), resp.Body))
	switch {
	case err == nil:
		return nil
	case out.err != nil:
		return &Error{Op: op, Err: fmt.Errorf("write it: %w", out.err)}
	}
	return explainTransport(ctx, op, q.method, q.path, &rest.Response{Status: resp.StatusCode}, err)
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
