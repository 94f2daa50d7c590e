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

// Download is one file to be fetched.
type Download struct {
	URL    *url.URL // asked by GET
	Header http.Header
	// Prepare, if not nil, completes each request before it is sent, with a session or a token for example.
	Prepare func(*http.Request) error

	To    string // the file, which must not exist; its folder must
	Fresh bool   // leave aside what an earlier download of the same file left

	// What is known beforehand; the file is refused when it is another. Zero values: nothing is.
	Size   int64
	SHA256 string // in hex
	// Prove, if not nil, looks at the file when all of it is on the disk, before it gets its name: at an archive's trailer for example. Its error refuses the file.
	Prove func(file io.ReaderAt, size int64) error

	Tries    int           // how many connections in a row may break and bring nothing before it is given up; default 4, negative: the first one that breaks ends the call
	Pause    time.Duration // before taking it up again; default 1 s, doubled for each that brought nothing, up to 30 s
	Stall    time.Duration // longest time without a byte; default [DefaultStall]
	Answer   time.Duration // longest time to the answer; default [DefaultAnswer]
	Progress func(done, total int64)
}

// Got is a file that was fetched.
type Got struct {
	Path   string
	Size   int64
	SHA256 string // in hex, of what is on the disk
	Moved  int64  // bytes that came over the network in this call
	Breaks int    // how often the connection broke and was taken up again
	Reused int64  // bytes that an earlier call had left
}

const (
	defaultTries = 4
	longestPause = 30 * time.Second
)

// Download fetches a file: whole, compared, on the disk, and only then under its name; or not at all.
//
// Progress, if not nil, is told how many bytes of the file are here and how many there are, -1 for not known, about every MiB.
//
// Errors are of class [ErrStalled], [ErrCut], [ErrNoSpace], [ErrMismatch], [ErrUnproven], [ErrBusy], [fs.ErrExist] when there is such a file, a
// [*StatusError], what Prove said, or the context's own. What had come by then is kept for the next call if the server named a strong validator, and removed
// otherwise; a file that proved to be the wrong one is always removed.
//
// [fs.ErrExist]: https://pkg.go.dev/io/fs#ErrExist
func (c *Client) Download(ctx context.Context, d Download) (Got, error) {
	op := "download to " + filepath.Base(d.To)
	if ctx.Err() != nil {
		return Got{}, fault(ctx, ctx, op, ctx.Err())
	}
	p, err := openPart(d.To, d.URL, d.Fresh)
	if err != nil {
		return Got{}, fmt.Errorf("transfer: %s: %w", op, err)
	}
	got := Got{Path: d.To, Reused: p.at}
	if err := c.take(ctx, op, d, p, &got); err != nil {
		return Got{Moved: got.Moved, Breaks: got.Breaks}, errors.Join(err, p.leave())
	}
	got.Size, got.SHA256 = p.at, hex.EncodeToString(p.sum.Sum(nil))
	if err := d.accept(p, got); err != nil {
		return Got{Moved: got.Moved}, errors.Join(fmt.Errorf("transfer: %s: %w", op, err), p.discard(), p.close())
	}
	if err := p.finish(); err != nil {
		return Got{Moved: got.Moved}, errors.Join(fmt.Errorf("transfer: %s: %w", op, full(err)), p.leave())
	}
	if err := p.close(); err != nil {
		return got, fmt.Errorf("transfer: %s: %w", op, err)
	}
	return got, nil
}

// take fetches until the file is whole, over as many connections as that needs.
func (c *Client) take(ctx context.Context, op string, d Download, p *part, got *Got) error {
	tries, first := d.Tries, orDefault(d.Pause, defaultPause)
	if tries == 0 {
		tries = defaultTries
	}
	for vain, pause := 0, first; ; {
		a := &attempt{Download: d, client: c, part: p, op: op}
		err := a.run(ctx)
		got.Moved += a.moved
		if err == nil {
			return nil
		}
		if ctx.Err() != nil || tries < 0 || !a.curable || !p.resumable() && p.at > 0 {
			return err
		}
		if a.moved > 0 {
			vain, pause = 0, first
		} else if vain++; vain >= tries {
			return err
		}
		got.Breaks++
		if !sleep(ctx, pause) {
			return fault(ctx, ctx, op, err)
		}
		pause = min(2*pause, longestPause)
	}
}

// accept compares the file with what was expected of it.
func (d Download) accept(p *part, got Got) error {
	if d.Size > 0 && got.Size != d.Size {
		return fmt.Errorf("%w: it has %d bytes, not %d", ErrMismatch, got.Size, d.Size)
	}
	if d.SHA256 != "" && !strings.EqualFold(d.SHA256, got.SHA256) {
		return fmt.Errorf("%w: its SHA-256 is %s, not %s", ErrMismatch, got.SHA256, strings.ToLower(d.SHA256))
	}
	if d.Prove != nil {
		return d.Prove(p.file, got.Size)
	}
	return nil
}
