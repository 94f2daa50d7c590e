package browser

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/changeover-sdk/changeover/internal/act"
)

// Once something was pressed no cause, however deep, may say that nothing was: the step would be offered again.
func TestErrorClasses(t *testing.T) {
	late := &Error{Reason: Late, Err: context.Canceled}
	tests := map[string]struct {
		err                 error
		notPressed, refused bool
	}{
		"not pressed":                        {late, true, false},
		"pressed":                            {&Error{Reason: Failed, Pressed: true}, false, false},
		"pressed, and a look failed":         {&Error{Reason: NotTaken, Pressed: true, Err: late}, false, false},
		"pressed, and a driver gave up":      {&Error{Reason: Failed, Pressed: true, Err: fmt.Errorf("no such row: %w", act.ErrNotPressed)}, false, false},
		"pressed, wrapped, and a look":       {fmt.Errorf("host: %w", &Error{Pressed: true, Err: errors.Join(late, errors.New("x"))}), false, false},
		"refused":                            {&Error{Reason: Refused, Pressed: true}, false, true},
		"the sign-in was refused, no button": {&Error{Reason: Refused}, true, true},
	}
	for name, tt := range tests {
		if got := errors.Is(tt.err, act.ErrNotPressed); got != tt.notPressed {
			t.Errorf("%s: says that nothing was pressed: %t", name, got)
		}
		if got := errors.Is(tt.err, act.ErrRefused); got != tt.refused {
			t.Errorf("%s: says that it was refused: %t", name, got)
		}
	}
	pressed := &Error{Reason: NotTaken, Pressed: true, Err: late}
	if inner, ok := errors.AsType[*Error](pressed.Unwrap()); !ok || inner != late || !errors.Is(pressed, context.Canceled) {
		t.Error("the cause is not there any more")
	}
}
