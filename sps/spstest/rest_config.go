package spstest

import (
	"cmp"
	"net/http"
	"time"

	"github.com/changeover-sdk/changeover/sps"
)

// transaction is an open transaction of the configuration.
type transaction struct {
	since time.Time
}

// lock is a lock of the configuration held by somebody who is not the client: an administrator on a settings page, a console login, or nobody any more.
type lock struct {
	owner string
	since time.Time
}

// Lock makes owner hold the configuration since so long ago, as an administrator on a settings page does, or one who went home (Administration Guide,
// Multiple users and locking). An empty owner takes the lock away.
func (n *Node) Lock(owner string, since time.Duration) {
	n.begin()
	n.world.in(func() {
		n.locked = nil
		if owner != "" {
			n.locked = &lock{owner, n.world.now().Add(-since)}
		}
	})
}

func (c *call) refusedByLock() bool {
	var who *lock
	since := ""
	c.in(func() {
		if who = c.n.locked; who != nil {
			since = who.since.Add(c.n.ClockOffset).UTC().Format(time.RFC3339)
		}
	})
	if who == nil {
		return false
	}
	s := c.sw
	c.fail(cmp.Or(s.LockStatus, http.StatusConflict), cmp.Or(s.LockType, "ConfigurationLocked"), "the configuration is locked by "+who.owner,
		obj{"owner": who.owner, "since": since})
	return true
}

// getTransaction is GET /api/transaction, in the shape of 6.0 to 6.13 or of 8.0 (Checking the transaction status).
func (c *call) getTransaction() {
	n := c.n
	status, message, shape := "closed", "optional", c.sw.Transaction
	if !c.in(func() {
		if n.transact != nil {
			status = "open"
		}
		if shape == "" && since("8.0")(n) {
			shape = "new"
		}
	}) {
		c.gone()
		return
	}
	if c.sw.RequireCommitLog {
		message = "required"
	}
	out := obj{"key": "transaction", "meta": c.meta("/api/transaction", obj{"changes": "/api/transaction/changes"})}
	if shape == "new" {
		out["body"] = obj{"status": status, "commit_message": message}
	} else {
		out["transaction"] = obj{"status": status}
	}
	c.json(http.StatusOK, out)
}

// openTransaction is POST /api/transaction. Its answer is not documented.
func (c *call) openTransaction() {
	if c.refusedByLock() {
		return
	}
	n := c.n
	if !c.in(func() {
		if n.transact == nil {
			n.transact = &transaction{n.world.now()}
			n.note(OpenLock, "%s", c.user)
		}
	}) {
		c.gone()
		return
	}
	c.getTransaction()
}

// commit is PUT /api/transaction with {"status": "commit"} (the vendor's PowerShell module). Its answer and its errors are not documented.
func (c *call) commit() {
	body, ok := c.body()
	if !ok {
		return
	}
	n := c.n
	field := cmp.Or(c.sw.CommitField, "message")
	message, _ := body[field].(string)
	if body["status"] != "commit" {
		c.fail(http.StatusBadRequest, "IncompleteRequestBodyError", "status is missing", obj{"missing": []string{"status"}})
		return
	}
	if c.sw.RequireCommitLog && message == "" {
		c.fail(http.StatusBadRequest, "IncompleteRequestBodyError", "a commit message is required", obj{"missing": []string{field}})
		return
	}
	open := false
	if !c.in(func() {
		if open = n.transact != nil; open {
			n.transact = nil
			n.note(Commit, "%s", message)
		}
	}) {
		c.gone()
		return
	}
	if !open {
		c.fail(http.StatusConflict, "TransactionNotOpen", "no transaction is open", nil)
		return
	}
	c.getTransaction()
}

func (c *call) rollback() {
	if !c.in(func() { c.n.transact = nil }) {
		c.gone()
		return
	}
	c.getTransaction()
}

func (c *call) changes() {
	c.json(http.StatusOK, obj{"changes": []any{}, "meta": c.meta("/api/transaction/changes")})
}

// configuration is GET /api/configuration, of which only the branches a simulated node has are listed.
func (c *call) configuration() {
	var items []obj
	for _, key := range []string{"management", "troubleshooting"} {
		items = append(items, obj{"key": key, "meta": obj{"href": "/api/configuration/" + key}})
	}
	c.json(http.StatusOK, obj{"items": items, "meta": c.meta("/api/configuration", obj{"transaction": "/api/transaction"})})
}

func (c *call) setting(href string, body obj) {
	c.json(http.StatusOK, obj{"body": body, "key": href[len("/api/configuration/"):], "meta": c.meta(href, obj{"transaction": "/api/transaction"})})
}

// Licence is the licence a node holds. Every LTS release needs a new one (SPS 6.0 Upgrade Guide, Upgrading a single SPS node).
type Licence struct {
	For     string    // the release it is for, "7.0". Default: the first two numbers of the version the node runs at first
	Until   time.Time // Default: two years from now
	Missing bool      // no licence at all: demo mode
}

// licence is GET /api/configuration/management/license (SPS 6.0.6 REST API Reference Guide, Manage the SPS license). Its members are not documented;
// these are made up, and one of them says whether the running release is covered.
func (c *call) licence() {
	n := c.n
	var body obj
	if !c.in(func() { body = n.licenceBody() }) {
		c.gone()
		return
	}
	c.setting("/api/configuration/management/license", body)
}

func (n *Node) licenceBody() obj {
	release, valid := n.licensed()
	if release == "" {
		return nil
	}
	until := n.Licence.Until
	if until.IsZero() {
		until = n.clock().AddDate(2, 0, 0)
	}
	return obj{"customer": "Example", "serial": "simulated", "release": release, "valid": valid, "valid_not_after": until.UTC().Format("2006-01-02")}
}

// licensed returns the release the licence is for, and whether that covers the running one.
func (n *Node) licensed() (release string, valid bool) {
	if n.Licence.Missing {
		return "", false
	}
	release = cmp.Or(n.Licence.For, n.version())
	return release, !needsLicence(release, n.running()) && (n.Licence.Until.IsZero() || n.clock().Before(n.Licence.Until))
}

// accounting is where require_commitlog is said to be (SPS 8.0 LTS REST API Reference Guide, Checking the transaction status).
func (c *call) accounting() {
	c.setting("/api/configuration/management/accounting", obj{"require_commitlog": c.sw.RequireCommitLog})
}

// webinterface holds the time-out of the web interface, in minutes (SPS 6.9.5 Administration Guide, Web interface timeout).
func (c *call) webinterface() {
	c.setting("/api/configuration/management/webinterface", obj{"timeout": 10})
}

func (c *call) troubleshooting() {
	c.setting("/api/configuration/troubleshooting", obj{"core_files": obj{"retention_days": 14}, "debug_logging": obj{"enabled": false}})
}

// needsLicence tells whether a licence for one release does not cover another: an LTS has 0 as its second number.
func needsLicence(licensed, running string) bool {
	v, err1 := sps.ParseVersion(licensed)
	w, err2 := sps.ParseVersion(running)
	return err1 == nil && err2 == nil && !v.SameLine(w) && w.LTS()
}
