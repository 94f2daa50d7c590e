package pratest

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// updateServer is the vendor's: it serves a package once for each appliance's key.
type updateServer struct {
	served   map[string]bool // GUID and package
	withheld *Box            // it has nothing for this one yet
}

// ErrServed says that the update server has served this package for this appliance before; a second copy needs Technical Support (guide).
var ErrServed = errors.New("pratest: update server: this update has been downloaded")

const keyPrefix = "SIM-"

// downloadKey is what the Appliance Download Key link shows. With a wrong clock it is worth nothing.
func (b *Box) downloadKey() string {
	good := "1"
	if b.clockWrong() {
		good = "0"
	}
	body := strings.ToLower(b.GUID) + good
	return strings.ToUpper(keyPrefix + body + hex.EncodeToString(keySum(body)))
}

func keySum(body string) []byte {
	m := hmac.New(sha256.New, []byte("simulated update server"))
	m.Write([]byte(body))
	return m.Sum(nil)[:8]
}

// keyed returns the appliance that a download key belongs to.
func (s *Site) keyed(key string) (*Box, error) {
	body, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(key)), strings.ToLower(keyPrefix))
	if ok && len(body) == 32+1+16 && hex.EncodeToString(keySum(body[:33])) == body[33:] && body[32] == '1' {
		for _, b := range s.boxes() {
			if strings.EqualFold(b.GUID, body[:32]) {
				return b, nil
			}
		}
	}
	return nil, errors.New("pratest: update server: the appliance key is not valid")
}

// UpdatesFor returns the names of the packages that the update server has for the appliance with this download key.
func (s *Site) UpdatesFor(key string) ([]string, error) {
	s.lock()
	defer s.mu.Unlock()
	b, err := s.keyed(key)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, p := range b.offered() {
		names = append(names, p.Name)
	}
	return names, nil
}

// FetchUpdate downloads a package from the update server, once: after that the error is [ErrServed]. It returns the file and its length.
func (s *Site) FetchUpdate(_ context.Context, key, name string) (io.Reader, int64, error) {
	s.lock()
	defer s.mu.Unlock()
	return s.fetchUpdate(key, name)
}

func (s *Site) fetchUpdate(key, name string) (io.Reader, int64, error) {
	b, err := s.keyed(key)
	if err != nil {
		return nil, 0, err
	}
	p, ok := s.offer(name)
	if !ok {
		return nil, 0, fmt.Errorf("pratest: update server: there is no %q", name)
	}
	id := b.GUID + p.Name
	if s.w.server.served[id] {
		s.violate(b, RuleConsumedTwice, "%s", name)
		return nil, 0, ErrServed
	}
	r, size := packageFile(p, b.GUID)
	serve := func() {
		if !s.w.server.served[id] {
			s.w.server.served[id] = true
			s.note(b, Serve, "%s", p.Name)
		}
	}
	if s.Switches.ConsumedWhole {
		return &untilEnd{from: r, end: func() {
			s.lock()
			defer s.mu.Unlock()
			serve()
		}}, size, nil
	}
	serve()
	return r, size, nil
}

// untilEnd calls end when all was read.
type untilEnd struct {
	from io.Reader
	end  func()
}

func (u *untilEnd) Read(p []byte) (int, error) {
	n, err := u.from.Read(p)
	if err == io.EOF && u.end != nil {
		u.end()
		u.end = nil
	}
	return n, err
}

// serveUpdates is the update server's web page, with words of this package: a form for the key, then a link a package.
func (s *Site) serveUpdates(w http.ResponseWriter, r *http.Request) {
	if r.Body = http.MaxBytesReader(w, r.Body, maxBody); r.ParseForm() != nil {
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	key, name := r.Form.Get("key"), r.Form.Get("package")
	if r.URL.Path == "/download" {
		file, size, err := s.FetchUpdate(r.Context(), key, name)
		if err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Disposition", "attachment; filename="+strconv.Quote(fileName(name)))
		w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
		io.Copy(w, file)
		return
	}
	w.Header().Set("Content-Type", kindHTML)
	fmt.Fprint(w, "<!DOCTYPE html><html><head><title>Updates</title></head><body><h1>Updates</h1>"+
		"<form method=\"post\" action=\"/\"><label>Appliance Download Key <input name=\"key\"></label><button>Submit</button></form>")
	if key != "" {
		names, err := s.UpdatesFor(key)
		if err != nil {
			fmt.Fprintf(w, "<p>%s</p>", html.EscapeString(err.Error()))
		}
		for _, n := range names {
			q := url.Values{"key": {key}, "package": {n}}.Encode()
			fmt.Fprintf(w, "<p>%s <a href=\"/download?%s\">Download</a></p>", html.EscapeString(n), html.EscapeString(q))
		}
	}
	fmt.Fprint(w, "</body></html>")
}

// fileName is a package's name as a file's.
func fileName(name string) string { return strings.ReplaceAll(name, " ", "-") + ".pkg" }
