package praweb_test

import (
	"os"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/beyondtrust/pratest"
	"github.com/changeover-sdk/changeover/beyondtrust/praweb"
)

// counter counts what is written to it.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// A backup of any size comes whole, however the pages are made: a gibibyte in a long run.
func TestPeerSoakBackup(t *testing.T) {
	size := int64(8 << 20)
	if os.Getenv("CHANGEOVER_SOAK") != "" {
		size = 1 << 30
	}
	for _, l := range looks() {
		t.Run(l.String(), func(t *testing.T) {
			site := l.on(pratest.Single())
			site.A.BackupSize = size
			d := drive(t, site, &site.A, func(o *praweb.Options) { o.Answer = time.Minute })
			var got counter
			err := d.Pages().Software.DownloadBackup(t.Context(), &got, beyondtrust.BackupPageOptions{})
			if err != nil || int64(got) != size {
				t.Errorf("DownloadBackup() = %v, %d bytes; want %d", err, got, size)
			}
		})
	}
}
