package sps

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/changeover-sdk/changeover/internal/poll"
	"github.com/changeover-sdk/changeover/internal/rest"
)

// A job is something the appliance does by itself after it was asked to: a download, a support bundle.
type job struct {
	op, path string // path of the collection
	key      string
}

type wireJob struct {
	Key  lenient `json:"key"`
	Body struct {
		Status lenient `json:"status"`
		Error  lenient `json:"error"`
	} `json:"body"`
}

// Words for a job's status. The first two are the guide's (SPS 7.0 LTS REST API Reference Guide, firmware fetch); the third is what the vendor's own client
// waits for on support bundles (safeguard-ps, sessionapi.psm1). Any other word means that the job ended without success.
var jobWords = map[string]bool{"queued": false, "in-progress": false, "finished": true}

// startJob asks for a job and returns it with its key.
func (c *Client) startJob(ctx context.Context, op, path string, body any) (job, error) {
	var w wireJob
	resp, err := c.call(ctx, request{op: op, intent: rest.Act, method: http.MethodPost, path: path, body: body}, &w)
	if err != nil {
		return job{}, err
	}
	key := string(w.Key)
	if err := pathElement(op, key); err != nil {
		return job{}, &Error{Op: op, Method: http.MethodPost, Path: path, Status: resp.Status, class: ErrBadAnswer, Message: "the answer names no job"}
	}
	return job{op: op, path: path, key: key}, nil
}

// errRunning says that a job has not ended yet.
var errRunning = errors.New("the appliance still works on it")

// await polls until the job has finished. It does not cancel the job when it gives up.
func (c *Client) await(ctx context.Context, j job) error {
	return orWithin(j.op, poll.Until(ctx, poll.Every(c.poll), func(ctx context.Context) error {
		var w wireJob
		path := j.path + "/" + j.key
		resp, err := c.call(ctx, request{op: j.op, intent: rest.Read, method: http.MethodGet, path: path}, &w)
		if err != nil {
			return poll.Stop(err)
		}
		switch done, known := jobWords[strings.ToLower(string(w.Body.Status))]; {
		case done:
			return nil
		case known:
			return errRunning
		}
		scrub := c.session.scrub()
		return poll.Stop(&Error{Op: j.op, Method: http.MethodGet, Path: path, Status: resp.Status, class: ErrFailed,
			Message: scrub(strings.TrimSpace("the job ended as \"" + string(w.Body.Status) + "\" " + string(w.Body.Error)))})
	}))
}

// orWithin keeps a nil error nil, and gives one that came from waiting the operation's name.
func orWithin(op string, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	return &Error{Op: op, Err: err}
}

// forget removes a job's record from the appliance, also when ctx has ended: our own records are ours to clean up.
func (c *Client) forget(ctx context.Context, j job) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	_, err := c.call(ctx, request{op: j.op + ": clean up", intent: rest.Act, method: http.MethodDelete, path: j.path + "/" + j.key}, nil)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}
