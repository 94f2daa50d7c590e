package pratest

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// readFile reads what is uploaded to its end, in constant memory, and finds out what it is.
func readFile(name string, r io.Reader) (upload, error) {
	const most = 64 << 10
	up := upload{name: name}
	head, err := io.ReadAll(io.LimitReader(r, most))
	if err != nil {
		return up, err
	}
	up.head = head
	rest := &remember{from: r}
	all := io.MultiReader(bytes.NewReader(head), rest)
	up.pkg, up.guid, up.pkgErr = readPackage(all)
	if _, err := io.Copy(io.Discard, all); err != nil || rest.err != nil {
		return up, errors.Join(err, rest.err)
	}
	up.backup = func(password string) (backupFile, error) { return readBackup(bytes.NewReader(head), password) }
	up.certificate = func(passphrase string) (*certificate, error) { return readCertificate(head, passphrase) }
	return up, nil
}

// remember keeps the error with which a file ended before its end.
type remember struct {
	from io.Reader
	err  error
}

func (r *remember) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	if err != nil && err != io.EOF {
		r.err = err
	}
	return n, err
}

// openFiles reads the files that set names. What is wrong with the rest of a press is found when it is pressed.
func (b *Box) openFiles(where, rowName, label string, set map[string]string) (map[string]upload, error) {
	files := map[string]upload{}
	for _, l := range b.fileLabels(where, rowName, label, set) {
		f, err := b.open(set[l])
		if err != nil {
			return nil, err
		}
		files[l], err = readFile(path.Base(filepath.ToSlash(set[l])), f)
		f.Close()
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}

// open opens a person's file.
func (b *Box) open(name string) (fs.File, error) {
	if b.Files != nil {
		return b.Files.Open(name)
	}
	return os.Open(name)
}

// fileLabels are those labels of set whose fields take a file.
func (b *Box) fileLabels(where, rowName, label string, set map[string]string) []string {
	defer b.enter()()
	_, _, with, err := b.find(where, rowName, label)
	if err != nil {
		return nil
	}
	var labels []string
	for l := range set {
		if fd, err := with.field(l); err == nil && fd.kind == fieldFile {
			labels = append(labels, l)
		}
	}
	return labels
}
