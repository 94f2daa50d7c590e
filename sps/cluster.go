package sps

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/changeover-sdk/changeover/internal/rest"
)

// ClusterNode is a member of a cluster of appliances, as the central management node lists it (SPS 8.0 LTS REST API Reference Guide, Query nodes).
type ClusterNode struct {
	Key     string   `json:"key"`
	Address string   `json:"address,omitempty"`
	Roles   []string `json:"roles,omitempty"`
}

// ClusterMember is how the central management node sees one member (SPS 6.0.12 REST API Reference Guide, Query the status of all nodes).
type ClusterMember struct {
	Key      string    `json:"key"`
	FQDN     string    `json:"fqdn,omitempty"`
	LastSeen time.Time `json:"last_seen,omitzero"` // by the appliance's clock
	Sync     string    `json:"sync,omitempty"`     // of the configuration, as told
	Healthy  bool      `json:"healthy"`            // a health status was told; it is not when the node is down
	Self     bool      `json:"self"`               // the node that was asked, of which no health is told
	Warnings []string  `json:"warnings,omitempty"` // of the last synchronisation of the configuration
}

// ClusterState is the status of a whole cluster.
type ClusterState struct {
	Members []ClusterMember `json:"members"`
	Time    time.Time       `json:"time,omitzero"` // the appliance's clock when it answered
}

// staleAfter is when a member counts as offline (SPS 6.9.3 Administration Guide, Monitoring the status of nodes in your cluster).
const staleAfter = time.Minute

// Issues lists what is wrong, each as a sentence for people. A word that is not known to be good is an issue.
func (s ClusterState) Issues() []string {
	var issues []string
	for _, m := range s.Members {
		name := m.FQDN
		if name == "" {
			name = m.Key
		}
		if m.Self {
			continue
		}
		if !m.Healthy {
			issues = append(issues, name+" is down")
		}
		if !inSync(m.Sync) {
			issues = append(issues, fmt.Sprintf("the configuration of %s is %q", name, m.Sync))
		}
		if !s.Time.IsZero() && !m.LastSeen.IsZero() && s.Time.Sub(m.LastSeen) > staleAfter {
			issues = append(issues, fmt.Sprintf("%s was last seen %s ago", name, s.Time.Sub(m.LastSeen).Round(time.Second)))
		}
		for _, w := range m.Warnings {
			issues = append(issues, name+" warns: "+w)
		}
	}
	return issues
}

// inSync knows the good word of the web page, UP-TO-DATE, however REST spells it (SPS 6.9.3 Administration Guide).
func inSync(word string) bool {
	return strings.EqualFold(strings.NewReplacer("_", "-", " ", "-").Replace(word), "up-to-date")
}

// ClusterStatus asks the central management node how it sees every member (GET /api/cluster/status). Any other node, and one that is in no cluster, fails.
func (c *Client) ClusterStatus(ctx context.Context) (ClusterState, error) {
	const op, path = "read cluster status", "/api/cluster/status"
	var w struct {
		Items []struct {
			Key      lenient         `json:"key"`
			FQDN     lenient         `json:"fqdn"`
			LastSeen lenient         `json:"last_seen"`
			Health   json.RawMessage `json:"health_status"`
			Sync     lenient         `json:"sync_status"`
			Config   struct {
				Issues struct {
					Warnings []struct {
						Message lenient `json:"message"`
					} `json:"warnings"`
				} `json:"issues"`
			} `json:"configuration_sync"`
		} `json:"items"`
		Meta struct {
			Self lenient `json:"self"`
		} `json:"meta"`
	}
	resp, err := c.call(ctx, request{op: op, intent: rest.Read, method: http.MethodGet, path: path}, &w)
	if err != nil {
		return ClusterState{}, err
	}
	scrub := c.session.scrub()
	s := ClusterState{Time: dateOf(resp)}
	for _, i := range w.Items {
		m := ClusterMember{Key: scrub(string(i.Key)), FQDN: scrub(string(i.FQDN)), Sync: scrub(string(i.Sync)),
			Healthy: len(i.Health) > 0 && string(i.Health) != "null", Self: w.Meta.Self != "" && strings.HasSuffix(string(w.Meta.Self), "/"+string(i.Key))}
		m.LastSeen, _ = time.Parse(time.RFC3339, string(i.LastSeen)) // what is no time was not told
		for _, warning := range i.Config.Issues.Warnings {
			m.Warnings = append(m.Warnings, scrub(string(warning.Message)))
		}
		s.Members = append(s.Members, m)
	}
	if len(s.Members) == 0 {
		return ClusterState{}, &Error{Op: op, Method: http.MethodGet, Path: path, Status: resp.Status, class: ErrBadAnswer, Message: "the answer names no node"}
	}
	return s, nil
}

// ClusterNodes asks the central management node for all members (GET /api/cluster/nodes).
func (c *Client) ClusterNodes(ctx context.Context) ([]ClusterNode, error) {
	const op, path = "list cluster nodes", "/api/cluster/nodes"
	var w struct {
		Items []struct {
			Key  lenient `json:"key"`
			Body struct {
				Address lenient   `json:"address"`
				Roles   []lenient `json:"roles"`
			} `json:"body"`
			Meta struct {
				Href lenient `json:"href"`
			} `json:"meta"`
		} `json:"items"`
	}
	resp, err := c.call(ctx, request{op: op, intent: rest.Read, method: http.MethodGet, path: path}, &w)
	if err != nil {
		return nil, err
	}
	scrub := c.session.scrub()
	var nodes []ClusterNode
	for _, i := range w.Items {
		n := ClusterNode{Key: scrub(string(i.Key)), Address: scrub(string(i.Body.Address))}
		for _, role := range i.Body.Roles {
			n.Roles = append(n.Roles, scrub(string(role)))
		}
		nodes = append(nodes, n)
	}
	if len(nodes) == 0 {
		return nil, &Error{Op: op, Method: http.MethodGet, Path: path, Status: resp.Status, class: ErrBadAnswer, Message: "the answer names no node"}
	}
	return nodes, nil
}
