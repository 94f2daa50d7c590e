package pratest

import (
	"bytes"
	"io"
	"testing"
	"time"
)

// FuzzPackage: a package is what it was made as, and nothing that was changed is one.
func FuzzPackage(f *testing.F) {
	f.Add("Base Software 7.0.0", int64(100), 3, byte(1))
	f.Add("BeyondTrust-25.1.1", int64(0), 90, byte(255))
	f.Fuzz(func(t *testing.T, name string, size int64, at int, by byte) {
		if bytes.ContainsAny([]byte(name), "\n\r") || len(name) > 1000 || size < 0 || size > 1<<16 {
			t.Skip()
		}
		r, n := packageFile(Package{Name: name, Size: size}, "50000000000000000000000000000aaa")
		data, err := io.ReadAll(r)
		if err != nil || int64(len(data)) != n {
			t.Fatalf("%d bytes of %d, %v", len(data), n, err)
		}
		got, guid, err := readPackage(bytes.NewReader(data))
		if err != nil || got != name || guid != "50000000000000000000000000000aaa" {
			t.Fatalf("%q for %q, %v", got, guid, err)
		}
		if at < 0 || at >= len(data) || by == 0 {
			return
		}
		data[at] ^= by
		if got, guid, err := readPackage(bytes.NewReader(data)); err == nil {
			t.Errorf("changed at %d, and yet %q for %q", at, got, guid)
		}
	})
}

// FuzzUpload: whatever is uploaded is read to its end and is at most one of the things that can be uploaded.
func FuzzUpload(f *testing.F) {
	s := Single()
	defer s.Close()
	s.A.Address()
	nsb, _ := s.A.takeBackup("word", true).file(100)
	b, _ := io.ReadAll(nsb)
	c, _ := s.A.st.certs[0].export(true, true, true, "p")
	r, _ := packageFile(DefaultOffers()[0].filled(), s.A.GUID)
	p, _ := io.ReadAll(io.LimitReader(r, 1000))
	for _, data := range [][]byte{b, c, p, nil} {
		f.Add(data, "word")
	}
	f.Fuzz(func(t *testing.T, data []byte, word string) {
		in := bytes.NewReader(data)
		up, err := readFile("x", in)
		if err != nil || in.Len() != 0 {
			t.Fatalf("%d bytes were left, %v", in.Len(), err)
		}
		kinds := 0
		if up.pkgErr == nil {
			kinds++
		}
		if _, err := up.backup(word); err == nil {
			kinds++
		}
		if _, err := up.certificate(word); err == nil {
			kinds++
		}
		if kinds > 1 {
			t.Errorf("%d kinds at once", kinds)
		}
	})
}

// TestScale makes hours short outside of bubbles. It measures nothing: it ends.
func TestScale(t *testing.T) {
	s := Single()
	s.Scale = 1.0 / 100000
	defer s.Close()
	if r := s.A.Pages().Updates.Check(t.Context()); r != nil {
		t.Fatal(r)
	}
	for range 10000 {
		if base, _, _ := s.A.Running(); base == "7.0.0" && s.A.Up() {
			return
		}
		_ = s.A.Pages().Updates.Install(t.Context(), "Base Software 7.0.0") // refused until the check is done
		time.Sleep(time.Millisecond)
	}
	t.Error("Base is not installed")
}
