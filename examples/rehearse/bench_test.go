package main

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/internal/browser/browsertest"
	"github.com/changeover-sdk/changeover/upgrade"
)

// BenchmarkAsyncGuide is a whole asynchronous guide by a browser. Its peer is the simulated person, who needs no time to press, in the same run and with the same waits:
// ratio is how much longer the browser takes.
func BenchmarkAsyncGuide(b *testing.B) {
	browsertest.Need(b)
	once := func(hands string) time.Duration {
		dir := b.TempDir()
		s := setting{scale: 1.0 / 600, hands: hands, swing: swings[0], dir: filepath.Join(dir, "artifacts")}
		var err error
		if s.crew, err = newCrew(s.dir); err != nil {
			b.Fatal(err)
		}
		st, err := praAsync(s)
		if err != nil {
			b.Fatal(err)
		}
		defer st.close()
		person := st.person(s)
		person.Patience = time.Second / 12 // how long a look of the run waits
		began := time.Now()
		rep, err := st.runs(b.Context(), filepath.Join(dir, "journal"), &upgrade.Options{Operator: person, Scale: max(st.waits(s), slower)})
		took := time.Since(began)
		if cerr := s.crew.Close(); err != nil || cerr != nil || rep.Outcome != upgrade.Succeeded {
			b.Fatalf("%v %v\n%s", err, cerr, rep)
		}
		return took
	}
	var browser, person time.Duration
	for b.Loop() {
		browser += once(byBrowser)
		b.StopTimer()
		person += once(bySimulated)
		b.StartTimer()
	}
	b.ReportMetric(browser.Seconds()/float64(b.N), "s/guide")
	b.ReportMetric(person.Seconds()/float64(b.N), "s/guide-by-person")
	ratio := browser.Seconds() / person.Seconds()
	b.ReportMetric(ratio, "ratio")
	if ratio > 6 {
		b.Errorf("by browser a guide takes %.1f times as long as by a person who needs no time; want at most 6", ratio)
	}
}
