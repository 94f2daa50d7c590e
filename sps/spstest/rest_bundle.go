package spstest

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// bundle is a support bundle, or the job that makes it (SPS 8.0 LTS REST API Reference Guide, Generating SPS support bundle using REST).
type bundle struct {
	key  string
	done bool
	file []byte
}

// bundleKept is after how long a bundle vanishes by itself.
const bundleKept = 24 * time.Hour

func (n *Node) newKey() string {
	n.jobs++
	return fmt.Sprintf("%08x-%04d", n.jobs*2654435761&0xffffffff, n.jobs)
}

func (c *call) bundleBody(b *bundle) obj {
	// The word for the end is the one the vendor's PowerShell module waits for; the one before it is a guess.
	status := map[bool]string{true: "finished", false: "in-progress"}[b.done]
	return obj{"key": b.key, "body": obj{"status": status}, "meta": c.meta("/api/troubleshooting/support-bundle/" + b.key)}
}

func (c *call) startBundle() {
	n := c.n
	var out obj
	conflict := false
	if !c.in(func() {
		if i := slices.IndexFunc(n.bundles, func(b *bundle) bool { return !b.done }); i >= 0 {
			conflict = n.Switches.BundleTwice == "conflict"
			out = c.bundleBody(n.bundles[i])
			return
		}
		b := &bundle{key: n.newKey()}
		n.bundles = append(n.bundles, b)
		epoch := n.epoch
		n.world.after(cmp.Or(n.BundleTime, 2*time.Minute), func() {
			if n.epoch != epoch { // a reboot ends the job; what becomes of it is not documented
				n.dropBundle(b)
				return
			}
			b.done, b.file = true, n.bundleFile()
			n.world.after(bundleKept, func() { n.dropBundle(b) })
		})
		out = c.bundleBody(b)
	}) {
		c.gone()
		return
	}
	if conflict {
		c.fail(http.StatusConflict, "SupportBundleInProgress", "a support bundle is being made", nil)
		return
	}
	c.json(http.StatusAccepted, out)
}

func (n *Node) dropBundle(b *bundle) {
	n.bundles = slices.DeleteFunc(n.bundles, func(o *bundle) bool { return o == b })
}

// bundleFile is what a bundle is made of: who, what version, when, and how it was.
func (n *Node) bundleFile() []byte {
	about := fmt.Sprintf("host: %s\nversion: %s\nmade: %s\ncore files: %v\n", n.address(), n.running(), n.clock().UTC().Format(time.RFC3339), n.CoreFiles)
	return archive("support-bundle.txt", about, n.clock())
}

// archive is a .tar.gz of one file.
func archive(name, text string, at time.Time) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	t := tar.NewWriter(z)
	t.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(text)), ModTime: at})
	t.Write([]byte(text))
	t.Close()
	z.Close() // into memory: nothing of this can fail
	return out.Bytes()
}

// withBundle answers with what f makes of the bundle the path names.
func (c *call) withBundle(f func(*bundle) obj) {
	var out obj
	if !c.in(func() {
		if i := slices.IndexFunc(c.n.bundles, func(b *bundle) bool { return b.key == c.key }); i >= 0 {
			out = f(c.n.bundles[i])
		}
	}) {
		c.gone()
		return
	}
	if out == nil {
		c.fail(http.StatusNotFound, "ResourceNotFound", "no such support bundle", obj{"resource": c.r.URL.Path})
		return
	}
	c.json(http.StatusOK, out)
}

func (c *call) listBundles() {
	items := []obj{}
	if !c.in(func() {
		for _, b := range c.n.bundles {
			items = append(items, c.bundleBody(b))
		}
	}) {
		c.gone()
		return
	}
	c.json(http.StatusOK, obj{"items": items, "meta": c.meta("/api/troubleshooting/support-bundle")})
}

func (c *call) getBundle() { c.withBundle(c.bundleBody) }

func (c *call) deleteBundle() {
	c.withBundle(func(b *bundle) obj {
		c.n.dropBundle(b)
		return obj{"meta": c.meta("/api/troubleshooting/support-bundle")}
	})
}

func (c *call) downloadBundle() {
	var file []byte
	if !c.in(func() {
		for _, b := range c.n.bundles {
			if b.key == c.key && b.done {
				file = b.file
				c.n.note(Bundle, "%d bytes", len(file))
			}
		}
	}) {
		c.gone()
		return
	}
	if file == nil {
		c.fail(http.StatusNotFound, "ResourceNotFound", "no such support bundle, or not finished", obj{"resource": c.r.URL.Path})
		return
	}
	c.w.Header().Set("Content-Type", "application/gzip")
	c.w.Header().Set("Content-Disposition", `attachment; filename="support-bundle-`+c.n.name()+`.tar.gz"`)
	if c.sw.BundleRanges {
		c.w.Header().Set("ETag", `"`+c.key+`"`)
		http.ServeContent(c.w, c.r, "", time.Time{}, bytes.NewReader(file))
		return
	}
	c.w.Header().Set("Content-Length", strconv.Itoa(len(file)))
	c.w.Write(file)
}
