package spstest

import (
	"fmt"
	"net/http"
	"strings"
)

// bootPageText stands for the page that shows the progress of an upgrade in the browser. That there is one is documented, its words are not.
const bootPageText = `<!DOCTYPE html>
<html><head><title>%s is starting</title><meta http-equiv="refresh" content="5"></head>
<body><h1>%s is starting</h1><pre>Starting core firmware %s
Please wait.</pre></body></html>
`

// serveBoot answers while the node boots.
func (n *Node) serveBoot(c *call) {
	w, r := c.w, c.r
	var kind PhaseKind
	var page string
	n.world.in(func() {
		kind = n.bootPhase
		page = fmt.Sprintf(bootPageText, n.name(), n.name(), n.slots[n.next].version)
		if r.Method != "GET" && r.Method != "HEAD" {
			n.violate("a request that acts was sent to a node that boots", Boot, "%s %s", r.Method, r.URL.Path)
		}
	})
	api := strings.HasPrefix(r.URL.Path, "/api")
	status := http.StatusOK
	switch {
	case kind == Boot503:
		status = http.StatusServiceUnavailable
	case kind == BootRedirect && r.URL.Path != "/upgrade-progress":
		http.Redirect(w, r, "/upgrade-progress", http.StatusFound)
		return
	case kind == BootJSON && api:
		if r.URL.Path == "/api/setup" {
			c.json(http.StatusOK, obj{"status": "booting", "meta": obj{"href": "/api/setup", "parent": "/api", "remaining_seconds": 0}})
			return
		}
		c.fail(http.StatusServiceUnavailable, "ServiceUnavailable", "the appliance is starting", nil)
		return
	case kind == BootLogin401 && api:
		c.fail(http.StatusUnauthorized, "Unauthenticated", "log in first", obj{"resource": r.URL.Path})
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprint(w, page)
}
