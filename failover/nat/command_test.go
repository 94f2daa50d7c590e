package nat

import (
	"strings"
	"testing"
)

func FuzzTargets(f *testing.F) {
	f.Add("192.0.2.1\n")
	f.Add(" 192.0.2.1 2001:db8::1\r\n")
	f.Add("error: no such entry")
	f.Fuzz(func(t *testing.T, out string) {
		addrs, err := parseTargets(out)
		if err != nil {
			return
		}
		// What was understood, printed, is understood the same: nothing of the output was passed over.
		var words []string
		for _, a := range addrs {
			words = append(words, a.String())
		}
		if len(words) != len(strings.Fields(out)) {
			t.Errorf("%q read as %v", out, addrs)
		}
		again, err := parseTargets(strings.Join(words, " "))
		if err != nil || len(again) != len(addrs) {
			t.Errorf("%q read as %v, which reads as %v, %v", out, addrs, again, err)
		}
		for i := range again {
			if again[i] != addrs[i] {
				t.Errorf("%q read as %v, which reads as %v", out, addrs, again)
			}
		}
	})
}

func TestTailKeepsTheEnd(t *testing.T) {
	var w tail
	for range 3 {
		if n, err := w.Write([]byte(strings.Repeat("x", maxOutput))); n != maxOutput || err != nil {
			t.Fatal(n, err)
		}
	}
	if _, err := w.Write([]byte("end\xff")); err != nil {
		t.Fatal(err)
	}
	if s := w.String(); !strings.HasSuffix(s, "xend?") || len(s) != maxOutput+len("…") {
		t.Errorf("kept %d bytes, ending in %q", len(s), s[len(s)-5:])
	}
}
