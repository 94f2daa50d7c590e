package spstest

import (
	"cmp"
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"time"
)

// upload is POST /api/upload/firmware: multipart with one part named firmware (SPS 8.0 LTS REST API Reference Guide, Uploading new firmware to SPS), or
// the image itself as the body, as the vendor's own clients send it. The image is looked at and not kept.
func (c *call) upload() {
	n := c.n
	if c.r.Header.Get("Expect") != "" {
		switch c.sw.UploadAsked {
		case "refused":
			c.w.WriteHeader(http.StatusExpectationFailed)
			return
		case "late":
			n.world.sleep(c.r.Context(), 10*time.Second)
		}
	}
	if limit := c.sw.UploadLimit; limit > 0 && c.r.ContentLength > limit {
		c.fail(http.StatusRequestEntityTooLarge, "RequestTooLarge", "the image is too large", nil)
		return
	}
	var image io.Reader = c.r.Body
	if kind, params, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type")); kind == "multipart/form-data" {
		form := multipart.NewReader(c.r.Body, params["boundary"])
		part, err := form.NextPart()
		for err == nil && part.FormName() != "firmware" {
			part, err = form.NextPart()
		}
		if err != nil {
			c.fail(http.StatusBadRequest, "IncompleteRequestBodyError", "there is no part called firmware", nil)
			return
		}
		image = part
	}
	cookie, _ := c.r.Cookie("session_id")
	check := new(imageCheck)
	renew := func() { // an upload is not inactivity
		if s := n.sessions[cookie.Value]; s != nil {
			s.last = n.world.now()
		}
	}
	if err := n.take(c.r.Context(), c.epoch, check, image, renew); err != nil {
		if errors.Is(err, errDown) {
			c.gone()
			return
		}
		panic(http.ErrAbortHandler) // the client has gone: nobody to answer
	}
	io.Copy(io.Discard, io.LimitReader(c.r.Body, 1<<20)) // the end of the form
	alive := false
	c.in(func() { alive = n.sessions[cookie.Value] != nil })
	if !alive {
		c.fail(http.StatusUnauthorized, "Unauthenticated", "the session has ended", obj{"resource": c.r.URL.Path})
		return
	}
	if !c.wait(n.installTime) {
		c.gone()
		return
	}
	var key string
	var body, meta obj
	var err error
	if !c.in(func() {
		var i int
		if i, err = n.install(check, "upload"); err != nil {
			return
		}
		key = n.slotKey(i)
		body = n.slotBody(i)
		body["after_reboot"] = n.Switches.SayAfterReboot
		meta = c.meta("/api/upload/firmware", obj{
			"slot": "/api/firmware/slots/" + key, "test": "/api/firmware/test", "upgrade": "/api/firmware/upgrade", "number_of_empty_slots": n.emptySlots(),
		})
	}) {
		c.gone()
		return
	}
	if err != nil {
		f := err.(*refusal)
		c.fail(f.status, f.typ, f.why, nil)
		return
	}
	c.json(cmp.Or(c.sw.UploadStatus, http.StatusOK), obj{"body": body, "key": key, "meta": meta})
}

var errDown = errors.New("the node went down")

// take reads an image at the speed of the node, into check. It ends when the node, which was up in epoch, goes down.
func (n *Node) take(ctx context.Context, epoch int, check *imageCheck, image io.Reader, renew func()) error {
	buf := make([]byte, 256<<10)
	for {
		m, rerr := 0, error(nil)
		for m < len(buf) && rerr == nil { // io.ReadFull would hide whether the image ended or the connection did
			var k int
			k, rerr = image.Read(buf[m:])
			m += k
		}
		check.Write(buf[:m])
		if n.spend(ctx, func() time.Duration { return n.transferTime(int64(m)) }) != nil {
			return errDown
		}
		down := false
		n.world.in(func() {
			down = n.epoch != epoch || n.world.closed
			renew()
		})
		switch {
		case down:
			return errDown
		case rerr == io.EOF:
			return nil
		case rerr != nil:
			return rerr
		}
	}
}

// refusal is why an image was not taken. Types and statuses are not documented.
type refusal struct {
	status   int
	typ, why string
}

func (r *refusal) Error() string { return r.why }

// install puts an image into the first free slot. With the lock held.
func (n *Node) install(check *imageCheck, how string) (int, error) {
	s, err := check.slot()
	if err != nil {
		return 0, &refusal{http.StatusBadRequest, "InvalidFirmwareImage", err.Error()}
	}
	if n.Switches.RefuseDuplicate && slices.ContainsFunc(n.slots, func(o slot) bool { return o.version == s.version }) {
		return 0, &refusal{http.StatusConflict, "FirmwareAlreadyUploaded", s.version + " is there already"}
	}
	i := slices.IndexFunc(n.slots, func(o slot) bool { return o.version == "" })
	if i < 0 {
		return 0, &refusal{http.StatusConflict, "NoEmptySlot", "there is no empty slot"}
	}
	n.slots[i] = s
	n.note(Upload, "%s in slot %s, by %s", s.version, n.slotKey(i), how)
	if n.pair != nil {
		n.pair.changed(n)
	}
	return i, nil
}
