package sps

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/changeover-sdk/changeover/internal/rest"
)

// Health is the appliance's health status (GET /api/health_status, SPS 7.x and 8.0 LTS REST API Reference Guides, Monitor
// appliance health; 6.0.1 spells the path with a hyphen and tells less). What the appliance did not tell is nil or empty,
// and that is never good where it matters.
type Health struct {
	CPU    *float64 `json:"cpu,omitempty"` // percent, as the other three
	Disk   *float64 `json:"disk,omitempty"`
	Memory *float64 `json:"memory,omitempty"`
	Swap   *float64 `json:"swap,omitempty"`
	Load1  *float64 `json:"load1,omitempty"`
	Load5  *float64 `json:"load5,omitempty"`
	Load15 *float64 `json:"load15,omitempty"`

	Sessions      map[string]int `json:"sessions,omitempty"` // open, by protocol: an upgrade cuts them
	SessionsTotal int            `json:"sessions_total"`

	Integrity map[string]string `json:"integrity,omitempty"` // of the firmware, by part: "boot", "core"
	Tainted   map[string]int    `json:"tainted,omitempty"`   // modified files, by part: "boot", "core", "ha_other"; -1: not understood

	RAID         string            `json:"raid,omitempty"`
	RAIDDetail   string            `json:"raid_detail,omitempty"`
	RAIDProgress string            `json:"raid_progress,omitempty"` // of an operation under way
	RAIDDisks    map[string]string `json:"raid_disks,omitempty"`    // status by disk

	Queues map[string]float64 `json:"queues,omitempty"` // what waits to be worked on: "session_events", "indexer_events"

	// Full says that the answer had the members of 7.x and later: integrity and modified files. Without them nothing is known of
	// these, as on 6.0.
	Full bool `json:"full"`
}

// Disk use, in percent, from which an upgrade must not start: it needs 10 % of free space (SPS Upgrade Guide, Upgrading an SPS
// central cluster).
const maxDisk = 90

// Issues lists what speaks against an upgrade, each as a sentence for people; none means that nothing does. A word that is not
// known to be good is an issue. Where Full is false, nothing is said of the firmware, which is not to be taken for good. Modified files are one because
// the firmware test looks for them (SPS On Demand (6.13) REST API Reference Guide, Testing new SPS firmware).
func (h Health) Issues() []string {
	var issues []string
	add := func(format string, args ...any) { issues = append(issues, fmt.Sprintf(format, args...)) }
	switch {
	case h.Disk == nil:
		add("the health status does not tell how full the disk is")
	case !(*h.Disk <= maxDisk):
		add("the disk is %.0f %% full; an upgrade needs 10 %% of it free", *h.Disk)
	}
	if h.Full && len(h.Integrity) == 0 {
		add("the health status does not tell whether the firmware is intact")
	}
	for _, part := range slices.Sorted(maps.Keys(h.Integrity)) {
		if word := h.Integrity[part]; !strings.EqualFold(word, "OK") {
			add("the integrity of the %s firmware is %q", part, word)
		}
	}
	for _, part := range slices.Sorted(maps.Keys(h.Tainted)) {
		switch n := h.Tainted[part]; {
		case n < 0:
			add("the number of modified files of the %s firmware is not understood", part)
		case n > 0:
			add("%d files of the %s firmware were modified", n, part)
		}
	}
	if h.RAID != "" && !goodRAID(h.RAID) {
		add("the RAID is %q", strings.TrimSpace(h.RAID+" "+h.RAIDDetail))
	}
	if p := strings.TrimRight(h.RAIDProgress, " %"); p != "" && p != "0" && p != "100" {
		add("the RAID works: %s", h.RAIDProgress)
	}
	for _, disk := range slices.Sorted(maps.Keys(h.RAIDDisks)) {
		if word := h.RAIDDisks[disk]; !goodRAID(word) {
			add("disk %s of the RAID is %q", disk, word)
		}
	}
	return issues
}

