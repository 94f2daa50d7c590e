package nat

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/changeover-sdk/changeover/failover"
)

// Persist writes the running elements of map and set to the boot file: a temporary file beside it, fsync, rename, fsync of the folder. All sites of the map are in it, so several programs
// may share one file; what changes while it is written is written again.
//
// Without a boot file it returns an error of class failover.ErrRefused that says how long the swing lasts.
func (n *NFTables) Persist(ctx context.Context) error {
	if ctx.Err() != nil {
		return n.fail("persist", context.Cause(ctx))
	}
	if n.o.BootFile == "" {
		return n.fail("persist", fmt.Errorf("%w: there is no boot file, so the swing lasts until the rules are loaded again", failover.ErrRefused))
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	var written map[netip.Addr]entry
	for range 5 {
		now, err := n.entries()
		if err != nil {
			return n.fail("persist", err)
		}
		if written != nil && reflect.DeepEqual(now, written) {
			return nil
		}
		if err := replaceFile(n.o.BootFile, n.bootText(now)); err != nil {
			return n.fail("persist", err)
		}
		written = now
	}
	return n.fail("persist", errors.New("the map changes all the time"))
}

// Persisted compares what the boot file says of this site with what runs. Other sites of the map are not looked at.
func (n *NFTables) Persisted(ctx context.Context) (bool, error) {
	if ctx.Err() != nil {
		return false, n.fail("read the boot file", context.Cause(ctx))
	}
	if n.o.BootFile == "" {
		return false, n.fail("read the boot file", fmt.Errorf("%w: there is none", failover.ErrRefused))
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	now, err := n.entries()
	if err != nil {
		return false, n.fail("read the boot file", err)
	}
	text, err := os.ReadFile(n.o.BootFile)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, n.fail("read the boot file", err)
	}
	return slices.Equal(n.ofSite(string(text)), n.ofSite(n.bootText(now))), nil
}

// ofSite returns the commands of a boot file that are about this site.
func (n *NFTables) ofSite(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		if strings.Contains(line, "{ "+n.site.String()+" ") {
			out = append(out, strings.TrimSpace(line))
		}
	}
	return out
}

// bootText returns the nft commands that bring map and set to these entries. They replace what is there, in one transaction when the file is loaded.
func (n *NFTables) bootText(entries map[netip.Addr]entry) string {
	var b strings.Builder
	where := n.o.Family + " " + n.o.Table + " "
	fmt.Fprintf(&b, "# Where the sites lead, as of the last swing. Include this after the table itself.\nflush map %s%s\nflush set %s%s\n", where, n.o.Map, where, n.o.Owner)
	for _, site := range slices.SortedFunc(maps.Keys(entries), netip.Addr.Compare) {
		e := entries[site]
		if e.target.IsValid() {
			fmt.Fprintf(&b, "add element %s%s { %v : %v }\n", where, n.o.Map, site, e.target)
		}
		for _, o := range e.owners {
			fmt.Fprintf(&b, "add element %s%s { %v . %v }\n", where, n.o.Owner, site, o)
		}
	}
	return b.String()
}

// replaceFile puts a file in place whole or not at all.
func replaceFile(name, text string) (err error) {
	dir := filepath.Dir(name)
	f, err := os.CreateTemp(dir, "."+filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	if _, err = f.WriteString(text); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), name); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
