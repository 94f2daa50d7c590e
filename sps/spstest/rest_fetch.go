package spstest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// fetch is a download of an image by the appliance (SPS 7.0 LTS REST API Reference Guide, firmware fetch).
type fetch struct {
	key, url, sum string
	status        string // "queued" and "in-progress" are the guide's words
	why           string
	installing    bool
	stop          context.CancelFunc
}

func (f *fetch) ended() bool { return f.status != "queued" && f.status != "in-progress" }

// body is a job. Only key and status are documented; an error text is a guess.
func (c *call) fetchBody(f *fetch) obj {
	body := obj{"status": f.status, "url": f.url}
	if f.why != "" {
		body["error"] = f.why
	}
	return obj{"key": f.key, "body": body, "meta": c.meta("/api/firmware/fetch/" + f.key)}
}

func (c *call) startFetch() {
	body, ok := c.body()
	if !ok {
		return
	}
	n := c.n
	url, _ := body["url"].(string)
	sums, _ := body["checksum"].(obj)
	sum, _ := sums["sha256"].(string)
	if url == "" || sum == "" && c.sw.FetchNeedsChecksum {
		c.fail(http.StatusBadRequest, "IncompleteRequestBodyError", "url or checksum is missing", nil)
		return
	}
	var out obj
	if !c.in(func() {
		ctx, stop := context.WithCancel(n.fetching)
		f := &fetch{key: n.newKey(), url: url, sum: strings.ToLower(sum), status: "queued", stop: stop}
		n.fetches = append(n.fetches, f)
		n.note(Fetch, "%s", url)
		out = c.fetchBody(f)
		n.world.after(2*time.Second, func() { n.runFetch(ctx, f) })
	}) {
		c.gone()
		return
	}
	c.json(http.StatusAccepted, out)
}

// runFetch downloads, verifies, installs. With the lock held; what takes time happens later, what takes work in a goroutine.
func (n *Node) runFetch(ctx context.Context, f *fetch) {
	if f.ended() {
		return
	}
	f.status = "in-progress"
	epoch := n.epoch
	n.world.jobs.Add(1)
	open := n.Downloads
	go func() {
		defer n.world.jobs.Done()
		check := new(imageCheck)
		sum, err := pull(ctx, open, f.url, check)
		n.world.in(func() {
			n.world.after(n.transferTime(check.size), func() { n.fetched(f, epoch, check, sum, err) })
		})
	}()
}

// fetched is the end of a download: what is verified is installed, and no longer cancelled.
func (n *Node) fetched(f *fetch, epoch int, check *imageCheck, sum string, err error) {
	switch {
	case f.ended():
		return
	case err == nil && f.sum != "" && f.sum != sum:
		err = errors.New("the checksum is wrong")
	case n.epoch != epoch:
		err = errDown
	}
	if err != nil {
		f.status, f.why = "failed", err.Error()
		return
	}
	f.installing = true
	n.world.after(n.installTime(), func() {
		err := error(errDown)
		if n.epoch == epoch {
			_, err = n.install(check, "fetch")
		}
		if f.installing = false; err != nil {
			f.status, f.why = "failed", err.Error()
			return
		}
		f.status = cmp.Or(n.Switches.FetchDone, "finished")
	})
}

func pull(ctx context.Context, open func(context.Context, string) (File, error), url string, check *imageCheck) (sum string, err error) {
	if open == nil {
		return "", errors.New("the address does not answer")
	}
	file, err := open(ctx, url)
	if err != nil {
		return "", err
	}
	defer file.Close()
	h := sha256.New()
	buf := make([]byte, 256<<10)
	for ctx.Err() == nil {
		m, err := file.Read(buf)
		h.Write(buf[:m])
		check.Write(buf[:m])
		if err == io.EOF {
			return hex.EncodeToString(h.Sum(nil)), nil
		}
		if err != nil {
			return "", err
		}
	}
	return "", ctx.Err()
}

func (c *call) listFetches() {
	items := []obj{}
	if !c.in(func() {
		for _, f := range c.n.fetches {
			items = append(items, c.fetchBody(f))
		}
	}) {
		c.gone()
		return
	}
	c.json(http.StatusOK, obj{"items": items, "meta": c.meta("/api/firmware/fetch")})
}

func (c *call) withFetch(f func(*fetch) obj) {
	var out obj
	if !c.in(func() {
		if i := slices.IndexFunc(c.n.fetches, func(f *fetch) bool { return f.key == c.key }); i >= 0 {
			out = f(c.n.fetches[i])
		}
	}) {
		c.gone()
		return
	}
	if out == nil {
		c.fail(http.StatusNotFound, "ResourceNotFound", "no such download", obj{"resource": c.r.URL.Path})
		return
	}
	c.json(http.StatusOK, out)
}

func (c *call) getFetch() { c.withFetch(c.fetchBody) }

// deleteFetch cancels a download that runs, and forgets one that has ended.
func (c *call) deleteFetch() {
	c.withFetch(func(f *fetch) obj {
		if f.ended() {
			c.n.fetches = slices.DeleteFunc(c.n.fetches, func(o *fetch) bool { return o == f })
			return obj{"meta": c.meta("/api/firmware/fetch")}
		}
		if f.installing { // what a cancellation is answered then is not documented
			return c.fetchBody(f)
		}
		f.status = "cancelled"
		f.stop()
		return c.fetchBody(f)
	})
}