// goodRAID says whether a RAID status is one that is known to be good. No guide that could be read gives the words; these are what
// controllers call an array and a disk that are well.
func goodRAID(word string) bool {
	return slices.ContainsFunc([]string{"OK", "optimal", "online", "N/A"}, func(good string) bool { return strings.EqualFold(word, good) })
}

type wireHealth struct {
	Status *struct {
		CPU           number          `json:"cpu"`
		Disk          number          `json:"disk"`
		Memory        number          `json:"memory"`
		Swap          number          `json:"swap"`
		Load1         number          `json:"load1"`
		Load5         number          `json:"load5"`
		Load15        number          `json:"load15"`
		Sessions      object          `json:"sessions"`
		SessionsTotal number          `json:"sessions_total"`
		TotalSessions number          `json:"total_sessions"` // 6.0.1
		Firmware      json.RawMessage `json:"firmware"`
		RAID          object          `json:"raid"`
		Queues        object          `json:"pipeline_queues"`
	} `json:"health_status"`
}

// Paths of the health status. The release in which they changed is not documented.
var healthPaths = [...]string{"/api/health_status", "/api/health-status"}

// Health asks how the appliance is. It asks at the path of newer releases first and, where there is nothing, at the older one.
func (c *Client) Health(ctx context.Context) (Health, error) {
	const op = "read health status"
	var last error
	for _, path := range healthPaths {
		var w wireHealth
		resp, err := c.call(ctx, request{op: op, intent: rest.Read, method: http.MethodGet, path: path}, &w)
		switch {
		case errors.Is(err, ErrNotFound):
			last = err
			continue
		case err != nil:
			return Health{}, err
		case w.Status == nil:
			return Health{}, &Error{Op: op, Method: http.MethodGet, Path: path, Status: resp.Status, class: ErrBadAnswer, Message: "the answer holds no health status"}
		}
		return healthOf(w, c.session.scrub()), nil
	}
	return Health{}, last
}

func healthOf(w wireHealth, scrub func(string) string) Health {
	s := w.Status
	h := Health{CPU: s.CPU.v, Disk: s.Disk.v, Memory: s.Memory.v, Swap: s.Swap.v, Load1: s.Load1.v, Load5: s.Load5.v, Load15: s.Load15.v,
		Full: len(s.Firmware) > 0 && string(s.Firmware) != "null"}
	for protocol, n := range members(s.Sessions, numberOf) {
		if h.Sessions == nil {
			h.Sessions = map[string]int{}
		}
		v, _ := n.value()
		h.Sessions[scrub(protocol)] = int(v)
		h.SessionsTotal += int(v)
	}
	for _, total := range []number{s.SessionsTotal, s.TotalSessions} {
		if v, ok := total.value(); ok {
			h.SessionsTotal = int(v)
		}
	}
	if h.Full {
		firmware := objectOf(s.Firmware)
		h.Integrity, h.Tainted = map[string]string{}, map[string]int{}
		for part, word := range members(objectOf(firmware["integrity"]), textOf) {
			h.Integrity[scrub(part)] = scrub(string(word))
		}
		for part, n := range members(objectOf(firmware["tainted_files"]), numberOf) {
			v, ok := n.value()
			if !ok {
				v = -1 // a count that is none is not zero
			}
			h.Tainted[scrub(part)] = int(v)
		}
	}
	status := members(objectOf(s.RAID["status"]), textOf)
	h.RAID, h.RAIDDetail, h.RAIDProgress = scrub(string(status["status"])), scrub(string(status["detailed_status"])), scrub(string(status["operation_progress"]))
	for disk, d := range objectOf(s.RAID["disks"]) {
		if h.RAIDDisks == nil {
			h.RAIDDisks = map[string]string{}
		}
		h.RAIDDisks[scrub(disk)] = scrub(string(textOf(objectOf(d)["status"])))
	}
	for queue, n := range members(s.Queues, numberOf) {
		if v, ok := n.value(); ok {
			if h.Queues == nil {
				h.Queues = map[string]float64{}
			}
			h.Queues[scrub(queue)] = v
		}
	}
	return h
}
