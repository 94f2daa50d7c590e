package sps

import (
	"context"
	"net/http"

	"github.com/changeover-sdk/changeover/internal/rest"
)

// SetupStatus is how far the appliance's Welcome Wizard is. Others may occur and are kept as they are.
type SetupStatus string

// Setup statuses (SPS 7.4 REST API Reference Guide, Completing the Welcome Wizard; SetupBooting from safeguard-ps,
// sessionapi.psm1).
const (
	SetupUninitialized SetupStatus = "uninitialized"
	SetupCompleted     SetupStatus = "completed" // the only one with which an upgrade may start
	SetupBooting       SetupStatus = "booting"
)

// Setup asks whether the appliance is set up (GET /api/setup), without logging in. Whether it answers during the boot of
// an upgrade is not documented.
func (c *Client) Setup(ctx context.Context) (SetupStatus, error) {
	const op = "read setup status"
	var w wireSetup
	resp, err := c.call(ctx, request{op: op, intent: rest.Read, method: http.MethodGet, path: pathSetup, anonymous: true}, &w)
	if err != nil {
		return "", err
	}
	status := w.status()
	if status == "" {
		return "", &Error{Op: op, Method: http.MethodGet, Path: pathSetup, Status: resp.Status, class: ErrBadAnswer, Message: "no status in the answer"}
	}
	return SetupStatus(c.session.scrub().Short(string(status))), nil
}

const pathSetup = "/api/setup"

type wireSetup struct {
	Status lenient `json:"status"`
	Body   struct {
		Status lenient `json:"status"`
	} `json:"body"`
}

func (w wireSetup) status() SetupStatus {
	if w.Status != "" {
		return SetupStatus(w.Status)
	}
	return SetupStatus(w.Body.Status)
}
