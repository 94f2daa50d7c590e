package upgrade

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/gofrs/flock"
)

// locks are kernel locks of appliances, one each, which die with their process. The files stay: removing them would let two
// processes lock two files of one name.
type locks struct {
	dir string // empty: nothing is locked

	mu   sync.Mutex
	held map[string]*flock.Flock
}

// take locks every named appliance that is not locked yet, all or none.
func (l *locks) take(names []string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dir == "" || len(names) == 0 {
		return nil
	}
	if err := os.MkdirAll(l.dir, 0o700); err != nil {
		return fmt.Errorf("upgrade: lock folder: %w", err)
	}
	taken := map[string]*flock.Flock{}
	for _, name := range sorted(names) {
		if l.held[name] != nil {
			continue
		}
		f := flock.New(filepath.Join(l.dir, lockName(name)), flock.SetPermissions(0o600))
		ok, err := f.TryLock()
		if err == nil && !ok {
			err = fmt.Errorf("%w: another run on this machine acts on it (lock %s)", ErrLocked, f.Path())
		}
		if err != nil {
			for _, t := range taken {
				t.Close()
			}
			return fmt.Errorf("upgrade: lock appliance %q: %w", name, errors.Join(err, f.Close()))
		}
		taken[name] = f
	}
	if l.held == nil {
		l.held = map[string]*flock.Flock{}
	}
	for name, f := range taken {
		l.held[name] = f
	}
	return nil
}

func (l *locks) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.held {
		f.Close()
	}
	l.held = nil
}

// lockName makes a file name of an appliance's name; different names never share one.
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
