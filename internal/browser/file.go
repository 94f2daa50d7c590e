package browser

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/changeover-sdk/changeover/internal/browser/axtree"
)

// Transfer is a file that went through the browser.
type Transfer struct {
	Name   string // a label: for an upload the name that is sent, for a download the one that was offered
	Size   int64
	SHA256 string
}

// Attach chooses the file called name in fsys for the one field that fits. The file is copied to where the browser's user may
// read it, which costs its size on disk until the browser is closed or another file is chosen, and no memory.
func (p *Page) Attach(ctx context.Context, q axtree.Query, fsys fs.FS, name string) (Transfer, error) {
	const op = "choose a file for"
	q.Kind = axtree.File
	n, e := p.locate(ctx, op, q)
	if e != nil {
		return Transfer{}, e
	}
	label := q.Label.String()
	path, t, err := p.b.stage(ctx, fsys, name)
	if err != nil {
		return t, p.fail(ctx, op, label, err)
	}
	if err := p.call(ctx, "DOM.setFileInputFiles", dict{"files": []string{path}, "backendNodeId": n.Backend}, nil); err != nil {
		return t, p.fail(ctx, op, label, err)
	}
	// A file that the browser cannot read is taken all the same, and missed only when the form is sent. So one byte is read.
	var got struct {
		Count int
		Name  string
		Size  int64
		Read  int64
	}
	script := `async function() { const f = this.files; if (f.length !== 1) return {count: f.length};
		return {count: 1, name: f[0].name, size: f[0].size, read: (await f[0].slice(0, 1).arrayBuffer()).byteLength} }`
	if err := p.on(ctx, n.Backend, script, &got); err != nil {
		return t, p.fail(ctx, op, label, &Error{Reason: NotTaken, Err: err})
	}
	if got.Count != 1 || got.Name != t.Name || got.Size != t.Size || got.Read != min(1, t.Size) {
		return t, p.fail(ctx, op, label, &Error{Reason: NotTaken, Detail: fmt.Sprintf("the page has %d files, %q of %d bytes", got.Count, got.Name, got.Size)})
	}
	return t, nil
}

// stage copies a file into the private directory, under its own name.
func (b *Browser) stage(ctx context.Context, fsys fs.FS, name string) (path string, t Transfer, err error) {
	in, err := fsys.Open(name)
	if err != nil {
		return "", t, err
	}
	defer in.Close()
	if err := b.unstage(); err != nil {
		return "", t, err
	}
	t.Name = filepath.Base(name)
	path = filepath.Join(b.proc.dir, "uploads", t.Name)
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", t, err
	}
	t.Size, t.SHA256, err = hashed(ctx, out, in)
	if err == nil && b.proc.owner != nil {
		err = out.Chown(int(b.proc.owner.Uid), int(b.proc.owner.Gid))
	}
	return path, t, errors.Join(err, out.Close())
}

// Unstage removes the copy of the file that was chosen last: it may be a private key. What is still being sent is cut short.
func (p *Page) Unstage() error { return p.b.unstage() }

func (b *Browser) unstage() error {
	dir := filepath.Join(b.proc.dir, "uploads")
	old, err := os.ReadDir(dir)
	for _, o := range old {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, o.Name())))
	}
	return err
}

// hashed copies until the end of in or of ctx.
func hashed(ctx context.Context, out io.Writer, in io.Reader) (int64, string, error) {
	h := sha256.New()
	size, err := io.Copy(io.MultiWriter(out, h), stopping{ctx, in})
	return size, hex.EncodeToString(h.Sum(nil)), err
}

// stopping is a reader that ends with its context.
type stopping struct {
	ctx context.Context
	in  io.Reader
}

func (s stopping) Read(b []byte) (int, error) {
	if s.ctx.Err() != nil {
		return 0, context.Cause(s.ctx)
	}
	return s.in.Read(b)
}

