package sps

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"

	"github.com/changeover-sdk/changeover/internal/rest"
	"github.com/changeover-sdk/changeover/internal/transfer"
)

// SupportBundle lets the appliance make a support bundle, waits for it, writes it to w, a .tar.gz, and deletes it from the
// appliance. It is streamed in constant memory; a connection that breaks is taken up again where it broke, if the appliance can do that. On an error w may hold
// a part of it: [Client.SaveSupportBundle] leaves a whole file or none.
//
// A bundle holds logs and configuration of the appliance: keep it as you keep those.
//
// The error is of class [ErrFailed] when the appliance's job ends without success, [ErrStalled] when the download stands still,
// and [ErrBadAnswer] when what came is no .tar.gz. How long a bundle takes is the caller's to bound by ctx; the vendor's own client
// waits ten minutes. A bundle that somebody else has begun is waited for and left alone.
//
// Source: SPS 8.0 LTS REST API Reference Guide, Generating SPS support bundle using REST.
func (c *Client) SupportBundle(ctx context.Context, w io.Writer) error {
	_, err := c.bundle(ctx, transfer.Download{Into: w})
	return err
}

// Saved is a file of the appliance on our disk.
type Saved struct {
	Path   string `json:"path"`
	Size   int64  `json:"size"`   // bytes
	SHA256 string `json:"sha256"` // hex, of what is on the disk
}

// SaveSupportBundle is [Client.SupportBundle] into a file, whole or not at all: it is written to file.part in the same folder, mode 0600, hashed beside that,
// flushed to the disk, and only then called file. A file of that name is never replaced: that is an error of class [fs.ErrExist], found before
// the appliance is asked for anything. Progress, if not nil, is told the bytes that are here and that there are, -1 when the appliance does not say, about every MiB.
func (c *Client) SaveSupportBundle(ctx context.Context, file string, progress func(done, total int64)) (Saved, error) {
	if _, err := os.Lstat(file); err == nil {
		return Saved{}, notSent("make a support bundle", &fs.PathError{Op: "save to", Path: file, Err: fs.ErrExist})
	}
	// Fresh: the next bundle is another one.
	got, err := c.bundle(ctx, transfer.Download{To: file, Fresh: true, Progress: progress})
	if err != nil {
		return Saved{}, err
	}
	return Saved{Path: got.Path, Size: got.Size, SHA256: got.SHA256}, nil
}

func (c *Client) bundle(ctx context.Context, d transfer.Download) (transfer.Got, error) {
	const op, path = "make a support bundle", "/api/troubleshooting/support-bundle"
	for range 3 {
		before, err := c.jobs(ctx, op, path) // renews the session, and tells whose bundle is whose
		if err != nil {
			return transfer.Got{}, notSent(op, err)
		}
		j, err := c.startJob(ctx, op, path, nil)
		if e, ok := errors.AsType[*Error](err); ok && e.Status == http.StatusConflict {
			e.Advice = "somebody else's bundle may be in the making: try again in some minutes"
		}
		if err != nil {
			return transfer.Got{}, err
		}
		if before[j.key] { // somebody else's: let it be, and begin our own when it is done
			if err := c.await(ctx, j, nil); err != nil && !errors.Is(err, ErrNotFound) {
				return transfer.Got{}, err
			}
			continue
		}
		defer c.forget(ctx, j)
		if err := c.await(ctx, j, nil); err != nil {
			return transfer.Got{}, err
		}
		return c.download(ctx, op, j.where()+"/download", d)
	}
	return transfer.Got{}, &Error{Op: op, class: ErrFailed, Message: "the appliance only answers with bundles that somebody else has begun", Advice: "try again in some minutes"}
}

// download fetches a gzip file of the appliance into d.Into or to d.To. The session is fresh: the job was just looked at.
func (c *Client) download(ctx context.Context, op, path string, d transfer.Download) (transfer.Got, error) {
	fail := func(e *Error) error {
		e.Op, e.Method, e.Path = op, http.MethodGet, path
		return e
	}
	d.URL, d.Stall, d.Answer = c.url(path), c.stall, c.timeout
	d.Prepare = func(r *http.Request) error { setCookie(r.Header, c.session.cookie()); return nil }
	// What is no gzip file is never stored: a page with status 200 must not lie about as a bundle.
	d.Look = func(_ http.Header, head []byte) error {
		if bytes.HasPrefix(head, gzipMagic) {
			return nil
		}
		e := &Error{Status: http.StatusOK, class: ErrBadAnswer, Message: "what came is no .tar.gz"}
		e.Title, e.Text = c.session.scrub().Page(head)
		return e
	}
	got, err := c.rest.Download(ctx, d)
	if err == nil {
		return got, nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return got, fail(e)
	}
	if resp, ok := rest.Refusal(err); ok {
		if err := decode(op, http.MethodGet, path, resp, nil, c.session.scrub()); err != nil {
			return got, err
		}
		return got, fail(&Error{Status: resp.Status, class: ErrBadAnswer, Message: "no file in the answer"})
	}
	if got.Moved > 0 {
		err = fmt.Errorf("the download broke off: %w", err)
	}
	return got, fail(&Error{Err: err})
}

var gzipMagic = []byte{0x1f, 0x8b}
