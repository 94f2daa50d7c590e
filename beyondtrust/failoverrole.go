package beyondtrust

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/changeover-sdk/changeover/internal/rest"
)

// RoleChange is a request for another failover role.
type RoleChange struct {
	Role          Role // [RolePrimary] or [RoleBackup]: what this appliance is to become
	DataSyncFirst bool // synchronize first: users are cut off, and nothing else can be done until the change has ended
	Force         bool // only when a primary is to become backup: also when its peer cannot be reached
}

// RoleOutcome is what an appliance said about a change of roles.
type RoleOutcome string

// Outcomes. The empty one means that the appliance took the request with words that are not known: look at both roles.
const (
	RoleOutcomeUnknown RoleOutcome = ""
	RoleChanged        RoleOutcome = "changed"           // this side has changed; the peer's role follows
	RoleSyncStarted    RoleOutcome = "data sync started" // the roles change when it ends
)

// RoleAnswer is the answer to a [RoleChange].
type RoleAnswer struct {
	Outcome RoleOutcome
	Message string // in the appliance's words
}

// SetFailoverRole gives the appliance that answers another role inside an existing relationship; it neither makes nor breaks one. The roles of the
// two change one after the other, so that both say backup for a moment. The shared IP follows the role where the relationship has one.
//
// It is an act: sent once, never retried, after asking who answers. Errors that are of class [ErrNotSent] say that it was not sent. A change that is not
// forced and that the two appliances could not agree on is cancelled by them ([ErrRefused], or the old roles seen afterwards). What the vendor's
// documents leave open: what is answered without a relationship, and when the role is already held.
//
// Sources: Command API 2.0.0, /failover-role; Remote Support, API Command: set_failover_role.
func (c *Client) SetFailoverRole(ctx context.Context, change RoleChange) (RoleAnswer, error) {
	const op = "set failover role"
	if change.Role != RolePrimary && change.Role != RoleBackup {
		return RoleAnswer{}, &Error{Op: op, Class: ErrNotSent, Err: fmt.Errorf("role %.40q: want %s or %s", change.Role, RolePrimary, RoleBackup)}
	}
	if change.Force && change.Role != RoleBackup {
		return RoleAnswer{}, &Error{Op: op, Class: ErrNotSent, Err: errors.New("force is for a primary that is to become backup")}
	}
	if err := c.prove(ctx, op); err != nil {
		return RoleAnswer{}, err
	}
	d, err := c.dialect(ctx)
	if err != nil {
		return RoleAnswer{}, &Error{Op: op, Class: ErrNotSent, Err: err}
	}
	if d == DialectXML {
		return c.setRoleXML(ctx, op, change)
	}
	return c.setRoleV2(ctx, op, change)
}

func (c *Client) setRoleV2(ctx context.Context, op string, change RoleChange) (RoleAnswer, error) {
	body, err := json.Marshal(map[string]any{"role": change.Role, "data_sync_first": change.DataSyncFirst, "force": change.Force})
	if err != nil {
		return RoleAnswer{}, &Error{Op: op, Class: ErrNotSent, Err: err}
	}
	q := call{op: op, intent: rest.Act, method: http.MethodPost, path: v2Path + "/failover-role", json: body, accept: jsonType, limit: smallLimit}
	resp, err := c.do(ctx, q)
	if err != nil {
		return RoleAnswer{}, err
	}
	if resp.Status != http.StatusOK {
		return RoleAnswer{}, c.explain(q, resp)
	}
	message, err := parseMessage(resp.Body)
	if err != nil {
		return RoleAnswer{}, c.badAnswer(q, resp, err)
	}
	answer := c.roleAnswer(message)
	if answer.Outcome == RoleOutcomeUnknown && change.DataSyncFirst {
		answer.Outcome = RoleSyncStarted // a 200 with a sync means started; the words for it are not documented for v2
	}
	return answer, nil
}

func (c *Client) setRoleXML(ctx context.Context, op string, change RoleChange) (RoleAnswer, error) {
	args := url.Values{"action": {"set_failover_role"}, "role": {string(change.Role)}}
	if change.DataSyncFirst {
		args.Set("data_sync_first", "1")
	}
	if change.Force {
		args.Set("force", "1")
	}
	root, resp, err := c.commandXML(ctx, op, rest.Act, args)
	if err != nil {
		return RoleAnswer{}, err
	}
	message, err := parseSuccess(root)
	if err != nil {
		return RoleAnswer{}, c.badXML(op, resp, err)
	}
	return c.roleAnswer(message), nil
}

// roleAnswer knows the two documented texts, by their beginnings: whether the last full stop belongs to them is not documented.
func (c *Client) roleAnswer(message string) RoleAnswer {
	a := RoleAnswer{Message: shorten(c.scrubber()(message))}
	switch {
	case strings.HasPrefix(message, "Successfully started data sync"):
		a.Outcome = RoleSyncStarted
	case strings.HasPrefix(message, "Successfully changed role"):
		a.Outcome = RoleChanged
	}
	return a
}

// parseMessage reads a MessageResponse.
func parseMessage(b []byte) (string, error) {
	var said struct {
		Message *string `json:"message"`
	}
	if err := decode(b, &said); err != nil {
		return "", err
	}
	if said.Message == nil {
		return "", errors.New("read message: there is none")
	}
	return *said.Message, nil
}

// parseSuccess returns the text of the success element, which is the root or in it.
func parseSuccess(root *node) (string, error) {
	if root.name == "success" {
		return root.text, nil
	}
	k, err := root.one("success")
	if k == nil {
		return "", fmt.Errorf("read answer: root element %.40q: want success: %w", root.name, orMissing(err))
	}
	return k.text, nil
}
