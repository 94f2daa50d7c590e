package browser

import (
	"errors"
	"fmt"
	"strings"

	"github.com/changeover-sdk/changeover/internal/act"
	"github.com/changeover-sdk/changeover/internal/browser/axtree"
)

// ErrNoBrowser says that this machine lacks what a page driver needs. A person presses instead.
var ErrNoBrowser = errors.New("no browser to drive")

// Reason says why a page driver stopped.
type Reason string

// Reasons. Those of finding come first; they are decided before anything is pressed.
const (
	NotFound    Reason = "not found"           // no such label where it was looked for
	Ambiguous   Reason = "more than one"       // several fit
	Disabled    Reason = "disabled"            // the only one that fits cannot be used
	Moving      Reason = "moving"              // it does not keep still
	Covered     Reason = "covered"             // something lies over it
	UnknownPage Reason = "another page"        // not the page that was expected
	Dialog      Reason = "unexpected dialog"   // a dialog nobody announced, or with another text; it was dismissed
	NoDialog    Reason = "no dialog"           // the announced dialog did not come
	Window      Reason = "unexpected window"   // the page opened another window; it was closed
	Refused     Reason = "refused"             // the appliance said no
	Late        Reason = "not in time"         // what was waited for did not come
	NoAnswer    Reason = "no answer"           // pressed, and nothing came of it in time
	NotTaken    Reason = "value not taken"     // a field did not keep what was typed
	Crashed     Reason = "the page crashed"    // the page's process ended
	Gone        Reason = "the browser ended"   // the browser's process ended
	Certificate Reason = "certificate changed" // the page came with another certificate than the verified one
	Download    Reason = "download"            // the file did not arrive whole
	Failed      Reason = "failed"              // the cause says what
)

// Error is what a page driver did not do, and why. It is of class act.ErrNotPressed unless Pressed.
type Error struct {
	Reason  Reason
	Op      string   // "press", "read", "open": with Label what was tried
	Label   string   // as the label table words it
	Page    string   // headings of the page that was seen
	State   string   // what page it was taken for, see axtree.State
	Detail  string   // one sentence
	Seen    []string // what was there instead, or every place that fits
	Pressed bool     // the mouse button was let go: what came of it is not known
	Err     error    // cause, may be nil
}

// Error says it in one line.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "browser: %s", e.Op)
	if e.Label != "" {
		fmt.Fprintf(&b, " %q", e.Label)
	}
	fmt.Fprintf(&b, ": %s", e.Reason)
	if e.Detail != "" {
		fmt.Fprintf(&b, ": %s", e.Detail)
	}
	if e.Page != "" {
		fmt.Fprintf(&b, "; the page is headed %q", e.Page)
	}
	if e.State != "" && e.State != string(axtree.StatePage) {
		fmt.Fprintf(&b, " (%s)", e.State)
	}
	if len(e.Seen) > 0 {
		fmt.Fprintf(&b, "; there: %s", strings.Join(e.Seen, ", "))
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	if e.Pressed {
		b.WriteString("; it was pressed once, and what came of it is not known")
	} else {
		b.WriteString("; nothing was pressed")
	}
	return b.String()
}

// Unwrap returns the cause. Where something was pressed it does not let through what the cause says of itself: that nothing was.
func (e *Error) Unwrap() error {
	if e.Pressed && errors.Is(e.Err, act.ErrNotPressed) {
		return afterPress{e.Err}
	}
	return e.Err
}

// afterPress is a cause that came up after a press: a look, a tick or a file that failed by itself, with nothing pressed.
type afterPress struct{ cause error }

func (a afterPress) Error() string { return a.cause.Error() }

func (a afterPress) Is(target error) bool {
	return target != act.ErrNotPressed && errors.Is(a.cause, target)
}

func (a afterPress) As(target any) bool { return errors.As(a.cause, target) }

// Is reports whether nothing was pressed, when asked for act.ErrNotPressed, and whether the appliance said no, when asked for
// act.ErrRefused.
func (e *Error) Is(target error) bool {
	switch target {
	case act.ErrNotPressed:
		return !e.Pressed
	case act.ErrRefused:
		return e.Reason == Refused
	}
	return false
}

// fromFind makes an error of what axtree found.
func fromFind(op, label string, err error) *Error {
	e := &Error{Reason: Failed, Op: op, Label: label}
	if f, ok := errors.AsType[*axtree.FindError](err); ok {
		e.Label, e.Seen, e.Detail = f.Query.Label.String(), f.Seen, f.Detail
		e.Reason = map[axtree.Miss]Reason{axtree.None: NotFound, axtree.Several: Ambiguous, axtree.Off: Disabled}[f.Miss]
		return e
	}
	e.Err = err
	return e
}
