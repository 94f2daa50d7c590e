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
	if url == "" || sum == "" && n.Switches.FetchNeedsChecksum {
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
		n.world.jobs.Add(1)
		epoch := n.epoch
		go func() {
			defer n.world.jobs.Done()
			defer stop()
			n.runFetch(ctx, f, epoch)
		}()
	}) {
		c.gone()
		return
	}
	c.json(http.StatusAccepted, out)
}

// runFetch downloads, verifies, installs.
func (n *Node) runFetch(ctx context.Context, f *fetch, epoch int) {
	end := func(status string, err error) {
		n.world.in(func() {
			if f.ended() {
				return
			}
			f.status = status
			if err != nil {
				f.why = err.Error()
			}
		})
	}
	if n.world.sleep(ctx, 2*time.Second) != nil {
		return
	}
	n.world.in(func() {
		if !f.ended() {
			f.status = "in-progress"
		}
	})
	check := new(imageCheck)
	sum, err := n.download(ctx, f.url, check)
	switch {
	case ctx.Err() != nil:
		return
	case err != nil:
		end("failed", err)
		return
	case f.sum != "" && f.sum != sum:
		end("failed", errors.New("the checksum is wrong"))
		return
	}
	if n.world.sleep(ctx, cmp.Or(n.InstallTime, 20*time.Second)) != nil {
		return
	}
	n.world.in(func() {
		if f.ended() || n.epoch != epoch {
			return
		}
		if _, err = n.install(check, "fetch"); err == nil {
			f.status = cmp.Or(n.Switches.FetchDone, "finished")
		}
	})
	if err != nil {
		end("failed", err)
	}
}

func (n *Node) download(ctx context.Context, url string, check *imageCheck) (sum string, err error) {
	if n.Downloads == nil {
		return "", errors.New("the address does not answer")
	}
	file, err := n.Downloads(ctx, url)
	if err != nil {
		return "", err
	}
	defer file.Close()
	h := sha256.New()
	buf := make([]byte, 256<<10)
	for {
		m, rerr := file.Read(buf)
		h.Write(buf[:m])
		check.Write(buf[:m])
		if n.UploadSpeed > 0 {
			if err := n.world.sleep(ctx, time.Duration(float64(m)/float64(n.UploadSpeed)*float64(time.Second))); err != nil {
				return "", err
			}
		}
		if err := ctx.Err(); err != nil {
			return "", err
		}
		if rerr == io.EOF {
			return hex.EncodeToString(h.Sum(nil)), nil
		}
		if rerr != nil {
			return "", rerr
		}
	}
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
		f.status = "cancelled"
		f.stop()
		return c.fetchBody(f)
	})
}
