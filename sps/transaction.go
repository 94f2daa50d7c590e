package sps

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/changeover-sdk/changeover/internal/rest"
)

// Transaction is the state of the configuration's transaction: an open one keeps other writers out on 6.0 (SPS 6.0 LTS and 8.0
// LTS REST API Reference Guides, Checking the transaction status).
type Transaction struct {
	Status          string        `json:"status"`                     // "closed" or "open", as told
	MessageRequired bool          `json:"message_required,omitempty"` // a commit needs a message; told by 8.0 and later
	Remaining       time.Duration `json:"remaining,omitempty"`        // until an open one is cancelled, where told
}

// Free reports whether no transaction is open. Only the documented good word counts. It does not say that nobody holds the
// configuration through a web page or a console: see [Client.CheckLock].
func (t Transaction) Free() bool { return strings.EqualFold(t.Status, "closed") }

// String says it in one line.
func (t Transaction) String() string {
	s := fmt.Sprintf("the transaction is %q", t.Status)
	if !t.Free() && t.Remaining > 0 {
		s += fmt.Sprintf(", for %v more", t.Remaining)
	}
	return s
}

const pathTransaction = "/api/transaction"

// Transaction asks whether a transaction is open (GET /api/transaction). It opens none.
func (c *Client) Transaction(ctx context.Context) (Transaction, error) {
	const op = "read transaction status"
	var w struct {
		Transaction struct {
			Status lenient `json:"status"` // up to 6.13
		} `json:"transaction"`
		Body struct {
			Status  lenient `json:"status"` // 8.0
			Message lenient `json:"commit_message"`
		} `json:"body"`
		Meta wireMeta `json:"meta"`
	}
	resp, err := c.call(ctx, request{op: op, intent: rest.Read, method: http.MethodGet, path: pathTransaction}, &w)
	if err != nil {
		return Transaction{}, err
	}
	status := string(w.Body.Status)
	if status == "" {
		status = string(w.Transaction.Status)
	}
	if status == "" {
		return Transaction{}, &Error{Op: op, Method: http.MethodGet, Path: pathTransaction, Status: resp.Status, class: ErrBadAnswer, Message: "the answer tells no status"}
	}
	return Transaction{
		Status:          c.session.scrub()(status),
		MessageRequired: strings.EqualFold(string(w.Body.Message), "required"),
		Remaining:       w.Meta.remaining(),
	}, nil
}

// CheckLock finds out whether somebody holds the configuration, by the one way the API offers: it opens a transaction and discards it
// at once. It fails with class [ErrLocked] when one is open already, in which case nothing is sent, or when the appliance
// refuses; the appliance's words are in the error. From 6.9 on several REST transactions may be open at a time, while web pages and
// consoles go on locking (SPS 6.9.5 Administration Guide, Multiple users and locking).
//
// What an appliance answers when it is locked is not documented: besides what [ErrLocked] is taken from, a status 409 counts here.
// A lock that outlived its owner is deleted from the console menu, by a person; nothing here breaks one.
func (c *Client) CheckLock(ctx context.Context) error {
	const op = "check the lock"
	const advice = "ask whoever has a settings page or a console open to leave it; a lock that outlived its owner is deleted from the console menu"
	t, err := c.Transaction(ctx)
	if err != nil {
		return notSent(op, err)
	}
	if !t.Free() {
		return &Error{Op: op, class: ErrLocked, Err: ErrNotSent, Message: t.String(), Advice: advice}
	}
	_, err = c.call(ctx, request{op: op, intent: rest.Act, method: http.MethodPost, path: pathTransaction}, nil)
	if e, ok := errors.AsType[*Error](err); ok && (e.Status == http.StatusConflict || e.Is(ErrLocked)) {
		e.class, e.Advice = ErrLocked, advice
		return err
	}
	if err != nil && errors.Is(err, ErrNotSent) {
		return err
	}
	// Also when the answer was lost: what may have been opened must be closed.
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUp)
	defer cancel()
	_, discard := c.call(closing, request{op: op + ": discard the transaction", intent: rest.Act, method: http.MethodDelete, path: pathTransaction}, nil)
	if err != nil {
		return err
	}
	return discard
}
