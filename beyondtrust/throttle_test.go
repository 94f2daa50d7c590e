package beyondtrust_test

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/internal/memnet"
)

func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // one account at two addresses
		b := newBox(t, &memnet.Network{}, "192.0.2.11:443", "192.0.2.12:443")
		cred := beyondtrust.NewCredential(id, beyondtrust.NewSecret(secret))
		clients := []*beyondtrust.Client{b.clientOf(cred, &beyondtrust.Options{Dial: "192.0.2.11"}), b.clientOf(cred, &beyondtrust.Options{Dial: "192.0.2.12"})}
		var wg sync.WaitGroup
		for i := range 200 {
			wg.Go(func() {
				if _, err := clients[i%2].Info(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		b.mu.Lock()
		defer b.mu.Unlock()
		for i := range b.at {
			j := i
			for j < len(b.at) && b.at[j].Sub(b.at[i]) < time.Second {
				j++
			}
			if j-i > 20 {
				t.Fatalf("%d requests in one second, want 20 at most", j-i)
			}
		}
	})
}

func TestThrottled(t *testing.T) {
	tests := map[string]struct {
		status int
		header http.Header
		wait   time.Duration
	}{
		"429 that names a time":       {429, http.Header{"Retry-After": {"7"}}, 7 * time.Second},
		"429":                         {429, nil, 30 * time.Second},
		"503 with nothing left":       {503, http.Header{"X-Ratelimit-Remaining": {"0"}}, 30 * time.Second},
		"an answer with nothing left": {200, http.Header{"X-Ratelimit-Remaining": {"0"}}, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, b *box) {
				c := b.client(nil)
				if _, err := c.Info(t.Context()); err != nil {
					t.Fatal(err)
				}
				refuse := true
				b.on("GET /api/command/v2/user", func(w http.ResponseWriter, _ *http.Request) {
					if b.mu.Lock(); refuse {
						for k, v := range tt.header {
							w.Header()[k] = v
						}
						w.WriteHeader(tt.status)
					}
					b.mu.Unlock()
					io.WriteString(w, "[]")
				})
				start := time.Now()
				time.AfterFunc(3*time.Second, func() { b.mu.Lock(); refuse = false; b.mu.Unlock() })
				if _, err := c.Users(t.Context()); err != nil {
					t.Errorf("Users() error = %v, want an answer after the pause", err)
				}
				if d := time.Since(start); d < tt.wait {
					t.Errorf("answered after %v, want %v at least", d, tt.wait)
				}
				start = time.Now()
				if _, err := c.Info(t.Context()); err != nil {
					t.Fatal(err)
				}
				if d := time.Since(start); tt.status == 200 && d < 59*time.Second {
					t.Errorf("the next request left after %v, want a minute: nothing was left", d)
				}
			})
		})
	}
}

func TestThrottledForEver(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		c := b.client(nil)
		b.json("GET /api/command/v2/user", 429, `{"message":"Too many requests"}`)
		if _, err := c.Users(t.Context()); !errors.Is(err, beyondtrust.ErrThrottled) {
			t.Errorf("Users() error = %v, want ErrThrottled", err)
		}
		b.json("POST /api/command/v2/failover-role", 429, `{"message":"Too many requests"}`)
		if _, err := c.SetFailoverRole(t.Context(), beyondtrust.RoleChange{Role: beyondtrust.RoleBackup}); !errors.Is(err, beyondtrust.ErrThrottled) {
			t.Errorf("SetFailoverRole() error = %v, want ErrThrottled", err)
		}
		if n := b.count("POST /api/command/v2/failover-role"); n != 1 {
			t.Errorf("the act was sent %d times, want 1", n)
		}
	})
}
