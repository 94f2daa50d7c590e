package upgrade_test

import (
	"testing"

	"github.com/changeover-sdk/changeover/upgrade"
)

func openJournal(t testing.TB, path string) *upgrade.FileJournal {
	t.Helper()
	j, err := upgrade.OpenJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j
}
