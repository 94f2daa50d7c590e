package sps

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/changeover-sdk/changeover/internal/redact"
	"github.com/changeover-sdk/changeover/internal/rest"
)

// Info is what the appliance says of itself (GET /api/info, SPS 7.x REST API Reference Guide, Retrieve basic firmware and
// host information).
type Info struct {
	Host     string `json:"host"`
	Domain   string `json:"domain"`
	Nickname string `json:"nickname,omitempty"`

	Firmware     Version  `json:"firmware"`      // the running version; zero when FirmwareText is no version
	FirmwareText string   `json:"firmware_text"` // as the appliance words it
	Marketing    string   `json:"marketing,omitempty"`
	BuildDate    string   `json:"build_date,omitempty"`
	ConfigHash   string   `json:"config_hash,omitempty"`
	Roles        []string `json:"roles,omitempty"` // in a cluster of appliances

	// Remaining is how long the session still lives, as the appliance says; zero when it does not.
	Remaining time.Duration `json:"remaining,omitempty"`

	// Time is the appliance's own clock, from the Date header of this answer, with a resolution of a second. Zero when it sent
	// none. Compare other times of the appliance with this one, not with ours.
	Time time.Time `json:"time,omitzero"`

	// Fingerprint is the SHA-256 of the certificate the appliance showed, in hex; empty in simulations without TLS.
	Fingerprint string `json:"fingerprint,omitempty"`
}

// Name is the host name with its domain, by which one appliance is told from another.
func (i Info) Name() string {
	if i.Domain == "" {
		return i.Host
	}
	return i.Host + "." + i.Domain
}

type wireInfo struct {
	Body struct {
		HostName   lenient   `json:"hostname"`
		DomainName lenient   `json:"domainname"`
		Nickname   lenient   `json:"nickname"`
		Firmware   *lenient  `json:"firmware_version"`
		Version    lenient   `json:"version"`
		BuildDate  lenient   `json:"build_date"`
		ConfigHash lenient   `json:"config_hash"`
		Roles      []lenient `json:"roles"`
	} `json:"body"`
	Meta wireMeta `json:"meta"`
}

type wireMeta struct {
	Next             lenient `json:"next"` // of a list that comes in parts
	Self             lenient `json:"self"`
	Slot             lenient `json:"slot"`
	CurrentSlot      lenient `json:"current_slot"`
	SlotAfterReboot  lenient `json:"slot_after_reboot"`
	EmptySlots       number  `json:"number_of_empty_slots"`
	RemainingSeconds number  `json:"remaining_seconds"`
}

// Info asks who the appliance is and what it runs, logged in. An answer without a firmware version, as strangers get it,
// counts as a session that has ended: Info logs in once more, and fails with class [ErrAuth] if the version is still
// withheld. It is retried as every read.
func (c *Client) Info(ctx context.Context) (Info, error) {
	cookie := c.session.cookie()
	info, known, err := c.info(ctx)
	if err != nil || known {
		return info, err
	}
	// The session may have been renewed while we asked; only one that gave this answer is given up.
	if now := c.session.cookie(); now == cookie || cookie == "" {
		if _, err := c.session.renew(ctx, now); err != nil {
			return Info{}, within(opInfo, err)
		}
	}
	info, known, err = c.info(ctx)
	if err != nil || known {
		return info, err
	}
	return Info{}, &Error{Op: opInfo, Method: http.MethodGet, Path: pathInfo, Status: http.StatusOK, class: ErrAuth,
		Message: "the answer holds no firmware version, as for strangers, right after a login",
		Advice:  "check the clocks of both sides and the user's privileges"}
}

const (
	opInfo   = "read info"
	pathInfo = "/api/info"
)

// info asks once, and also says whether the answer is one for who is logged in.
func (c *Client) info(ctx context.Context) (Info, bool, error) {
	var w wireInfo
	resp, err := c.call(ctx, request{op: opInfo, intent: rest.Read, method: http.MethodGet, path: pathInfo}, &w)
	if err != nil {
		return Info{}, false, err
	}
	return infoOf(w, resp, c.session.scrub()), w.Body.Firmware != nil && *w.Body.Firmware != "", nil
}

func infoOf(w wireInfo, resp *rest.Response, scrub redact.Scrubber) Info {
	b := w.Body
	i := Info{
		Host: scrub.Short(string(b.HostName)), Domain: scrub.Short(string(b.DomainName)), Nickname: scrub.Short(string(b.Nickname)),
		Marketing: scrub.Short(string(b.Version)), BuildDate: scrub.Short(string(b.BuildDate)), ConfigHash: scrub.Short(string(b.ConfigHash)), Roles: texts(b.Roles, scrub),
		Time: dateOf(resp), Fingerprint: fingerprintOf(resp),
	}
	if b.Firmware != nil {
		i.FirmwareText = scrub.Short(string(*b.Firmware))
		i.Firmware, _ = ParseVersion(string(*b.Firmware))
	}
	i.Remaining = w.Meta.remaining()
	return i
}

// remaining is how long the session, or the transaction, still lives, as told.
func (m wireMeta) remaining() time.Duration {
	if seconds, ok := m.RemainingSeconds.value(); ok && seconds > 0 && seconds < 1e9 {
		return time.Duration(seconds * float64(time.Second))
	}
	return 0
}

func texts(list []lenient, scrub redact.Scrubber) []string {
	var out []string
	for _, s := range list {
		out = append(out, scrub.Short(string(s)))
	}
	return out
}

func dateOf(resp *rest.Response) time.Time {
	t, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

func fingerprintOf(resp *rest.Response) string {
	if len(resp.Chain) == 0 {
		return ""
	}
	return rest.Fingerprint(resp.Chain[0])
}

// alive asks whether the session still stands, without logging in.
func (c *Client) alive(ctx context.Context) bool {
	cookie := c.session.cookie()
	if cookie == "" {
		return false
	}
	h := http.Header{"Accept": {"application/json"}}
	setCookie(h, cookie)
	var w wireInfo
	resp, err := c.rest.Do(ctx, rest.Request{Intent: rest.Look, Method: http.MethodGet, URL: c.url(pathInfo), Header: h, Timeout: c.timeout})
	if err != nil {
		return !errors.Is(err, context.Canceled) // not told
	}
	if err := decode(opInfo, http.MethodGet, pathInfo, resp, &w, c.session.scrub()); err != nil {
		return !errors.Is(err, ErrAuth)
	}
	return w.Body.Firmware != nil
}
