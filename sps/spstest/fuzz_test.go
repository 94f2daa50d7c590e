package spstest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/sps"
)

// However an image is cut into pieces, the verdict is the same; and no byte can be changed unnoticed.
func FuzzImageCheck(f *testing.F) {
	f.Add("7.0.2.1", "notes", uint16(300), uint16(7), uint16(0), byte(0))
	f.Add("0.0", "100 %", uint16(300), uint16(25), uint16(0), byte(0))
	f.Add("8.0.0", "", uint16(5000), uint16(4096), uint16(100), byte(1))
	f.Fuzz(func(t *testing.T, version, notes string, size, piece, where uint16, flip byte) {
		if _, err := sps.ParseVersion(version); err != nil || strings.ContainsAny(notes, "\r\n") || len(notes) > 1000 {
			t.Skip()
		}
		version, notes = strings.TrimSpace(version), strings.TrimSpace(notes)
		img := ImageFile{Version: version, Notes: notes, Size: max(int64(size), 2048)}
		b := make([]byte, img.Size)
		file := img.Open()
		for n := 0; n < len(b); {
			k, err := file.Read(b[n:])
			if n += k; err != nil {
				t.Fatal(err)
			}
		}
		padding := strings.Index(string(b), "\n\n") + 2
		at := padding + int(where)%(len(b)-padding)
		b[at] ^= flip
		whole, pieces := new(imageCheck), new(imageCheck)
		whole.Write(b)
		for i := 0; i < len(b); i += int(piece)%len(b) + 1 {
			pieces.Write(b[i:min(i+int(piece)%len(b)+1, len(b))])
		}
		s1, err1 := whole.slot()
		s2, err2 := pieces.slot()
		if s1 != s2 || (err1 == nil) != (err2 == nil) {
			t.Fatalf("whole: %+v, %v; in pieces: %+v, %v", s1, err1, s2, err2)
		}
		if (err1 == nil) != (flip == 0) {
			t.Fatalf("byte %d of %d changed by %#x: %v", at, len(b), flip, err1)
		}
		if err1 == nil && s1.version != version {
			t.Fatalf("version %q, want %q", s1.version, version)
		}
	})
}

// Whatever words come, at most one button is pressed, and what was refused did nothing.
func FuzzPress(f *testing.F) {
	f.Add("Basic Settings > System > System control > This node", "", "Reboot", "")
	f.Add("Basic Settings > High Availability", "Other node", "Shutdown", "sure?")
	f.Add(" > > ", ">", "", "")
	f.Fuzz(func(t *testing.T, where, row, label, dialog string) {
		p := &Pair{A: &Node{Stored: []string{"7.0.3"}, TestTime: time.Microsecond, InstallTime: time.Microsecond}}
		defer p.Close()
		_, _, err := p.Press(t.Context(), where, row, label, nil, dialog)
		got := p.Record()
		switch {
		case err != nil && strings.Contains(err.Error(), sps.ErrNotPressed.Error()):
			if len(got) != 0 {
				t.Errorf("Press(%q, %q, %q) = %v, and yet:\n%v", where, row, label, err, got)
			}
		case len(got.Of(Press)) != 1:
			t.Errorf("Press(%q, %q, %q) pressed %d buttons: %v", where, row, label, len(got.Of(Press)), err)
		}
	})
}

func BenchmarkUpload(b *testing.B) {
	n := new(Node)
	defer n.Close()
	const size = 64 << 20
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		check := new(imageCheck)
		n.begin()
		if err := n.take(context.Background(), n.epoch, check, Images(ImageFile{Version: "7.0.3", Size: size}).(imageFS)[0].Open(), func() {}); err != nil {
			b.Fatal(err)
		}
	}
}
