package transfer

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"time"
)

// LookAt is how many bytes of a file's beginning [Download.Look] is shown.
const LookAt = 64 << 10

// Download is one file to be fetched.
type Download struct {
	Method string // default GET. Nothing else is resumed
	URL    *url.URL
	Header http.Header
	Body   []byte // of the request; small
	// Prepare, if not nil, completes each request before it is sent, with a session or a token for example.
	Prepare func(*http.Request) error

	To    string // the file, which must not exist; its folder must
	Fresh bool   // neither go on with what an earlier call left, nor leave anything for a later one

	// Into, instead of To, gets the file's bytes as they come. What was written cannot be taken back: on an error it holds a part of the file, and one of which the
	// server has another by then cannot be begun anew.
	Into io.Writer

	// What is known beforehand; the file is refused when it is another. Zero values: nothing is.
	Size   int64
	SHA256 string // in hex
	// Look, if not nil, is shown the answer's header and the file's first [LookAt] bytes, or all of a shorter one, before any of it is stored. Its error refuses the file.
	Look func(h http.Header, head []byte) error
	// Prove, if not nil, looks at the file when all of it is on the disk, before it gets its name: at an archive's trailer for example. Its error refuses the file.
	// Only with To.
	Prove func(file io.ReaderAt, size int64) error

	Tries    int           // how many connections in a row may break and bring nothing before it is given up; default 4, negative: the first one that breaks ends the call
	Pause    time.Duration // before taking it up again; default 1 s, doubled for each that brought nothing, up to 30 s
	Stall    time.Duration // longest time without a byte; default [DefaultStall]
	Answer   time.Duration // longest time to the answer; default [DefaultAnswer]
	Progress func(done, total int64)
}

// Got is a file that was fetched.
type Got struct {
	Path   string // empty for one that went into a writer
	Size   int64
	SHA256 string // in hex, of what was stored
	Moved  int64  // bytes that came over the network in this call
	Breaks int    // how often the connection broke and was taken up again
	Reused int64  // bytes that an earlier call had left
}

const (
	defaultTries = 4
	longestPause = 30 * time.Second
)

// Download fetches a file: whole, compared, on the disk, and only then under its name; or not at all. Into a writer it goes as it comes, and only a connection that
// broke in the middle is taken up again.
//
// Progress, if not nil, is told how many bytes of the file are here and how many there are, -1 for not known, about every MiB and every five seconds while it moves.
//
// Errors are of class [ErrStalled], [ErrCut], [ErrNoSpace], [ErrMismatch], [ErrUnproven], [ErrBusy], [ErrChanged] for a writer that holds a part of another
// file, [fs.ErrExist] when there is such a file, a [*StatusError], what Look, Prove or the writer said, or the context's own. What had come to the disk by then is kept for the next
// call if the server named a strong validator, and removed otherwise; a file that proved to be the wrong one is always removed. With an error, Got says what was moved.
//
// [fs.ErrExist]: https://pkg.go.dev/io/fs#ErrExist
func (c *Client) Download(ctx context.Context, d Download) (Got, error) {
	op, got, err := "download", Got{}, error(nil)
	switch {
	case d.To != "":
		op += " to " + filepath.Base(d.To)
	case d.URL != nil:
		op += " of " + d.URL.Path
	}
	switch {
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case d.Into != nil:
		got, err = c.downloadInto(ctx, d)
	default:
		got, err = c.downloadTo(ctx, d)
	}
	if err != nil {
		return got, &Error{op, err}
	}
	return got, nil
}

func (c *Client) downloadInto(ctx context.Context, d Download) (got Got, err error) {
	p := newStream(d.Into)
	if err := c.take(ctx, d, p, &got); err != nil {
		return got, err
	}
	got.Size, got.SHA256 = p.at, hex.EncodeToString(p.sum.Sum(nil))
	return got, d.expected(got)
}

func (c *Client) downloadTo(ctx context.Context, d Download) (Got, error) {
	p, file, err := openPart(d.To, d.URL, d.Fresh)
	if err != nil {
		return Got{}, err
	}
	got := Got{Path: d.To, Reused: p.at}
	if err := c.take(ctx, d, p, &got); err != nil {
		return Got{Moved: got.Moved, Breaks: got.Breaks}, errors.Join(err, file.leave(p, d.Fresh))
	}
	got.Size, got.SHA256 = p.at, hex.EncodeToString(p.sum.Sum(nil))
	err = d.expected(got)
	if err == nil && d.Prove != nil {
		err = d.Prove(file.file, got.Size)
	}
	if err != nil {
		return Got{Moved: got.Moved}, errors.Join(err, file.discard(), file.close())
	}
	if err := file.finish(); err != nil {
		return Got{Moved: got.Moved}, errors.Join(full(err), file.leave(p, d.Fresh))
	}
	return got, file.close()
}

// take fetches until the file is whole, over as many connections as that needs.
func (c *Client) take(ctx context.Context, d Download, p *part, got *Got) error {
	tries, first := d.Tries, orDefault(d.Pause, defaultPause)
	if tries == 0 {
		tries = defaultTries
	}
	for vain, pause := 0, first; ; {
		a, before := &attempt{Download: d, client: c, part: p}, p.at
		err := a.run(ctx)
		got.Moved += a.moved
		if err == nil {
			return nil
		}
		if ctx.Err() != nil || tries < 0 || !a.curable || !p.resumable() && (p.at > 0 || d.Into != nil) {
			return err
		}
		if p.at > before {
			vain, pause = 0, first
		} else if vain++; vain >= tries {
			return err
		}
		got.Breaks++
		if !sleep(ctx, pause) {
			return fault(ctx, ctx, err)
		}
		pause = min(2*pause, longestPause)
	}
}

// expected compares the file with what was expected of it.
func (d Download) expected(got Got) error {
	if d.Size > 0 && got.Size != d.Size {
		return fmt.Errorf("%w: it has %d bytes, not %d", ErrMismatch, got.Size, d.Size)
	}
	if d.SHA256 != "" && !strings.EqualFold(d.SHA256, got.SHA256) {
		return fmt.Errorf("%w: its SHA-256 is %s, not %s", ErrMismatch, got.SHA256, strings.ToLower(d.SHA256))
	}
	return nil
}
