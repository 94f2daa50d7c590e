package beyondtrust_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/internal/memnet"
)

// bubble runs a test in a bubble with one appliance at the site's name.
func bubble(t *testing.T, f func(t *testing.T, b *box)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f(t, newBox(t, &memnet.Network{}, site+":443"))
	})
}

func TestOneTokenForAllCalls(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		cred := beyondtrust.NewCredential(id, beyondtrust.NewSecret(secret))
		b.tokenHit = func() { time.Sleep(time.Second) } // long enough for everybody to want one
		clients := []*beyondtrust.Client{b.clientOf(cred, nil), b.clientOf(cred, nil)}
		var wg sync.WaitGroup
		for i := range 30 {
			wg.Go(func() {
				if _, err := clients[i%2].Info(t.Context()); err != nil {
					t.Errorf("Info() error = %v", err)
				}
			})
		}
		wg.Wait()
		if b.minted != 1 {
			t.Errorf("30 calls of two clients made %d tokens, want 1", b.minted)
		}
	})
}

func TestTokenFailureIsShared(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		b.on("POST /oauth2/token", func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(time.Second)
			w.WriteHeader(http.StatusInternalServerError)
		})
		c := b.client(nil)
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if _, err := c.Info(t.Context()); !errors.Is(err, beyondtrust.ErrUnavailable) {
					t.Errorf("Info() error = %v, want ErrUnavailable", err)
				}
			})
		}
		wg.Wait()
		if n := b.count("POST /oauth2/token"); n != 1 {
			t.Errorf("20 calls at once asked for a token %d times, want 1", n)
		}
	})
}

func TestTokenRenewedBeforeItEnds(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		c := b.client(nil)
		for range 60 { // two hours, a call every two minutes
			if _, err := c.Info(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Minute)
		}
		if b.minted != 3 {
			t.Errorf("two hours took %d tokens, want 3", b.minted)
		}
		if n := b.count("GET "); n != 61 { // 60 and the one that found v2: none was refused
			t.Errorf("%d requests, want 61", n)
		}
	})
}

func TestTokenInUseOutlivesAFailedRenewal(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		c := b.client(nil)
		if _, err := c.Info(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(55 * time.Minute)
		b.text("POST /oauth2/token", 503, "text/html", "busy")
		if _, err := c.Info(t.Context()); err != nil {
			t.Errorf("Info() with five minutes left and no new token: %v", err)
		}
		time.Sleep(5 * time.Minute)
		if _, err := c.Info(t.Context()); !errors.Is(err, beyondtrust.ErrUnavailable) {
			t.Errorf("Info() after the end: %v, want ErrUnavailable", err)
		}
	})
}

func TestDeadToken(t *testing.T) {
	tests := map[string]func(b *box){
		"revoked": func(b *box) { b.kill() },
		"evicted by a thirty-first": func(b *box) {
			b.mu.Lock()
			defer b.mu.Unlock()
			for range 30 {
				b.tokens = append(b.tokens, "another program's")
			}
			b.tokens = b.tokens[len(b.tokens)-30:]
		},
	}
	for name, die := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, b *box) {
				c := b.client(nil)
				if _, err := c.Info(t.Context()); err != nil {
					t.Fatal(err)
				}
				die(b)
				if _, err := c.Info(t.Context()); err != nil {
					t.Errorf("Info() with a dead token: %v, want a new token and an answer", err)
				}
				if b.minted != 2 {
					t.Errorf("%d tokens, want 2", b.minted)
				}
			})
		})
	}
}

func TestDeadTokenIsReplacedOnceForAll(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		c := b.client(nil)
		if _, err := c.Info(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.kill()
		var late atomic.Int64
		b.refuse = func() { time.Sleep(time.Duration(late.Add(1)) * time.Second) } // each refusal comes after the one before has been cured
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				if _, err := c.Info(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if b.minted != 2 {
			t.Errorf("ten calls with one dead token took %d tokens, want 2", b.minted)
		}
	})
}

func TestTokenRefusedTwice(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		c := b.client(nil)
		if _, err := c.Info(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.json("GET /api/command/v2/info", 401, `{"error":"access_denied","message":"no"}`)
		for range 5 {
			_, err := c.Info(t.Context())
			e, ok := errors.AsType[*beyondtrust.Error](err)
			if !ok || !errors.Is(err, beyondtrust.ErrUnauthorized) {
				t.Fatalf("Info() error = %v, want ErrUnauthorized", err)
			}
			if e.Code != "access_denied" && !strings.Contains(err.Error(), "access_denied") {
				t.Errorf("error %v does not say access_denied", err)
			}
		}
		if b.minted != 2 {
			t.Errorf("five refused calls made %d tokens, want 2: each would end another program's", b.minted)
		}
		b.json("GET /api/command/v2/info", 200, infoV2)
		time.Sleep(31 * time.Second)
		if _, err := c.Info(t.Context()); err != nil {
			t.Errorf("Info() half a minute later: %v", err)
		}
	})
}

