package beyondtrust

import "github.com/changeover-sdk/changeover/internal/act"

// ErrNotPressed says that a page pressed nothing, because it was not certain what to press. Whatever else a page that presses returns,
// it may have pressed.
var ErrNotPressed = act.ErrNotPressed
