package browser

import (
	"slices"

	"github.com/changeover-sdk/changeover/internal/redact"
)

// leastSecret is the length from which on a secret is looked for inside longer texts. A shorter one would be found in every second word.
const leastSecret = 4

// secrets are the texts that are black on screenshots and are not repeated: those of the configuration, and those that were typed or read since.
func (b *Browser) secrets() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append(slices.Clone(b.cfg.Secrets()), b.learned...)
}

// learn adds a secret.
func (b *Browser) learn(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if text == "" || slices.Contains(b.learned, text) {
		return
	}
	b.learned = append(b.learned, text)
	long := slices.DeleteFunc(append(slices.Clone(b.cfg.Secrets()), b.learned...), func(s string) bool { return len(s) < leastSecret })
	b.scrub = redact.New(long...)
}

// hide is a text without secrets.
func (b *Browser) hide(text string) string {
	b.mu.Lock()
	scrub := b.scrub
	b.mu.Unlock()
	return scrub(text)
}
