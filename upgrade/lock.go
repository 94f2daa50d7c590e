package upgrade

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gofrs/flock"
)

// lockAppliances takes one kernel lock for every appliance the procedure touches, and returns how to give them up. The files
// stay: removing them would let two processes lock two files of one name.
func lockAppliances(dir string, t *tree) (func(), error) {
	names := map[string]bool{}
	for _, n := range t.leaves {
		for _, a := range n.On {
			names[a] = true
		}
	}
	if dir == "" || len(names) == 0 {
		return func() {}, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("upgrade: lock folder: %w", err)
	}
	var held []*flock.Flock
	release := func() {
		for _, l := range held {
			l.Close()
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		l := flock.New(filepath.Join(dir, lockName(name)), flock.SetPermissions(0o600))
		ok, err := l.TryLock()
		if err == nil && !ok {
			err = fmt.Errorf("%w: another run on this machine acts on it (lock %s)", ErrLocked, l.Path())
		}
		if err != nil {
			release()
			return nil, fmt.Errorf("upgrade: lock appliance %q: %w", name, errors.Join(err, l.Close()))
		}
		held = append(held, l)
	}
	return release, nil
}

// lockName makes a file name of an appliance's name: readable, and different for different names.
func lockName(appliance string) string {
	safe := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '-':
			return r
		}
		return '_'
	}, appliance)
	if safe != appliance || len(safe) > 100 {
		sum := sha256.Sum256([]byte(appliance))
		safe = safe[:min(len(safe), 80)] + "-" + hex.EncodeToString(sum[:6])
	}
	return "appliance-" + safe + ".lock"
}
