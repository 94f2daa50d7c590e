package beyondtrust

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"github.com/changeover-sdk/changeover/internal/rest"
)

// Permission is an API account's permission by its machine name (Command API 2.0.0, /info).
type Permission string

// Permissions that an upgrade needs.
const (
	PermCommand          Permission = "perm_command"           // [CommandFull] to end sessions and change roles, [CommandRead] to look
	PermBackup           Permission = "perm_backup"            // [Client.Backup]
	PermConfiguration    Permission = "perm_configuration"     // [Client.JumpClients], [Client.Jumpoints]
	PermVaultBackup      Permission = "perm_vault_backup"      // the Vault encryption key; the API for it is not documented
	PermReportingSession Permission = "perm_reporting_session" // [Client.Sessions] on appliances that offer XML only
)

// Values of [PermCommand]; the others are "1" and "0".
const (
	CommandFull   = "full_access"
	CommandRead   = "read_only"
	CommandDenied = "deny"
)

// ProductPRA is what v2 calls this product. The other one known is "rs", Remote Support.
const ProductPRA = "pra"

// Info is what the API says of itself and of the account.
type Info struct {
	Dialect     Dialect
	Product     string                // [ProductPRA]; "" from the XML API, which does not tell
	CommandAPI  string                // version of the Command API that answered
	ConfigAPI   string                // "" from the XML API
	Permissions map[Permission]string // "1", "0", or one of the values of [PermCommand]
	Time        time.Time             // the appliance's clock
	AsOf        time.Time             // when this machine asked
}

// Allows reports whether the account has p; for [PermCommand], whether with full access. A permission that is not told is not had.
func (i Info) Allows(p Permission) bool {
	v := i.Permissions[p]
	return v == "1" || v == CommandFull
}

// Info asks the API about itself: one call that proves address, token, product and clock.
func (c *Client) Info(ctx context.Context) (Info, error) {
	d, err := c.dialect(ctx)
	if err != nil {
		return Info{}, err
	}
	if d == DialectXML {
		return c.infoXML(ctx)
	}
	return c.infoV2(ctx)
}

func (c *Client) infoV2(ctx context.Context) (Info, error) {
	const op = "ask for API information"
	q := call{op: op, intent: rest.Read, method: "GET", path: v2Path + "/info", accept: jsonType, limit: smallLimit}
	asked := time.Now()
	resp, err := c.do(ctx, q)
	if err != nil {
		return Info{}, err
	}
	if absent(resp) {
		e := c.explain(q, resp)
		e.Err = errAbsent
		return Info{}, e
	}
	if resp.Status != 200 {
		return Info{}, c.explain(q, resp)
	}
	info, err := parseInfoV2(resp.Body)
	if err != nil {
		return Info{}, c.badAnswer(q, resp, err)
	}
	if info.Product != ProductPRA {
		return Info{}, &Error{Op: op, Method: q.method, Path: q.path, Status: resp.Status, Class: ErrWrongAppliance,
			Err: fmt.Errorf("the product is %.40q, not %q", info.Product, ProductPRA)}
	}
	info.AsOf = asked
	return info, nil
}

func parseInfoV2(b []byte) (Info, error) {
	var said struct {
		Permissions map[string]json.RawMessage `json:"permissions"`
		Time        wireTime                   `json:"current_time"`
		Command     wireWord                   `json:"command_api_version"`
		Config      wireWord                   `json:"config_api_version"`
		Product     string                     `json:"product"`
	}
	if err := decode(b, &said); err != nil {
		return Info{}, err
	}
	if said.Product == "" || said.Permissions == nil {
		return Info{}, fmt.Errorf("read information: no product or no permissions")
	}
	info := Info{Dialect: DialectV2, Product: said.Product, CommandAPI: string(said.Command), ConfigAPI: string(said.Config),
		Time: said.Time.Time, Permissions: map[Permission]string{}}
	for name, raw := range said.Permissions {
		var word string
		if json.Unmarshal(raw, &word) != nil {
			switch string(raw) {
			case "true", "1":
				word = "1"
			case "false", "0":
				word = "0"
			default:
				word = string(raw)
			}
		}
		info.Permissions[Permission(name)] = word
	}
	return info, nil
}

func (c *Client) infoXML(ctx context.Context) (Info, error) {
	const op = "ask for API information"
	asked := time.Now()
	root, resp, err := c.commandXML(ctx, op, rest.Read, url.Values{"action": {"get_api_info"}})
	if err != nil {
		return Info{}, err
	}
	info, err := parseInfoXML(root)
	if err != nil {
		return Info{}, c.badXML(op, resp, err)
	}
	info.AsOf = asked
	return info, nil
}

// parseInfoXML accepts both names of the root: the documentation's and the one seen in recorded traffic.
func parseInfoXML(root *node) (Info, error) {
	if root.name != "api_information" && root.name != "get_api_info" {
		return Info{}, fmt.Errorf("read information: root element %.40q", root.name)
	}
	version, err := root.word("api_version")
	if err != nil {
		return Info{}, err
	}
	stamp, err := root.word("timestamp")
	if err != nil {
		return Info{}, err
	}
	at, err := parseTime(stamp)
	if err != nil {
		return Info{}, err
	}
	info := Info{Dialect: DialectXML, CommandAPI: version, Time: at, Permissions: map[Permission]string{}}
	perms, err := root.one("permissions")
	if err != nil {
		return Info{}, err
	}
	if perms != nil {
		for _, p := range perms.all("permission") {
			info.Permissions[Permission(p.attrs["name"])] = p.text
		}
	}
	return info, nil
}
