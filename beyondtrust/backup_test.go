package beyondtrust_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

// nsb is n bytes that could be a backup.
func nsb(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * 7)
	}
	return b
}

func TestBackup(t *testing.T) {
	const password = "canary-p4ssword of \"mine\""
	tests := map[string]struct {
		password string
		answer   func(w http.ResponseWriter, r *http.Request)
		want     int
		err      error
		say      string
	}{
		"without a password": {"", func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet {
				t.Errorf("method %s", r.Method)
			}
			w.Write(nsb(1 << 20))
		}, 1 << 20, nil, ""},
		"with one": {password, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			if r.Method != http.MethodPost || string(body) != `{"password":"canary-p4ssword of \"mine\""}` || r.Header.Get("Content-Type") != "application/json" {
				t.Errorf("%s %s as %s", r.Method, body, r.Header.Get("Content-Type"))
			}
			w.Header().Set("Content-Type", "application/octet-stream")
			w.Write(nsb(1000))
		}, 1000, nil, ""},
		"a long text is left alone":     {"", func(w http.ResponseWriter, _ *http.Request) { w.Write(bytes.Repeat([]byte("QUJD"), 50_000)) }, 200_000, nil, ""},
		"an error text with status 200": {password, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "Invalid credentials") }, 0, beyondtrust.ErrNotABackup, "Invalid credentials"},
		"an error text with the password": {password, func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, strings.Repeat(" ", 600)+"no good: "+password)
		}, 0, beyondtrust.ErrNotABackup, "REDACTED"},
		"a page": {"", func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "\ufeff <!DOCTYPE html><title>Sign in</title>"+strings.Repeat("<p>x</p>", 20_000))
		}, 0, beyondtrust.ErrNotABackup, "Sign in"},
		"an XML error": {"", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<error>No such account</error>") }, 0, beyondtrust.ErrNotABackup, "No such account"},
		"a JSON error": {"", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
			io.WriteString(w, `{"message":"no"}`)
		}, 0, beyondtrust.ErrNotABackup, "no"},
		"nothing":        {"", func(http.ResponseWriter, *http.Request) {}, 0, beyondtrust.ErrNotABackup, "empty"},
		"nearly nothing": {"", func(w http.ResponseWriter, _ *http.Request) { w.Write(nsb(511)) }, 0, beyondtrust.ErrNotABackup, "511"},
		"no permission": {"", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(403)
			io.WriteString(w, `{"message":"no"}`)
		}, 0, beyondtrust.ErrForbidden, ""},
		"cut in its head": {"", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(1<<20))
			w.Write(nsb(1000))
			panic(http.ErrAbortHandler)
		}, 0, beyondtrust.ErrUnavailable, ""},
		"cut later": {"", func(w http.ResponseWriter, _ *http.Request) {
			w.Write(nsb(1 << 20))
			panic(http.ErrAbortHandler)
		}, -1, beyondtrust.ErrUnavailable, ""},
		"stalled": {"", func(w http.ResponseWriter, r *http.Request) {
			w.Write(nsb(1 << 20))
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, -1, beyondtrust.ErrUnavailable, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, b *box) {
				b.on("GET /api/backup", tt.answer)
				b.on("POST /api/backup", tt.answer)
				c := b.client(&beyondtrust.Options{BackupPassword: beyondtrust.NewSecret(tt.password)})
				var out bytes.Buffer
				err := c.Backup(t.Context(), &out)
				if !errors.Is(err, tt.err) {
					t.Fatalf("Backup() error = %v, want class %v", err, tt.err)
				}
				if tt.want >= 0 && out.Len() != tt.want {
					t.Errorf("Backup() wrote %d bytes, want %d", out.Len(), tt.want)
				}
				if err != nil && (!strings.Contains(err.Error(), tt.say) || strings.Contains(err.Error(), "canary")) {
					t.Errorf("error %q, want %q in it and no secret", err, tt.say)
				}
				if n := b.count("GET /api/backup") + b.count("POST /api/backup"); n != 1 {
					t.Errorf("asked %d times, want 1", n)
				}
			})
		})
	}
}

func TestBackupRenewsADeadToken(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		b.on("POST /api/backup", func(w http.ResponseWriter, r *http.Request) {
			if body, _ := io.ReadAll(r.Body); len(body) == 0 {
				t.Error("no password the second time")
			}
			w.Write(nsb(1000))
		})
		c := b.client(&beyondtrust.Options{BackupPassword: beyondtrust.NewSecret("x")})
		if _, err := c.Info(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.kill()
		if err := c.Backup(t.Context(), io.Discard); err != nil {
			t.Errorf("Backup() = %v", err)
		}
	})
}

func TestBackupToADiskThatIsFull(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		b.on("GET /api/backup", func(w http.ResponseWriter, _ *http.Request) { w.Write(nsb(1 << 20)) })
		full := errors.New("no space left on device")
		err := b.client(nil).Backup(t.Context(), writerFunc(func([]byte) (int, error) { return 0, full }))
		if !errors.Is(err, full) || errors.Is(err, beyondtrust.ErrUnavailable) {
			t.Errorf("Backup() error = %v, want the writer's own", err)
		}
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
