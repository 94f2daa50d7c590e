package sps

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/changeover-sdk/changeover/internal/rest"
)

// Health is the appliance's health status (GET /api/health_status, SPS 7.x and 8.0 LTS REST API Reference Guides, Monitor appliance health; older
// releases spell the path with a hyphen and tell less). What the appliance did not tell is nil, and nil is never good where it matters.
type Health struct {
	CPU    *float64 `json:"cpu,omitempty"` // percent, as the other three
	Disk   *float64 `json:"disk,omitempty"`
	Memory *float64 `json:"memory,omitempty"`
	Swap   *float64 `json:"swap,omitempty"`

	Sessions      map[string]int `json:"sessions,omitempty"` // open, by protocol: an upgrade cuts them
	SessionsTotal int            `json:"sessions_total"`

	Integrity map[string]string `json:"integrity,omitempty"` // of the firmware, by part: "boot", "core"
	Tainted   map[string]int    `json:"tainted,omitempty"`   // modified files, by part: "boot", "core", "ha_other"

	RAID         string `json:"raid,omitempty"`
	RAIDDetail   string `json:"raid_detail,omitempty"`
	RAIDProgress string `json:"raid_progress,omitempty"` // of a rebuild under way

	// Full says that the answer had the members of 7.x and later: integrity, modified files. Without them nothing is known of these.
	Full bool `json:"full"`
}

// Limits of a healthy disk, in percent of use. Upgrades need 10 % of free space (SPS Upgrade Guide, central cluster).
const maxDisk = 90

// integrityOK is the documented good word; "CORRUPTED" is the documented bad one.
const integrityOK = "OK"

// Issues lists what speaks against an upgrade, each as a sentence for people; none means nothing does. A word that is not known to be good is an
// issue.
func (h Health) Issues() []string {
	var issues []string
	add := func(format string, args ...any) { issues = append(issues, fmt.Sprintf(format, args...)) }
	switch {
	case h.Disk == nil:
		add("the health status does not tell how full the disk is")
	case *h.Disk > maxDisk:
		add("the disk is %.0f %% full; an upgrade needs 10 %% of it free", *h.Disk)
	}
	for _, part := range slices.Sorted(maps.Keys(h.Integrity)) {
		if word := h.Integrity[part]; !strings.EqualFold(word, integrityOK) {
			add("the integrity of the %s firmware is %q", part, word)
		}
	}
	for _, part := range slices.Sorted(maps.Keys(h.Tainted)) {
		if n := h.Tainted[part]; n != 0 {
			add("%d files of the %s firmware were modified", n, part)
		}
	}
	if h.RAID != "" && !goodRAID(h.RAID) {
		add("the RAID is %q", strings.TrimSpace(h.RAID+" "+h.RAIDDetail))
	}
	if p := h.RAIDProgress; p != "" && p != "0" && p != "100" {
		add("the RAID works: %s", p)
	}
	return issues
}

// goodRAID says whether a RAID status is one that is known to be good. Its words are not documented; these are what controllers call it.
func goodRAID(word string) bool {
	return slices.ContainsFunc([]string{"OK", "optimal", "N/A"}, func(good string) bool { return strings.EqualFold(word, good) })
}

type wireHealth struct {
	Status *struct {
		CPU           number            `json:"cpu"`
		Disk          number            `json:"disk"`
		Memory        number            `json:"memory"`
		Swap          number            `json:"swap"`
		Sessions      map[string]number `json:"sessions"`
		SessionsTotal number            `json:"sessions_total"`
		TotalSessions number            `json:"total_sessions"` // 6.0.1
		Firmware      *struct {
			Tainted   map[string]number  `json:"tainted_files"`
			Integrity map[string]lenient `json:"integrity"`
		} `json:"firmware"`
		RAID *struct {
			Status struct {
				Status   lenient `json:"status"`
				Detailed lenient `json:"detailed_status"`
				Progress lenient `json:"operation_progress"`
			} `json:"status"`
		} `json:"raid"`
	} `json:"health_status"`
}

// Paths of the health status. The release in which they changed is not documented.
var healthPaths = [...]string{"/api/health_status", "/api/health-status"}

// Health asks how the appliance is. It asks the path of newer releases first and, where there is none, the older one.
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
		return c.healthOf(w), nil
	}
	return Health{}, last
}

func (c *Client) healthOf(w wireHealth) Health {
	scrub := c.session.scrub()
	s := w.Status
	h := Health{CPU: s.CPU.v, Disk: s.Disk.v, Memory: s.Memory.v, Swap: s.Swap.v, Full: s.Firmware != nil}
	for protocol, n := range s.Sessions {
		if v, ok := n.value(); ok {
			if h.Sessions == nil {
				h.Sessions = map[string]int{}
			}
			h.Sessions[scrub(protocol)] = int(v)
			h.SessionsTotal += int(v)
		}
	}
	for _, total := range []number{s.SessionsTotal, s.TotalSessions} {
		if v, ok := total.value(); ok {
			h.SessionsTotal = int(v)
		}
	}
	if f := s.Firmware; f != nil {
		h.Integrity, h.Tainted = map[string]string{}, map[string]int{}
		for part, word := range f.Integrity {
			h.Integrity[scrub(part)] = scrub(string(word))
		}
		for part, n := range f.Tainted {
			v, ok := n.value()
			if !ok {
				v = -1 // a count that is none is not zero
			}
			h.Tainted[scrub(part)] = int(v)
		}
	}
	if s.RAID != nil {
		h.RAID, h.RAIDDetail, h.RAIDProgress = scrub(string(s.RAID.Status.Status)), scrub(string(s.RAID.Status.Detailed)), scrub(string(s.RAID.Status.Progress))
	}
	return h
}
