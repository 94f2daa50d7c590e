package pratest_test

import (
	"testing"

	"go.uber.org/goleak"
)

// A simulator that leaves a goroutine behind spoils other people's tests.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
