package beyondtrust

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/changeover-sdk/changeover/internal/redact"
)

// Credential is an API account (/login > Management > API Configuration): a client ID and a secret, and the token they are worth. A copy is
// the same account: the clients made with it share its request limits, and one token for each address they talk to. That matters, because an account
// has 30 valid tokens at most, and one more silently ends the oldest, which may be another program's.
//
// It prints without the secret and is safe for concurrent use.
type Credential struct {
	id   string
	open func(address string) *account
}

// NewCredential returns the credential of an API account.
func NewCredential(clientID string, secret Secret) Credential {
	var mu sync.Mutex
	accounts := map[string]*account{}
	var pace pacer // the limits are the account's, whether or not the appliances count together
	return Credential{id: clientID, open: func(address string) *account {
		mu.Lock()
		defer mu.Unlock()
		a := accounts[address]
		if a == nil {
			a = newAccount(clientID, secret, &pace)
			accounts[address] = a
		}
		return a
	}}
}

// ReadCredential reads a credential from the file called name: the client ID in its first line, the secret in its second. The file is read
// once; for a secret that changes while the program runs, give a [SecretFile] to [NewCredential].
func ReadCredential(name string) (Credential, error) {
	f, err := os.Open(name)
	if err != nil {
		return Credential{}, fmt.Errorf("beyondtrust: read credential: %w", err)
	}
	defer f.Close()
	var lines []string
	s := bufio.NewScanner(io.LimitReader(f, 64<<10))
	for s.Scan() {
		if line := strings.TrimSpace(s.Text()); line != "" {
			lines = append(lines, line)
		}
	}
	if s.Err() != nil || len(lines) != 2 {
		return Credential{}, fmt.Errorf("beyondtrust: read credential %s: want two lines, the client ID and the secret", name)
	}
	return NewCredential(lines[0], NewSecret(lines[1])), nil
}

// ClientID returns the account's client ID, which is not a secret.
func (c Credential) ClientID() string { return c.id }

// String names the account without its secret.
func (c Credential) String() string { return "API account " + c.id }

// GoString does what String does.
func (c Credential) GoString() string { return c.String() }

// check says what is missing, offline.
func (c Credential) check() error {
	switch {
	case c.open == nil:
		return errors.New("beyondtrust: no credential; make one with NewCredential")
	case c.id == "" || strings.ContainsAny(c.id, ":\r\n"):
		return errors.New("beyondtrust: client ID is empty or holds a colon")
	}
	return nil
}

// account is a credential at one address: its token, its pace. The secret and the token live in closures, so that printing an account in any
// way does not print them.
type account struct {
	id     string
	secret Secret
	pace   *pacer        // of the account at all addresses
	turn   chan struct{} // held by whoever asks for a token

	mu       sync.Mutex
	now      token           // the token in use
	former   []func() string // it and those before it, which an answer may still repeat
	tries    int             // how many times a token was asked for
	lastErr  error           // of the newest try
	wrong    func() string   // the secret that was refused
	wrongErr holdoff
	stale    holdoff // a token refused straight after it was made
}

func newAccount(id string, secret Secret, pace *pacer) *account {
	return &account{id: id, secret: secret, pace: pace, turn: make(chan struct{}, 1)}
}

// lock takes the turn to ask for a token.
func (a *account) lock(ctx context.Context) error {
	select {
	case a.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (a *account) unlock() { <-a.turn }

// scrubber knows what must not come back in an appliance's words.
func (a *account) scrubber(more ...string) redact.Scrubber {
	secrets := more
	if s, err := a.secret.Reveal(); err == nil {
		secrets = append(secrets, redact.Basic(a.id, s)...)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, text := range a.former {
		secrets = append(secrets, text())
	}
	return redact.New(secrets...)
}

// basic is the Authorization header of the token endpoint.
func (a *account) basic(secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(a.id+":"+secret))
}
