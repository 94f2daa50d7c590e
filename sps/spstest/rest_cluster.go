package spstest

import (
	"net/http"
)

// clusterIndex is GET /api/cluster (SPS REST API Reference Guide, Manage SPS clusters).
func (c *call) clusterIndex() {
	var items []obj
	for _, key := range []string{"nodes", "status"} {
		items = append(items, obj{"key": key, "meta": obj{"href": "/api/cluster/" + key}})
	}
	c.json(http.StatusOK, obj{"items": items, "meta": c.meta("/api/cluster")})
}

// notCentral answers where there is no Central Management: the call fails, in a way that is not documented (the vendor's PowerShell module).
func (c *call) notCentral() {
	c.fail(http.StatusNotFound, "ResourceNotFound", "this node is not the Central Management node of a cluster", obj{"resource": c.r.URL.Path})
}

func (c *call) clusterStatus() { c.notCentral() }
func (c *call) clusterNodes()  { c.notCentral() }
