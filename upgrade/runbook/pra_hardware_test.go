package runbook_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/upgrade"
)

// strangerAfterReset is a page driver that verifies certificates: once the appliance has the factory's, it is a stranger.
type strangerAfterReset struct{ beyondtrust.StatusPage }

func (s strangerAfterReset) Basics(ctx context.Context) (beyondtrust.Basics, error) {
	b, err := s.StatusPage.Basics(ctx)
	if err == nil && b.Version == "" {
		return beyondtrust.Basics{}, fmt.Errorf("%w: certificate signed by unknown authority: %w", beyondtrust.ErrNotPressed, beyondtrust.ErrUntrusted)
	}
	return b, err
}

func (s strangerAfterReset) ShutDown(context.Context) error {
	return fmt.Errorf("%w: certificate signed by unknown authority: %w", beyondtrust.ErrNotPressed, beyondtrust.ErrUntrusted)
}

// After a factory reset no driver knows the appliance's certificate: a person reads the page, and switches it off.
func TestPRAHardwareFactoryCertificate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, book := migration(t, byPages)
		book.Old.Pages.Status = strangerAfterReset{book.Old.Pages.Status}
		book.Soak = time.Hour
		r.procedure = book.Procedure()
		rep, err := r.run(t)
		if err != nil || rep.Outcome != upgrade.Succeeded {
			t.Fatalf("Run: %v\n%s", err, rep)
		}
		r.check(t, rep)
		read, pressed := 0, 0
		for _, q := range r.person.Asked() {
			switch {
			case q.Kind == upgrade.AskValue && q.Step == "return A/reset A":
				read++
			case q.Kind == upgrade.AskPress && q.Step == "return A/shut down A" && q.Instruction.Button == beyondtrust.ButtonShutDown:
				pressed++
			case q.Kind == upgrade.AskPress:
				t.Errorf("asked to press %q", q.Instruction.Button)
			}
		}
		if read == 0 || pressed != 1 {
			t.Errorf("asked %d times to read the reset appliance's page, %d times to switch it off; want at least once, and once", read, pressed)
		}
	})
}
