package sps

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/changeover-sdk/changeover/internal/rest"
)

// Transaction is the state of the configuration's transaction, which is also its lock: an open one keeps other writers out (SPS 6.0 LTS and 8.0
// LTS REST API Reference Guides, Checking the transaction status).
type Transaction struct {
	Status          string        `json:"status"`                     // "closed" or "open", as told
	MessageRequired bool          `json:"message_required,omitempty"` // a commit needs a message; told by 8.0 and later
	Remaining       time.Duration `json:"remaining,omitempty"`        // until an open one is cancelled, where told
}

// Free reports whether nobody holds the configuration. Only the documented good word counts.
func (t Transaction) Free() bool { return strings.EqualFold(t.Status, "closed") }

// String says it in one line.
func (t Transaction) String() string {
	s := fmt.Sprintf("the transaction is %q", t.Status)
	if !t.Free() && t.Remaining > 0 {
		s += fmt.Sprintf(", for %s more", t.Remaining)
	}
	return s
}

// Transaction asks whether a transaction is open (GET /api/transaction). It opens none. Who holds the configuration through a web page or a console
// shows here only where the release says so; a lock may also show as class [ErrLocked] of other calls.
func (c *Client) Transaction(ctx context.Context) (Transaction, error) {
	const op, path = "read transaction status", "/api/transaction"
	var w struct {
		Transaction struct {
			Status lenient `json:"status"` // up to 6.13
		} `json:"transaction"`
		Body struct {
			Status  lenient `json:"status"` // 8.0
			Message lenient `json:"commit_message"`
		} `json:"body"`
		Meta struct {
			Remaining number `json:"remaining_seconds"`
		} `json:"meta"`
	}
	resp, err := c.call(ctx, request{op: op, intent: rest.Read, method: http.MethodGet, path: path}, &w)
	if err != nil {
		return Transaction{}, err
	}
	status := string(w.Body.Status)
	if status == "" {
		status = string(w.Transaction.Status)
	}
	if status == "" {
		return Transaction{}, &Error{Op: op, Method: http.MethodGet, Path: path, Status: resp.Status, class: ErrBadAnswer, Message: "the answer tells no status"}
	}
	t := Transaction{Status: c.session.scrub()(status), MessageRequired: strings.EqualFold(string(w.Body.Message), "required")}
	if left, ok := w.Meta.Remaining.value(); ok && left > 0 && left < 1e9 {
		t.Remaining = time.Duration(left) * time.Second
	}
	return t, nil
}
