package beyondtrust

import (
	"context"
	"errors"
	"iter"
	"net/url"
	"time"
)

// ConnectionType is how a Jump Client keeps in touch, as the appliance words it.
type ConnectionType string

// Connection types known when this was written (Configuration API 1.12). Others may occur and are kept as they are.
const (
	ConnectionActive      ConnectionType = "active"      // connected all the time; checks in right after an update
	ConnectionPassive     ConnectionType = "passive"     // checks in when something happens, and at least every 24 hours
	ConnectionUninstalled ConnectionType = "uninstalled" // its software is gone from the endpoint; it will not come back
)

// JumpClient is a deployed Jump Client.
type JumpClient struct {
	ID             string
	Name, Hostname string
	Type           ConnectionType
	Personal       bool // belongs to a user, and not to a shared Jump Group

	// NeedsUpdate says that it runs older software than the appliance and cannot be used until it is updated: "Upgrade Pending" on the page. It stays set while
	// the client is away.
	NeedsUpdate bool

	LastConnect, LastDisconnect time.Time // by the appliance's clock; zero: never
	Lost                        bool      // away for longer than the site's setting for lost clients
	Unavailable                 string    // why it cannot be used: "none", "disabled" by its user, or another word
	AsOf                        time.Time // when this machine asked
}

// Online reports whether it is connected: the last connection is later than the last disconnection. The API has no such field; this follows from the two times
// and is not documented. In doubt it is false.
func (j JumpClient) Online() bool {
	return !j.LastConnect.IsZero() && j.LastConnect.After(j.LastDisconnect) && j.Type != ConnectionUninstalled
}

// JumpClients goes over all Jump Clients, shared ones first, then personal ones. It reads a hundred at a time and keeps no more in memory: 50,000 of them are some
// five hundred requests, spread so that the account's limits hold, which takes half a minute.
//
// An error is the last thing it gives, with a zero JumpClient. [ErrIncomplete] means that the list changed while it was read: what was given before
// is true, but some may be missing or doubled. The account needs [PermConfiguration]. Pages are retried.
//
// There is no version number in it and nothing to filter by state, so a question such as how many are still to be updated reads the whole list.
// [Client.ConnectedJumpClients] is one request. Source: Configuration API 1.7 to 1.12, /jump-client.
func (c *Client) JumpClients(ctx context.Context) iter.Seq2[JumpClient, error] {
	return func(yield func(JumpClient, error) bool) {
		for _, kind := range []string{"shared", "personal"} {
			query := url.Values{"jump_group_type": {kind}}
			for j, err := range pages(ctx, c, "list Jump Clients", "/jump-client", query, parseJumpClient) {
				if !yield(j, err) || err != nil {
					return
				}
			}
		}
	}
}

// wireJumpClient is one item of /jump-client.
type wireJumpClient struct {
	ID             wireWord  `json:"id"`
	Name           string    `json:"name"`
	Hostname       string    `json:"hostname"`
	Group          string    `json:"jump_group_type"`
	Type           string    `json:"connection_type"`
	NeedsUpdate    *wireBool `json:"needs_update"`
	LastConnect    wireTime  `json:"last_connect_timestamp"`
	LastDisconnect wireTime  `json:"last_disconnect_timestamp"`
	Lost           wireBool  `json:"is_lost"`
	Unavailable    string    `json:"unavailable_reason"`
}

func parseJumpClient(w wireJumpClient, asked time.Time) (JumpClient, error) {
	if w.ID == "" || w.NeedsUpdate == nil {
		return JumpClient{}, errors.New("read Jump Client: no id, or no word on whether it needs an update")
	}
	return JumpClient{
		ID: printable(string(w.ID)), Name: printable(w.Name), Hostname: printable(w.Hostname), Type: ConnectionType(printable(w.Type)), Personal: w.Group == "personal",
		NeedsUpdate: bool(*w.NeedsUpdate), LastConnect: w.LastConnect.Time, LastDisconnect: w.LastDisconnect.Time, Lost: bool(w.Lost),
		Unavailable: printable(w.Unavailable), AsOf: asked,
	}, nil
}

// Jumpoint is a Jumpoint, or Gateway as newer releases say.
type Jumpoint struct {
	ID        string
	Name      string
	Hostname  string
	Platform  string // "windows-x86", "linux-x86", or another word
	Enabled   bool
	Connected bool // the only sign of its state: there is no version and no word on updates
	Clustered bool
	AsOf      time.Time // when this machine asked
}

// Jumpoints goes over all Jumpoints in the manner of [Client.JumpClients]. Source: Configuration API 1.7 to 1.12, /jumpoint.
func (c *Client) Jumpoints(ctx context.Context) iter.Seq2[Jumpoint, error] {
	return pages(ctx, c, "list Jumpoints", "/jumpoint", nil, parseJumpoint)
}

// wireJumpoint is one item of /jumpoint.
type wireJumpoint struct {
	ID        wireWord  `json:"id"`
	Name      string    `json:"name"`
	Hostname  string    `json:"hostname"`
	Platform  string    `json:"platform"`
	Enabled   wireBool  `json:"enabled"`
	Connected *wireBool `json:"connected"`
	Clustered wireBool  `json:"clustered"`
}

func parseJumpoint(w wireJumpoint, asked time.Time) (Jumpoint, error) {
	if w.ID == "" || w.Connected == nil {
		return Jumpoint{}, errors.New("read Jumpoint: no id, or no word on whether it is connected")
	}
	return Jumpoint{
		ID: printable(string(w.ID)), Name: printable(w.Name), Hostname: printable(w.Hostname), Platform: printable(w.Platform),
		Enabled: bool(w.Enabled), Connected: bool(*w.Connected), Clustered: bool(w.Clustered), AsOf: asked,
	}, nil
}
