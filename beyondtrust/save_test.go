package beyondtrust_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

// A backup on the disk is whole or not there; what breaks is gone on with where the appliance offers that.
func TestSaveBackup(t *testing.T) {
	data := nsb(3 << 20)
	cut := func(tag string) http.HandlerFunc { // the first answer breaks in the middle
		first := true
		return func(w http.ResponseWriter, r *http.Request) {
			if tag != "" {
				w.Header().Set("ETag", tag)
			}
			if first {
				first = false
				w.Header().Set("Content-Length", strconv.Itoa(len(data)))
				w.Write(data[:2<<20])
				panic(http.ErrAbortHandler)
			}
			if tag != "" && r.Header.Get("If-Range") != tag {
				t.Errorf("If-Range is %q", r.Header.Get("If-Range"))
			}
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
		}
	}
	tests := map[string]struct {
		answer   http.HandlerFunc
		password string
		class    error
		asked    int
	}{
		"whole":                     {answer: func(w http.ResponseWriter, _ *http.Request) { w.Write(data) }, asked: 1},
		"cut, with a validator":     {answer: cut(`"v1"`), asked: 2},
		"cut, without":              {answer: cut(""), class: beyondtrust.ErrUnavailable, asked: 1},
		"cut, with a password":      {answer: cut(`"v1"`), password: "x", class: beyondtrust.ErrUnavailable, asked: 1},
		"a page":                    {answer: func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<html>no")) }, class: beyondtrust.ErrNotABackup, asked: 1},
		"where it ends is not said": {answer: endless(data), class: beyondtrust.ErrUnavailable, asked: 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, b *box) {
				b.on("GET /api/backup", tt.answer)
				b.on("POST /api/backup", tt.answer)
				dir := t.TempDir()
				to := filepath.Join(dir, "a.nsb")
				var told int64
				got, err := b.client(&beyondtrust.Options{BackupPassword: beyondtrust.NewSecret(tt.password)}).SaveBackup(t.Context(), to, func(done, _ int64) { told = done })
				entries, _ := os.ReadDir(dir)
				if n := b.count("GET /api/backup") + b.count("POST /api/backup"); n != tt.asked {
					t.Errorf("asked %d times, want %d", n, tt.asked)
				}
				if tt.class != nil {
					if !errors.Is(err, tt.class) || len(entries) != 0 {
						t.Errorf("err = %v, left %v; want class %q and nothing", err, entries, tt.class)
					}
					return
				}
				file, _ := os.ReadFile(to)
				if err != nil || !bytes.Equal(file, data) || got != (beyondtrust.Saved{Path: to, Size: int64(len(data)), SHA256: fmt.Sprintf("%x", sha256.Sum256(data))}) {
					t.Errorf("SaveBackup = %+v, %v; the file has %d bytes", got, err, len(file))
				}
				if info, err := os.Stat(to); err != nil || info.Mode().Perm() != 0o600 || len(entries) != 1 || told != got.Size {
					t.Errorf("%v, %v, left %v, told of %d bytes", info, err, entries, told)
				}
			})
		})
	}
}

// endless answers as HTTP/1.0 servers do: the end of the connection is the file's.
func endless(data []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		conn.Write([]byte("HTTP/1.0 200 OK\r\n\r\n"))
		conn.Write(data)
	}
}

// What is wrong here says nothing about the appliance.
func TestSaveBackupWhereItCannotBe(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		b.on("GET /api/backup", func(w http.ResponseWriter, _ *http.Request) { w.Write(nsb(1 << 20)) })
		c := b.client(nil)
		taken := filepath.Join(t.TempDir(), "a")
		os.WriteFile(taken, []byte("older"), 0o600)
		for to, class := range map[string]error{taken: fs.ErrExist, filepath.Join(taken+".no", "b"): fs.ErrNotExist} {
			_, err := c.SaveBackup(t.Context(), to, nil)
			if !errors.Is(err, class) || errors.Is(err, beyondtrust.ErrUnavailable) {
				t.Errorf("SaveBackup(%q) = %v, want class %q", to, err, class)
			}
		}
		if text, _ := os.ReadFile(taken); string(text) != "older" {
			t.Errorf("the older file holds %q", text)
		}
		if n := b.count("GET /api/backup"); n != 0 {
			t.Errorf("the appliance was asked for %d backups", n)
		}
	})
}

// A token that dies in the middle does not begin the backup anew behind what was written of it.
func TestBackupWhoseTokenDiesInTheMiddle(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		data := nsb(2 << 20)
		data[9] ^= 0xff // so that its beginning comes nowhere else
		b.on("GET /api/backup", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", `"v1"`)
			w.Header().Set("Content-Length", strconv.Itoa(len(data)))
			w.Write(data[:1<<20])
			b.kill()
			panic(http.ErrAbortHandler)
		})
		var out bytes.Buffer
		err := b.client(nil).Backup(t.Context(), &out)
		if err == nil || !bytes.HasPrefix(data, out.Bytes()) || out.Len() == 0 {
			t.Errorf("err = %v, %d bytes were written, the right ones: %t", err, out.Len(), bytes.HasPrefix(data, out.Bytes()))
		}
	})
}
