package sps

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"strings"
	"time"
)

// ClusterNode is a member of a cluster of appliances, as the Central Management node lists it (SPS 8.0 LTS REST API Reference
// Guide, Query nodes).
type ClusterNode struct {
	Key     string   `json:"key"`
	Address string   `json:"address,omitempty"`
	Roles   []string `json:"roles,omitempty"`
	Self    bool     `json:"self,omitempty"` // the node that was asked
}

// ClusterMember is how the Central Management node sees one member (SPS 6.0.12 REST API Reference Guide, Query the status of all
// nodes in the cluster).
type ClusterMember struct {
	Key      string    `json:"key"`
	FQDN     string    `json:"fqdn,omitempty"`
	LastSeen time.Time `json:"last_seen,omitzero"` // by the appliance's clock
	Sync     string    `json:"sync,omitempty"`     // of the configuration, as told
	Healthy  bool      `json:"healthy"`            // a health status was told; none is told of a node that is down
	Self     bool      `json:"self"`               // the node that was asked, of which neither is told: ask it itself
	Warnings []string  `json:"warnings,omitempty"` // of the last synchronisation of the configuration
}

// ClusterState is the status of a whole cluster.
type ClusterState struct {
	Members []ClusterMember `json:"members"`
	Time    time.Time       `json:"time,omitzero"` // the appliance's clock when it answered
}

// staleAfter is when a member counts as offline (SPS 6.9.3 Administration Guide, Monitoring the status of nodes in your cluster).
const staleAfter = time.Minute

// Issues lists what is wrong with the members, but for the one that was asked, each as a sentence for people. A word that is not
// known to be good is an issue.
func (s ClusterState) Issues() []string {
	var issues []string
	for _, m := range s.Members {
		if m.Self {
			continue
		}
		name := m.FQDN
		if name == "" {
			name = m.Key
		}
		if !m.Healthy {
			issues = append(issues, name+" is down")
		}
		if !inSync(m.Sync) {
			issues = append(issues, fmt.Sprintf("the configuration of %s is %q", name, m.Sync))
		}
		switch age := s.Time.Sub(m.LastSeen); {
		case m.LastSeen.IsZero():
			issues = append(issues, name+" was never seen")
		case !s.Time.IsZero() && age > staleAfter:
			issues = append(issues, fmt.Sprintf("%s was last seen %v ago", name, age.Round(time.Second)))
		}
		for _, w := range m.Warnings {
			issues = append(issues, name+" warns: "+w)
		}
	}
	return issues
}

// inSync knows the good word of the web page, UP-TO-DATE (SPS 6.9.3 Administration Guide), however REST may spell it.
func inSync(word string) bool {
	return strings.EqualFold(strings.NewReplacer("_", "-", " ", "-").Replace(word), "up-to-date")
}

type wireMember struct {
	Key      lenient         `json:"key"`
	FQDN     lenient         `json:"fqdn"`
	LastSeen lenient         `json:"last_seen"`
	Health   json.RawMessage `json:"health_status"`
	Sync     lenient         `json:"sync_status"`
	Config   object          `json:"configuration_sync"`
}

// ClusterStatus asks the Central Management node how it sees every member (GET /api/cluster/status). Any other node, and one that is
// in no cluster, answers with an error.
func (c *Client) ClusterStatus(ctx context.Context) (ClusterState, error) {
	const op, where = "read cluster status", "/api/cluster/status"
	var s ClusterState
	scrub := c.session.scrub()
	list, err := c.listAll(ctx, op, where, func() any { return new(wireMember) }, func(item any) error {
		w := item.(*wireMember)
		m := ClusterMember{Key: scrub(string(w.Key)), FQDN: scrub(string(w.FQDN)), Sync: scrub(string(w.Sync)), Healthy: len(objectOf(w.Health)) > 0}
		m.LastSeen, _ = time.Parse(time.RFC3339, string(w.LastSeen)) // what is no time was not told
		var warnings []struct {
			Message lenient `json:"message"`
		}
		if raw := objectOf(w.Config["issues"])["warnings"]; raw != nil && json.Unmarshal(raw, &warnings) != nil {
			m.Warnings = append(m.Warnings, "in words that are not understood")
		}
		for _, warning := range warnings {
			m.Warnings = append(m.Warnings, scrub(string(warning.Message)))
		}
		s.Members = append(s.Members, m)
		return nil
	})
	if err != nil {
		return ClusterState{}, err
	}
	if len(s.Members) == 0 {
		return ClusterState{}, &Error{Op: op, Method: http.MethodGet, Path: where, Status: list.resp.Status, class: ErrBadAnswer, Message: "the answer names no node"}
	}
	s.Time = dateOf(list.resp)
	for i := range s.Members {
		s.Members[i].Self = isSelf(list.meta, s.Members[i].Key)
	}
	return s, nil
}

// ClusterNodes asks the Central Management node for all members and their roles (GET /api/cluster/nodes).
func (c *Client) ClusterNodes(ctx context.Context) ([]ClusterNode, error) {
	const op, where = "list cluster nodes", "/api/cluster/nodes"
	type wireNode struct {
		Key  lenient `json:"key"`
		Body struct {
			Address lenient   `json:"address"`
			Roles   []lenient `json:"roles"`
		} `json:"body"`
	}
	var nodes []ClusterNode
	scrub := c.session.scrub()
	list, err := c.listAll(ctx, op, where, func() any { return new(wireNode) }, func(item any) error {
		w := item.(*wireNode)
		nodes = append(nodes, ClusterNode{Key: scrub(string(w.Key)), Address: scrub(string(w.Body.Address)), Roles: texts(w.Body.Roles, scrub)})
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(nodes) == 0 {
		return nil, &Error{Op: op, Method: http.MethodGet, Path: where, Status: list.resp.Status, class: ErrBadAnswer, Message: "the answer names no node"}
	}
	for i := range nodes {
		nodes[i].Self = isSelf(list.meta, nodes[i].Key)
	}
	return nodes, nil
}

// isSelf reports whether meta.self, a path or a key, leads to the node called key.
func isSelf(meta wireMeta, key string) bool {
	return meta.Self != "" && path.Base(string(meta.Self)) == key
}
