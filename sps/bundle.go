package sps

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/changeover-sdk/changeover/internal/rest"
)

// SupportBundle lets the appliance make a support bundle, waits for it, writes it to w, a .tar.gz, and deletes it from the
// appliance. It is streamed in constant memory. On an error w may hold a part of it.
//
// A bundle holds logs and configuration of the appliance: keep it as you keep those.
//
// The error is of class [ErrFailed] when the appliance's job ends without success, [ErrStalled] when the download stands still,
// and [ErrBadAnswer] when what came is no .tar.gz. How long a bundle takes is the caller's to bound by ctx; the vendor's own client
// waits ten minutes. A bundle that somebody else has begun is waited for and left alone.
//
// Source: SPS 8.0 LTS REST API Reference Guide, Generating SPS support bundle using REST.
func (c *Client) SupportBundle(ctx context.Context, w io.Writer) error {
	const op, path = "make a support bundle", "/api/troubleshooting/support-bundle"
	for range 3 {
		before, err := c.jobs(ctx, op, path) // renews the session, and tells whose bundle is whose
		if err != nil {
			return notSent(op, err)
		}
		j, err := c.startJob(ctx, op, path, nil)
		if e, ok := errors.AsType[*Error](err); ok && e.Status == http.StatusConflict {
			e.Advice = "somebody else's bundle may be in the making: try again in some minutes"
		}
		if err != nil {
			return err
		}
		if before[j.key] { // somebody else's: let it be, and begin our own when it is done
			if err := c.await(ctx, j, nil); err != nil && !errors.Is(err, ErrNotFound) {
				return err
			}
			continue
		}
		defer c.forget(ctx, j)
		if err := c.await(ctx, j, nil); err != nil {
			return err
		}
		return c.download(ctx, op, j.where()+"/download", w)
	}
	return &Error{Op: op, class: ErrFailed, Message: "the appliance only answers with bundles that somebody else has begun", Advice: "try again in some minutes"}
}

// download streams a gzip file of the appliance to w. The session is fresh: the job was just looked at.
func (c *Client) download(ctx context.Context, op, path string, w io.Writer) error {
	fail := func(e *Error) error {
		e.Op, e.Method, e.Path = op, http.MethodGet, path
		return e
	}
	header := http.Header{}
	setCookie(header, c.session.cookie())
	resp, err := c.rest.Stream(ctx, rest.Transfer{Intent: rest.Read, Method: http.MethodGet, URL: c.url(path), Header: header, Stall: c.stall, Answer: c.timeout})
	if err != nil {
		return fail(&Error{Err: err})
	}
	if resp.StatusCode != http.StatusOK {
		whole, err := rest.Whole(resp)
		if err != nil {
			return fail(&Error{Status: resp.StatusCode, Err: err})
		}
		if err := decode(op, http.MethodGet, path, whole, nil, c.session.scrub()); err != nil {
			return err
		}
		return fail(&Error{Status: resp.StatusCode, class: ErrBadAnswer, Message: "no file in the answer"})
	}
	defer resp.Body.Close()
	// What is no gzip file never gets to w: a page with status 200 must not lie about as a bundle.
	head := make([]byte, len(gzipMagic))
	n, err := io.ReadFull(resp.Body, head)
	if err == io.EOF || err == io.ErrUnexpectedEOF || (err == nil && !bytes.Equal(head, gzipMagic)) {
		rest, _ := io.ReadAll(io.LimitReader(resp.Body, pageHead))
		e := &Error{Status: resp.StatusCode, class: ErrBadAnswer, Message: "what came is no .tar.gz"}
		e.Title, e.Text = c.session.scrub().Page(append(head[:n], rest...))
		return fail(e)
	}
	if err == nil {
		_, err = w.Write(head)
	}
	if err == nil {
		_, err = io.Copy(w, resp.Body) // says so when less comes than was announced
	}
	if err != nil {
		return fail(&Error{Status: resp.StatusCode, Err: fmt.Errorf("the download broke off: %w", err)})
	}
	return nil
}

var gzipMagic = []byte{0x1f, 0x8b}

// pageHead is how many bytes of a page are read to tell what it says.
const pageHead = 64 << 10
