package praweb_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
	"github.com/changeover-sdk/changeover/beyondtrust/praweb"
	"github.com/changeover-sdk/changeover/internal/browser/browsertest"
)

// delivery is a package of the update server as a file on disk would be.
type delivery struct {
	site *pratest.Site
	guid string
}

func (d delivery) Open(name string) (fs.File, error) {
	r, _, err := d.site.PackageFile(name, d.guid)
	return open{r}, err
}

type open struct{ io.Reader }

func (open) Stat() (fs.FileInfo, error) { return nil, fs.ErrInvalid }
func (open) Close() error               { return nil }

// A backup of 1 GiB comes, and an image of 1 GiB goes, through the pages in constant memory: of the driver and of the simulator together.
func TestPeerGigabyte(t *testing.T) {
	const size = gigabyte
	const image = "Base Software 7.0.0"
	site := pratest.Single()
	site.A.BackupSize, site.Offers = size, []pratest.Package{{Name: image, Size: size}}
	p := drive(t, site, &site.A, func(o *praweb.Options) { o.Patience, o.Answer = 20*time.Second, 5*time.Minute }).Pages()
	if _, err := p.Software.Version(t.Context()); err != nil { // what is there once, a signed-in browser, is no part of it
		t.Fatal(err)
	}
	browsertest.Peak(t)
	before := browsertest.Peak(t)

	sum, head := sha256.New(), &beginning{most: 64 << 10}
	if err := p.Software.DownloadBackup(t.Context(), io.MultiWriter(sum, head), beyondtrust.BackupPageOptions{}); err != nil {
		t.Fatal(err)
	}
	downloaded := browsertest.Peak(t)
	if want := backupSum(head.b.Bytes(), size); hex.EncodeToString(sum.Sum(nil)) != want {
		t.Errorf("the backup arrived with the hash %x, want %s", sum.Sum(nil), want)
	}

	browsertest.Peak(t)
	if err := p.Updates.UpdateSoftware(t.Context(), delivery{site, site.A.GUID}, image); err != nil {
		t.Fatal(err)
	}
	uploaded := browsertest.Peak(t)
	accepted := 0 // only with the hash that stands at its end
	for _, e := range site.Record() {
		if e.What == pratest.Upload && strings.Contains(e.Detail, image) {
			accepted++
		}
	}
	if accepted != 1 {
		t.Errorf("the image was accepted %d times, want once: %v", accepted, site.Record())
	}
	t.Logf("memory above %d MiB: download +%d MiB, upload +%d MiB", before>>20, (downloaded-before)>>20, (uploaded-before)>>20)
	if most := max(downloaded, uploaded) - before; most >= 32<<20 {
		t.Errorf("1 GiB took %d MiB of memory, want less than 32", most>>20)
	}
}

// beginning keeps the first bytes of what is written.
type beginning struct {
	b    bytes.Buffer
	most int
}

func (w *beginning) Write(p []byte) (int, error) {
	w.b.Write(p[:min(len(p), w.most-w.b.Len())])
	return len(p), nil
}

// backupSum is the hash of a simulated backup of a size: two lines that differ each time, and a filling.
func backupSum(head []byte, size int64) string {
	h := sha256.New()
	first := bytes.IndexByte(head, '\n') + 1
	end := first + bytes.IndexByte(head[first:], '\n') + 1
	h.Write(head[:end])
	filling := bytes.Repeat([]byte("x"), 1<<20)
	for left := size - int64(end); left > 0; left -= int64(len(filling)) {
		h.Write(filling[:min(left, int64(len(filling)))])
	}
	return hex.EncodeToString(h.Sum(nil))
}
