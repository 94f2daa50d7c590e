package main

import (
	"os"
	"strings"
	"testing"

	"github.com/changeover-sdk/changeover/internal/browser/browsertest"
	"github.com/changeover-sdk/changeover/sps/spstest"
)

// A person begins, and leaves at the first button; the same journal goes on with -web, which presses the rest. What it saw lies in -dir.
func TestPeerWebGoesOn(t *testing.T) {
	browsertest.Need(t)
	d := newDesk(t)
	d.write(t, "web", []byte("admin\n"+password+"\n"))
	d.handIn(t)
	typed := "tester\n" + strings.Repeat("yes\n", 6) + "not done\n" // the backup is in the inbox; he leaves the slot to the browser
	code, out := d.run(t, typed)
	if code != 11 {
		t.Fatalf("exits %d:\n%s", code, out)
	}
	before := len(d.node.Record().Of(spstest.Press))
	code, out = d.run(t, "tester\nyes\nyes\nyes\n", "-web", "-web-account", d.path("web"))
	if code != 0 || !strings.HasSuffix(out, "outcome: succeeded\n") || !strings.Contains(out, "Pages as they were seen") {
		t.Fatalf("-web exits %d:\n%s", code, out)
	}
	if got := d.node.Running(); got != "7.0.2.1" {
		t.Errorf("the node runs %s", got)
	}
	if after := len(d.node.Record().Of(spstest.Press)); after <= before {
		t.Errorf("%d buttons were pressed, and %d before", after, before)
	}
	files, err := os.ReadDir(d.path("artifacts"))
	if err != nil {
		t.Fatal(err)
	}
	pictures := 0
	for _, f := range files {
		if strings.HasSuffix(f.Name(), ".png") {
			pictures++
		}
	}
	if pictures == 0 {
		t.Error("no picture is kept")
	}
}

func TestWebRefuses(t *testing.T) {
	browsertest.Need(t)
	d := newDesk(t)
	d.write(t, "one-line", []byte("admin"))
	d.write(t, "labels.json", []byte(`{"labels": 1}`))
	for name, tt := range map[string]struct {
		args []string
		says string
	}{
		"labels without a browser":  {[]string{"-labels", d.path("labels.json")}, "-labels is for -web"},
		"labels that are none":      {[]string{"-web", "-labels", d.path("labels.json")}, "labels"},
		"labels that are not there": {[]string{"-web", "-labels", d.path("nowhere")}, "no such file"},
		"an account of one line":    {[]string{"-web", "-web-account", d.path("one-line")}, "the password on the second"},
	} {
		t.Run(name, func(t *testing.T) {
			if code, out := d.run(t, "", tt.args...); code != 64 || !strings.Contains(out, tt.says) {
				t.Errorf("exits %d, want 64 with %q:\n%s", code, tt.says, out)
			}
		})
	}
}
