package sps

import (
	"context"
	"errors"
	"log/slog"
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

func (j job) where() string { return j.path + "/" + j.key }

type wireJob struct {
	Key  lenient `json:"key"`
	Body struct {
		Status lenient `json:"status"`
		Error  lenient `json:"error"`
	} `json:"body"`
}

// What a job may say of itself. Literal in the guide are queued and in-progress (SPS 7.0 LTS REST API Reference Guide, firmware fetch), and in
// the vendor's own client finished, of support bundles (safeguard-ps, sessionapi.psm1). That a job may fail or be cancelled is
// in the guide, its spelling is not. Any other word means neither, see await.
const jobFinished = "finished"

var (
	jobRuns = map[string]bool{"queued": true, "in-progress": true}
	jobEnds = map[string]bool{"failed": true, "cancelled": true, "canceled": true, "error": true}
)

// errRunning is why a job has not ended yet.
var errRunning = errors.New("the appliance still works on it")

// startJob asks for a job and returns it with its key.
func (c *Client) startJob(ctx context.Context, op, path string, body any) (job, error) {
	var w wireJob
	resp, err := c.call(ctx, request{op: op, intent: rest.Act, method: http.MethodPost, path: path, body: body}, &w)
	if err != nil {
		return job{}, err
	}
	key := string(w.Key)
	if pathElement(op, key) != nil {
		return job{}, &Error{Op: op, Method: http.MethodPost, Path: path, Status: resp.Status, class: ErrBadAnswer, Message: "the answer names no job"}
	}
	return job{op: op, path: path, key: key}, nil
}

// jobs lists the keys of a collection of jobs.
func (c *Client) jobs(ctx context.Context, op, path string) (map[string]bool, error) {
	keys := map[string]bool{}
	err := c.list(ctx, op, path, func() any { return new(wireJob) }, func(item any) error {
		keys[string(item.(*wireJob).Key)] = true
		return nil
	})
	return keys, err
}

// await polls until the job has finished. A failing connection is waited out like any other "not yet"; ctx bounds the
// whole. A word that nobody knows is no success: done, if not nil, is asked whether the job's effect is there all the same,
// and a job that says nothing else for as long as [Options.Act] counts as failed. The job is not cancelled.
func (c *Client) await(ctx context.Context, j job, done func(context.Context) bool) error {
	var odd string
	var since time.Time
	err := poll.Until(ctx, poll.Every(c.poll), func(ctx context.Context) error {
		var w wireJob
		resp, err := c.call(ctx, request{op: j.op, intent: rest.Read, method: http.MethodGet, path: j.where()}, &w)
		if errors.Is(err, ErrNotReady) || (err != nil && ctx.Err() != nil) {
			return err
		}
		if err != nil {
			return poll.Stop(err)
		}
		scrub := c.session.scrub()
		word := strings.ToLower(strings.TrimSpace(string(w.Body.Status)))
		failed := &Error{Op: j.op, Method: http.MethodGet, Path: j.where(), Status: resp.Status, class: ErrFailed,
			Message: scrub(strings.TrimSpace("the job ended as \"" + word + "\" " + string(w.Body.Error)))}
		switch {
		case word == jobFinished:
			return nil
		case jobRuns[word]:
			odd = ""
			return errRunning
		case jobEnds[word]:
			return poll.Stop(failed)
		case done != nil && done(ctx):
			return nil
		case word != odd || since.IsZero():
			odd, since = word, time.Now()
		case time.Since(since) >= c.act:
			failed.Message = scrub("the job says \"" + word + "\", which is not known to be good")
			return poll.Stop(failed)
		}
		return errors.New("the job says \"" + scrub(word) + "\"")
	})
	if err == nil {
		return nil
	}
	if gaveUp, ok := errors.AsType[*poll.GaveUpError](err); ok {
		return &Error{Op: j.op, Err: gaveUp}
	}
	return err
}

// cleanUp is how long tidying up may take once the caller's time is over.
const cleanUp = 30 * time.Second

// forget removes a job from the appliance, also when ctx has ended: our own records are ours to clean up. A job that still runs is
// cancelled by the first deletion and forgotten by the second (SPS 7.0 LTS REST API Reference Guide, firmware fetch). What cannot be removed
// is logged: it does not change what the job has done.
func (c *Client) forget(ctx context.Context, j job) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUp)
	defer cancel()
	op := j.op + ": clean up"
	var err error
	for range 2 {
		if _, err = c.call(ctx, request{op: op, intent: rest.Act, method: http.MethodDelete, path: j.where()}, nil); err != nil {
			break
		}
		if _, err = c.call(ctx, request{op: op, intent: rest.Read, method: http.MethodGet, path: j.where()}, nil); err != nil {
			break
		}
	}
	if !errors.Is(err, ErrNotFound) {
		c.log.LogAttrs(ctx, slog.LevelWarn, "the appliance keeps the record of a job", slog.String("path", j.where()))
	}
}