func TestUnknownParameterIsNotADeadToken(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		c := b.client(nil)
		b.json("GET /api/config/v1/jumpoint", 401, `{"message":"Unknown parameter: per_page"}`)
		var last error
		for _, err := range c.Jumpoints(t.Context()) {
			last = err
		}
		e, ok := errors.AsType[*beyondtrust.Error](last)
		if !ok || !errors.Is(last, beyondtrust.ErrRefused) || errors.Is(last, beyondtrust.ErrUnauthorized) {
			t.Fatalf("error = %v, want ErrRefused", last)
		}
		if e.Message != "Unknown parameter: per_page" {
			t.Errorf("message = %q", e.Message)
		}
		if b.minted != 1 || b.count("GET /api/config") != 1 {
			t.Errorf("%d tokens and %d requests, want 1 and 1", b.minted, b.count("GET /api/config"))
		}
	})
}

func TestWrongSecret(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		now := "wrong-canary-secret"
		cred := beyondtrust.NewCredential(id, beyondtrust.SecretFile(t.TempDir()+"/none"))
		if _, err := b.clientOf(cred, nil).Info(t.Context()); !errors.Is(err, beyondtrust.ErrBadCredential) {
			t.Errorf("no secret file: %v, want ErrBadCredential", err)
		}
		cred = beyondtrust.NewCredential(id, beyondtrust.NewSecret(now))
		c := b.clientOf(cred, nil)
		for range 10 {
			_, err := c.Info(t.Context())
			if !errors.Is(err, beyondtrust.ErrBadCredential) {
				t.Fatalf("Info() error = %v, want ErrBadCredential", err)
			}
			if strings.Contains(err.Error(), now) {
				t.Errorf("the error holds the secret: %v", err)
			}
			if !strings.Contains(err.Error(), "API Configuration") {
				t.Errorf("the error does not say where to look: %v", err)
			}
		}
		if n := b.count("POST /oauth2/token"); n != 1 {
			t.Errorf("a wrong secret was tried %d times within a minute, want 1: it locks the account", n)
		}
		time.Sleep(beyondtrust.CredentialHold)
		b.mu.Lock()
		b.secret = now // somebody put it right
		b.mu.Unlock()
		if _, err := c.Info(t.Context()); err != nil {
			t.Errorf("Info() a minute later: %v", err)
		}
	})
}

func TestSecretFileExchanged(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		name := t.TempDir() + "/secret"
		write(t, name, "old\n")
		c := b.clientOf(beyondtrust.NewCredential(id, beyondtrust.SecretFile(name)), nil)
		if _, err := c.Info(t.Context()); !errors.Is(err, beyondtrust.ErrBadCredential) {
			t.Fatalf("Info() error = %v, want ErrBadCredential", err)
		}
		write(t, name, secret+"\n")
		if _, err := c.Info(t.Context()); err != nil {
			t.Errorf("Info() with the right secret, seconds later: %v", err)
		}
	})
}

func TestActIsNotSentAgainForADeadToken(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		c := b.client(nil)
		b.json("POST /api/command/v2/failover-role", 401, `{"error":"access_denied","message":"no"}`)
		_, err := c.SetFailoverRole(t.Context(), beyondtrust.RoleChange{Role: beyondtrust.RoleBackup})
		if !errors.Is(err, beyondtrust.ErrUnauthorized) || errors.Is(err, beyondtrust.ErrNotSent) {
			t.Errorf("SetFailoverRole() error = %v, want ErrUnauthorized and not ErrNotSent", err)
		}
		if n := b.count("POST /api/command/v2/failover-role"); n != 1 {
			t.Errorf("the act was sent %d times, want 1", n)
		}
		b.json("POST /api/command/v2/failover-role", 200, `{"message":"Successfully changed role."}`)
		b.kill() // a token that died before the act is renewed by the question who answers
		if _, err := c.SetFailoverRole(t.Context(), beyondtrust.RoleChange{Role: beyondtrust.RoleBackup}); err != nil {
			t.Errorf("SetFailoverRole() after the token died: %v", err)
		}
	})
}

func TestCancelledWhileWaitingForAToken(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		b.tokenHit = func() { time.Sleep(30 * time.Second) }
		c := b.client(nil)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := c.Info(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("first: %v, want context.Canceled", err)
			}
		})
		synctest.Wait()
		wg.Go(func() {
			if _, err := c.Info(t.Context()); err != nil {
				t.Errorf("second: %v; the first one's end is not its own", err)
			}
		})
		time.Sleep(time.Second)
		cancel()
		wg.Wait()
	})
}

func TestRefusedTokenWithoutAnAccountIsNotRead(t *testing.T) {
	tests := map[string]struct{ kind, body string }{
		"HTML":              {"text/html", "<html><form><input name=login></form></html>"},
		"half an object":    {"application/json", `{"access_token":"canary-t0ken","token_ty`},
		"no token":          {"application/json", `{"token_type":"Bearer","expires_in":3600}`},
		"a strange type":    {"application/json", `{"access_token":"canary-t0ken","token_type":"mac","expires_in":3600}`},
		"unfit for headers": {"application/json", `{"access_token":"canary-t0ken\r\nX: y","token_type":"Bearer","expires_in":3600}`},
		"over-long":         {"application/json", `{"access_token":"` + strings.Repeat("canary-t0ken", 10000) + `","token_type":"Bearer"}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, b *box) {
				b.text("POST /oauth2/token", 200, tt.kind, tt.body)
				_, err := b.client(nil).Info(t.Context())
				if !errors.Is(err, beyondtrust.ErrAnswer) {
					t.Errorf("Info() error = %v, want ErrAnswer", err)
				}
				if err != nil && strings.Contains(err.Error(), "canary-t0ken") {
					t.Errorf("the error holds the token: %v", err)
				}
			})
		})
	}
}
