package browser

import (
	"slices"
	"strings"

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

// holdsSecret tells which texts hold a secret.
func (b *Browser) holdsSecret() func(text string) bool {
	secrets := b.secrets()
	return func(text string) bool {
		return slices.ContainsFunc(secrets, func(s string) bool {
			return s != "" && (strings.TrimSpace(text) == s || len(s) >= leastSecret && strings.Contains(text, s))
		})
	}
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

// Hide is a text without secrets.
func (p *Page) Hide(text string) string { return p.b.hide(text) }

// hide is a text without secrets.
func (b *Browser) hide(text string) string {
	b.mu.Lock()
	scrub := b.scrub
	b.mu.Unlock()
	return scrub(text)
}
