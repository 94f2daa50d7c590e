package sps

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"path"
	"sync"
	"time"

	"github.com/changeover-sdk/changeover/internal/rest"
	"github.com/changeover-sdk/changeover/internal/transfer"
)

// Upload is what came of an upload.
type Upload struct {
	Slot   Slot   `json:"slot"`   // where the appliance put it; the appliance chooses
	Size   int64  `json:"size"`   // bytes of the image
	SHA256 string `json:"sha256"` // of the image as it was sent, in hex
}

// keepAlive is how often the session is used during an upload: it ends after 20 minutes of inactivity (SPS 7.0.5.1 LTS REST API
// Reference Guide), and whether an upload under way counts as activity is not documented.
const keepAlive = 5 * time.Minute

// UploadFirmware uploads the image called name in fsys and returns the slot in which the appliance put it. The image is read, hashed and sent
// at the same time, with a known length and in constant memory. Progress, if not nil, is told the bytes of the image that were
// sent and that there are, about every MiB and at the end, from another goroutine but never at the same time.
//
// Before anything is sent, the session is renewed and a free slot looked for; without one the error is of class
// [ErrNoFreeSlot]. The appliance is asked before the image is sent (Expect: 100-continue), so that a refusal costs nothing. The request is sent
// once, and again only where nobody asked for a byte of the image: no connection came about, or the question itself was refused (417). An upload
// that stands still for [Options.Stall] is of class [ErrStalled], one that
// moves may take as long as it likes; a session that ended on the way is of class [ErrAuth]. After a failed upload
// nothing is lost: look at [Client.Slots] for whether the image is there all the same.
//
// Whether the image is the right one is for the caller to check, best before, with [HashFirmware], and afterwards with
// Upload.SHA256. Several uploads of one image fill several slots.
//
// Source: SPS 8.0 LTS REST API Reference Guide, Uploading new firmware to SPS.
func (c *Client) UploadFirmware(ctx context.Context, fsys fs.FS, name string, progress func(sent, total int64)) (Upload, error) {
	const where = "/api/upload/firmware"
	op := "upload firmware image " + path.Base(name)
	f, size, err := openImage(op, fsys, name)
	if err != nil {
		return Upload{}, notSent(op, err)
	}
	f.Close() // each attempt opens it anew
	if _, err := c.freeSlots(ctx, op); err != nil {
		return Upload{}, err
	}
	image, kind := transfer.Multipart(transfer.Source{Size: size, Open: func() (io.ReadCloser, error) { return fsys.Open(name) }}, "firmware", path.Base(name))
	resp, sent, err := c.upload(ctx, transfer.Upload{
		Method: http.MethodPost, URL: c.url(where), Header: http.Header{"Accept": {"application/json"}, "Content-Type": {kind}}, Source: image,
		Again: c.retries, Stall: c.stall, Answer: c.act, Progress: progress,
	})
	if err != nil {
		e := &Error{Op: op, Method: http.MethodPost, Path: where, Err: err, class: badAnswer(err)}
		if ctx.Err() == nil && errors.Is(err, rest.ErrCut) && !c.alive(ctx) {
			e.class, e.Advice = ErrAuth, sessionEnded
		}
		return Upload{}, e
	}
	var w wireSlot
	if err := decode(op, http.MethodPost, where, resp, &w, c.session.scrub()); err != nil {
		if e, ok := errors.AsType[*Error](err); ok && e.Status == http.StatusUnauthorized {
			e.Advice = sessionEnded
		}
		return Upload{}, err
	}
	if !sent.Whole {
		return Upload{}, &Error{Op: op, Method: http.MethodPost, Path: where, Status: resp.Status, class: ErrBadAnswer,
			Message: "the appliance answered before it had the whole image", Advice: "look at " + PageFirmwares}
	}
	if w.Key == "" {
		return Upload{}, &Error{Op: op, Method: http.MethodPost, Path: where, Status: resp.Status, class: ErrBadAnswer,
			Message: "the answer names no slot", Advice: "look at " + PageFirmwares}
	}
	// What the answer says of the slot's state is contradictory in the guide: ask the slot.
	slot, err := c.Slot(ctx, string(w.Key))
	if err != nil {
		e := within(op, err)
		e.Advice = "the appliance took the image into slot " + c.session.scrub()(string(w.Key)) + ", but that slot could not be read: look at " + PageFirmwares
		return Upload{}, e
	}
	return Upload{Slot: slot, Size: size, SHA256: sent.SHA256}, nil
}

const sessionEnded = "the session ended during the upload, nothing else did: upload the image again"

// upload sends the file with the session's cookie and uses the session meanwhile, so that it does not end for inactivity.
func (c *Client) upload(ctx context.Context, u transfer.Upload) (*rest.Response, *transfer.Sent, error) {
	setCookie(u.Header, c.session.cookie())
	beat, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-beat.Done():
				return
			case <-time.After(keepAlive):
				c.alive(beat)
			}
		}
	})
	defer wg.Wait()
	defer stop()
	return c.rest.Upload(ctx, u)
}
