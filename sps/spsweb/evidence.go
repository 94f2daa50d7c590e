package spsweb

import "github.com/changeover-sdk/changeover/internal/browser"

// Evidence is what a page showed at one moment, with a picture of it: address, headings, controls, dialogs, and which certificate it came
// with from which address. It marshals as JSON, without the picture. Nothing in it is secret.
type Evidence = browser.Evidence

// Control is something on a page that can be pressed, filled in or ticked.
type Control = browser.Control

// Shown is a dialog that came up, and how it was answered.
type Shown = browser.Shown

// Moment is when a page was seen.
type Moment = browser.Moment

// Moments.
const (
	Before  = browser.Before  // a press
	After   = browser.After   // a press that succeeded
	Failure = browser.Failure // of whatever was tried; Error says what
	Visited = browser.Visited // by a probe
)
