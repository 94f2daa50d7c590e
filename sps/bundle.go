package sps

import (
	"context"
	"io"
	"net/http"

	"github.com/changeover-sdk/changeover/internal/rest"
)

// SupportBundle lets the appliance make a support bundle, waits for it, writes it to w, a .tar.gz, and deletes it from the appliance. Its size is not known
// beforehand; it is streamed in constant memory. On an error w may hold a part of it.
//
// A bundle holds logs and configuration of the appliance: keep it as you keep those.
//
// Errors are of class [ErrFailed] when the appliance's job ends without success and [ErrStalled] when the download stands still. How long a bundle takes is the
// caller's to bound by ctx; the vendor's own client waits ten minutes.
//
// Source: SPS 8.0 LTS REST API Reference Guide, Generating SPS support bundle using REST.
func (c *Client) SupportBundle(ctx context.Context, w io.Writer) error {
	const op, path = "support bundle", "/api/troubleshooting/support-bundle"
	j, err := c.startJob(ctx, op, path, nil)
	if err != nil {
		return err
	}
	if err := c.await(ctx, j); err != nil {
		return err
	}
	if err := c.download(ctx, op, path+"/"+j.key+"/download", w); err != nil {
		return err
	}
	return c.forget(ctx, j)
}

// download streams a file of the appliance to w. The session is fresh: a job was just looked at.
func (c *Client) download(ctx context.Context, op, path string, w io.Writer) error {
	header := http.Header{}
	setCookie(header, c.session.cookie())
	resp, err := c.rest.Stream(ctx, rest.Transfer{Intent: rest.Read, Method: http.MethodGet, URL: c.url(path), Header: header, Stall: c.stall, Answer: c.timeout})
	if err != nil {
		return &Error{Op: op, Method: http.MethodGet, Path: path, Err: err}
	}
	if resp.StatusCode != http.StatusOK {
		whole, err := rest.Whole(resp)
		if err != nil {
			return &Error{Op: op, Method: http.MethodGet, Path: path, Status: resp.StatusCode, Err: err}
		}
		return decode(op, http.MethodGet, path, whole, nil, c.session.scrub())
	}
	defer resp.Body.Close()
	gz := &gzipOnly{w: w}
	n, err := io.Copy(gz, resp.Body)
	switch {
	case err != nil:
		return &Error{Op: op, Method: http.MethodGet, Path: path, Status: resp.StatusCode, Err: err}
	case n == 0 || !gz.seen():
		return &Error{Op: op, Method: http.MethodGet, Path: path, Status: resp.StatusCode, class: ErrBadAnswer, Message: "what came is no .tar.gz"}
	case resp.ContentLength >= 0 && n != resp.ContentLength:
		return &Error{Op: op, Method: http.MethodGet, Path: path, Status: resp.StatusCode, class: ErrBadAnswer, Message: "the download was cut off"}
	}
	return nil
}

// gzipOnly passes on what begins as a gzip file, so that a page with status 200 never lands in a bundle.
type gzipOnly struct {
	w    io.Writer
	head []byte
}

func (g *gzipOnly) seen() bool { return len(g.head) == 2 }

func (g *gzipOnly) Write(p []byte) (int, error) {
	n := len(p)
	if room := 2 - len(g.head); room > 0 {
		take := min(room, len(p))
		g.head = append(g.head, p[:take]...)
		if len(g.head) < 2 {
			return n, nil
		}
		if g.head[0] != 0x1f || g.head[1] != 0x8b {
			return 0, &Error{Op: "download", class: ErrBadAnswer, Message: "what came is no .tar.gz"}
		}
		if _, err := g.w.Write(g.head); err != nil {
			return 0, err
		}
		p = p[take:]
	}
	if _, err := g.w.Write(p); err != nil {
		return 0, err
	}
	return n, nil
}
