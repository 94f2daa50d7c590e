package beyondtrust

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/changeover-sdk/changeover/internal/rest"
)

// Appliance is one of the appliances that the one asked knows of.
type Appliance struct {
	GUID         string // 32 hexadecimal digits in lower case
	Name         string
	PublicHost   string
	ClusterRole  ClusterRole
	FailoverRole Role
	Accepting    bool          // takes new client connections; always true outside a cluster
	UTCOffset    time.Duration // of its time zone
	AsOf         time.Time     // when this machine asked
}

// Appliances lists the configured appliances with their roles, as the one asked believes them to be. Whether each of a pair lists both is not documented for
// PRA. v2 only; the XML API has this for Remote Support alone: [ErrNotOffered]. It is a read and is retried.
func (c *Client) Appliances(ctx context.Context) ([]Appliance, error) {
	const op = "list appliances"
	d, err := c.dialect(ctx)
	if err != nil {
		return nil, err
	}
	if d == DialectXML {
		return nil, &Error{Op: op, Class: ErrNotOffered}
	}
	asked := time.Now()
	resp, q, err := c.getV2(ctx, op, "/appliance", nil, smallLimit)
	if err != nil {
		return nil, err
	}
	list, err := parseAppliances(resp.Body, asked)
	if err != nil {
		return nil, c.badAnswer(q, resp, err)
	}
	return list, nil
}

func parseAppliances(b []byte, asked time.Time) ([]Appliance, error) {
	type appliance struct {
		ID        string   `json:"id"`
		Name      string   `json:"name"`
		Host      string   `json:"public_hostname"`
		Cluster   string   `json:"cluster_role"`
		Role      string   `json:"failover_role"`
		Accepting wireBool `json:"accepting_connections"`
		Offset    int32    `json:"timezone_offset"`
	}
	said, err := decodeList[appliance](b, listMost)
	if err != nil {
		return nil, err
	}
	list := make([]Appliance, 0, len(said))
	for _, a := range said {
		guid := plainGUID(a.ID)
		if guid == "" {
			return nil, fmt.Errorf("read appliances: GUID %.60q is not one", a.ID)
		}
		list = append(list, Appliance{guid, printable(a.Name), printable(a.Host), ClusterRole(a.Cluster), Role(a.Role), bool(a.Accepting),
			time.Duration(a.Offset) * time.Second, asked})
	}
	return list, nil
}

// ClientCount is how many clients are connected to one appliance.
type ClientCount struct {
	GUID      string // of the appliance
	Consoles  int    // access consoles
	Endpoints int    // endpoints in a session; not the Jump Clients that wait
	Jumpoints int
	// JumpClients is how many Jump Clients are connected, in a session or not; -1 when the API does not tell, as v2 does not.
	JumpClients int
	AsOf        time.Time // when this machine asked
}

// ClientCounts counts the clients at each appliance. It asks the XML API where there is one, since v2 does not know about Jump Clients and renamed its
// fields between releases. It is a read and is retried. See also [Client.ConnectedJumpClients].
func (c *Client) ClientCounts(ctx context.Context) ([]ClientCount, error) {
	d, err := c.dialect(ctx)
	if err != nil {
		return nil, err
	}
	if c.xmlToo(d) {
		list, err := c.countsXML(ctx)
		if d == DialectXML || !c.lacksXML(err) {
			return list, err
		}
	}
	asked := time.Now()
	resp, q, err := c.getV2(ctx, opCount, "/appliance/client-count", nil, smallLimit)
	if err != nil {
		return nil, err
	}
	list, err := parseCountsV2(resp.Body, asked)
	if err != nil {
		return nil, c.badAnswer(q, resp, err)
	}
	return list, nil
}

// ConnectedJumpClients counts the Jump Clients that are connected now, at all appliances that the one asked knows of: the one cheap figure for how many came
// back after an update. Only the XML API tells it; where there is none, the error is of class [ErrNotOffered]. An answer that does not hold the figure is of
// class [ErrAnswer], and never zero. It is a read and is retried.
func (c *Client) ConnectedJumpClients(ctx context.Context) (int, error) {
	list, err := c.countsXML(ctx)
	if errors.Is(err, errAbsent) {
		return 0, &Error{Op: opCount, Class: ErrNotOffered, Err: err}
	}
	if err != nil {
		return 0, err
	}
	sum, told := 0, false
	for _, n := range list {
		if n.JumpClients >= 0 {
			sum, told = sum+n.JumpClients, true
		}
	}
	if !told {
		return 0, &Error{Op: opCount, Class: ErrAnswer, Err: errors.New("no appliance tells its pinned clients")}
	}
	return sum, nil
}

const opCount = "count clients"

// countsXML asks for the summary alone. Only the type "all", which is the default, includes the Jump Clients.
func (c *Client) countsXML(ctx context.Context) ([]ClientCount, error) {
	asked := time.Now()
	root, resp, err := c.commandXML(ctx, opCount, rest.Read, url.Values{"action": {"get_connected_client_list"}, "summary_only": {"1"}})
	if err != nil {
		return nil, err
	}
	list, err := parseCountsXML(root, asked)
	if err != nil {
		return nil, c.badXML(opCount, resp, err)
	}
	return list, nil
}

func parseCountsV2(b []byte, asked time.Time) ([]ClientCount, error) {
	type count struct {
		ID        string `json:"id"`
		Consoles  *int   `json:"access_consoles"`
		Endpoints *int   `json:"asset_clients"`
		Jumpoints *int   `json:"gateways"`
	}
	said, err := decodeList[count](b, listMost)
	if err != nil {
		return nil, err
	}
	list := make([]ClientCount, 0, len(said))
	for _, n := range said {
		guid := plainGUID(n.ID)
		if guid == "" || n.Consoles == nil || n.Endpoints == nil || n.Jumpoints == nil || min(*n.Consoles, *n.Endpoints, *n.Jumpoints) < 0 {
			return nil, errors.New("read counts: an appliance without a GUID or without its counts")
		}
		list = append(list, ClientCount{guid, *n.Consoles, *n.Endpoints, *n.Jumpoints, -1, asked})
	}
	return list, nil
}

func parseCountsXML(root *node, asked time.Time) ([]ClientCount, error) {
	if root.name != "connected_client_list" {
		return nil, fmt.Errorf("read counts: root element %.40q", root.name)
	}
	summary, err := root.one("connected_client_summary")
	if err != nil || summary == nil {
		return nil, fmt.Errorf("read counts: want a summary: %w", orMissing(err))
	}
	list := []ClientCount{}
	for _, box := range summary.all("appliance_summary") {
		n := ClientCount{GUID: plainGUID(box.attrs["id"]), JumpClients: -1, AsOf: asked}
		if n.GUID == "" {
			return nil, fmt.Errorf("read counts: appliance GUID %.60q is not one", box.attrs["id"])
		}
		for _, k := range box.all("count") {
			v, err := parseCount(k.text)
			if err != nil {
				return nil, fmt.Errorf("read counts: %.40q: %w", k.attrs["type"], err)
			}
			switch k.attrs["type"] {
			case "representative":
				n.Consoles = v
			case "support_customer":
				n.Endpoints = v
			case "push_agent":
				n.Jumpoints = v
			case "pinned_client":
				n.JumpClients = v
			}
		}
		list = append(list, n)
	}
	return list, nil
}

// parseCount reads a count.
func parseCount(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		return 0, fmt.Errorf("count %.20q is not a number", s)
	}
	return int(n), nil
}