// Save presses a button that gives a file, and writes the file to w when it has arrived whole. The file lies on disk until then,
// in the browser's private directory, and costs no memory of ours.
func (p *Page) Save(ctx context.Context, q axtree.Query, ask *Ask, w io.Writer) (Transfer, error) {
	const op = "download"
	if q.Kind == "" {
		q.Kind = axtree.Button
	}
	label := q.Label.String()
	p.mu.Lock()
	p.files = nil
	p.mu.Unlock()
	mark, e := p.push(ctx, op, q, ask)
	if e == nil && ask != nil && ask.Type == AskPage {
		before := p.heading
		p.heading = nil
		if _, err := p.settle(ctx, op, label, func(s *axtree.Snapshot, state axtree.State) (bool, error) {
			return s.Says(ask.Text), p.elsewhere(state)
		}); err != nil {
			e, _ = errors.AsType[*Error](err)
		} else {
			mark, e = p.push(ctx, op, axtree.Query{Kind: axtree.Button, Label: ask.Button}, nil)
		}
		p.heading = before
		if e != nil {
			e.Pressed = true
		}
	}
	if e != nil {
		return Transfer{}, e
	}
	f, err := p.arrive(ctx, mark)
	if missing := p.disarm(); missing && err == nil && ask.Type != AskPage {
		err = &Error{Reason: NoDialog, Detail: fmt.Sprintf("%s %q was announced", ask.Type, ask.Text)}
	}
	if err != nil {
		e := p.fail(ctx, op, label, err)
		e.Pressed = true
		p.cancelDownloads()
		return Transfer{}, e
	}
	t, err := p.take(ctx, f, w)
	if err != nil {
		e := p.fail(ctx, op, label, &Error{Reason: Download, Err: err})
		e.Pressed = true
		return t, e
	}
	return t, nil
}

// arrive waits for the one download of a press.
func (p *Page) arrive(ctx context.Context, mark int) (arriving, error) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	begin := time.NewTimer(p.b.cfg.Answer)
	defer begin.Stop()
	for {
		if err := p.healthy(ctx); err != nil {
			return arriving{}, err
		}
		p.mu.Lock()
		files := len(p.files)
		var f arriving
		if files > 0 {
			f = *p.files[0]
		}
		p.mu.Unlock()
		switch {
		case files > 1:
			return f, &Error{Reason: Download, Detail: fmt.Sprintf("%d files came of one press", files)}
		case f.state == "completed":
			return f, nil
		case f.state == "canceled":
			return f, &Error{Reason: Download, Detail: fmt.Sprintf("it broke off after %d of %d bytes", f.received, f.total)}
		}
		if files == 0 {
			if err := p.outcome(mark).refusal(nil); err != nil {
				return f, err
			}
		}
		select {
		case <-p.wake:
		case <-tick.C:
		case <-begin.C:
			if files == 0 {
				return f, &Error{Reason: NoAnswer, Detail: fmt.Sprintf("no file came within %v", p.b.cfg.Answer)}
			}
		case <-p.lost.Done():
		case <-ctx.Done():
			return f, context.Cause(ctx)
		}
	}
}

// take hands out a file that has arrived, and removes it.
func (p *Page) take(ctx context.Context, f arriving, w io.Writer) (t Transfer, err error) {
	path := filepath.Join(p.b.proc.dir, "downloads", filepath.Base(f.guid))
	defer func() { err = errors.Join(err, os.Remove(path)) }()
	in, err := os.Open(path)
	if err != nil {
		return t, err
	}
	defer in.Close()
	t.Name = filepath.Base(f.name)
	if t.Size, t.SHA256, err = hashed(ctx, w, in); err != nil {
		return t, err
	}
	if f.total > 0 && t.Size != f.total {
		return t, fmt.Errorf("%d bytes came, %d were announced", t.Size, f.total)
	}
	return t, nil
}

// cancelDownloads stops what is under way, and removes what has come.
func (p *Page) cancelDownloads() {
	ctx, cancel := context.WithTimeout(context.Background(), closeLimit)
	defer cancel()
	p.mu.Lock()
	files := p.files
	p.files = nil
	p.mu.Unlock()
	for _, f := range files {
		_ = p.b.call(ctx, "", "Browser.cancelDownload", dict{"guid": f.guid, "browserContextId": p.context}, nil) // it may have ended
	}
	parts, _ := filepath.Glob(filepath.Join(p.b.proc.dir, "downloads", "*"))
	for _, part := range parts {
		os.Remove(part) // what is left of them, under names of the browser's own
	}
}
