package beyondtrust

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// decode reads one whole JSON value into v. Fields that v does not have are ignored, since new ones may appear at any time (Command API
// 2.0.0); anything after the value is not.
func decode(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("read JSON: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("read JSON: something after the value")
	}
	return nil
}

// listMost is how many items a list without pages may have: far more than an appliance has consoles and sessions, and few enough for memory, because an
// item can be two bytes of an answer.
const listMost = 100_000

// decodeList is decode for an array of at most so many items. A null is an error and not an empty list: nobody there, and no answer, are different things.
func decodeList[T any](b []byte, atMost int) ([]T, error) {
	if b = bytes.TrimSpace(b); len(b) == 0 || b[0] != '[' {
		return nil, errors.New("read JSON: want an array")
	}
	d := json.NewDecoder(bytes.NewReader(b))
	if _, err := d.Token(); err != nil {
		return nil, fmt.Errorf("read JSON: %w", err)
	}
	list := []T{}
	for d.More() {
		if len(list) == atMost {
			return nil, fmt.Errorf("read JSON: more than %d items", atMost)
		}
		var item T
		if err := d.Decode(&item); err != nil {
			return nil, fmt.Errorf("read JSON: %w", err)
		}
		list = append(list, item)
	}
	if _, err := d.Token(); err != nil {
		return nil, fmt.Errorf("read JSON: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("read JSON: something after the value")
	}
	return list, nil
}

// wireTime is a point in time as the APIs word it: RFC 3339, UNIX seconds as a number or in quotes (older releases), null or "" for none.
type wireTime struct{ time.Time }

func (t *wireTime) UnmarshalJSON(b []byte) error {
	if bytes.Equal(b, []byte("null")) {
		return nil
	}
	var s string
	if b[0] == '"' {
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
	} else {
		s = string(b)
	}
	at, err := parseTime(s)
	t.Time = at
	return err
}

// parseTime reads a date-time of either API, or UNIX seconds. Empty is the zero time.
func parseTime(s string) (time.Time, error) {
	if s = strings.TrimSpace(s); s == "" {
		return time.Time{}, nil
	}
	if sec, err := strconv.ParseInt(s, 10, 64); err == nil {
		// Years 1970 to 9999; also what time.Time can marshal.
		if sec < 0 || sec > 253402300799 {
			return time.Time{}, fmt.Errorf("time %.40q is out of range", s)
		}
		if sec == 0 {
			return time.Time{}, nil // older releases say 0 for "never"
		}
		return time.Unix(sec, 0).UTC(), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05Z0700"} {
		if at, err := time.Parse(layout, s); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("time %.40q: want a date and time with an offset", s)
}

// wireBool is true or false, also as 1 and 0 with or without quotes (older releases).
type wireBool bool

func (v *wireBool) UnmarshalJSON(b []byte) error {
	switch string(b) {
	case "true", "1", `"true"`, `"1"`:
		*v = true
	case "false", "0", `"false"`, `"0"`:
		*v = false
	case "null":
	default:
		return fmt.Errorf("%.20q is neither true nor false", b)
	}
	return nil
}

// wireWord is a string that some releases write as a number: an id, a build.
type wireWord string

func (w *wireWord) UnmarshalJSON(b []byte) error {
	if b[0] == '"' {
		return json.Unmarshal(b, (*string)(w))
	}
	if bytes.Equal(b, []byte("null")) {
		return nil
	}
	var n json.Number
	if err := json.Unmarshal(b, &n); err != nil {
		return err
	}
	*w = wireWord(n)
	return nil
}

// parseAddrs reads IP addresses. One that cannot be read fails all: it may be the one that matters.
func parseAddrs(words []string) ([]netip.Addr, error) {
	var list []netip.Addr
	for _, w := range words {
		a, err := netip.ParseAddr(strings.TrimSpace(w))
		if err != nil {
			return nil, fmt.Errorf("shared IP address %.60q is not one", w)
		}
		list = append(list, a)
	}
	return list, nil
}

// wireSeconds is a number of seconds, with or without quotes. What is not one counts as 0.
type wireSeconds int64

func (s *wireSeconds) UnmarshalJSON(b []byte) error {
	n, err := strconv.ParseInt(strings.Trim(string(b), `"`), 10, 32)
	if err != nil {
		n = 0
	}
	*s = wireSeconds(n)
	return nil
}

// printable drops what a terminal would obey from a name that an appliance hands on from elsewhere.
func printable(s string) string {
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return strings.Map(func(r rune) rune {
				if unicode.IsPrint(r) {
					return r
				}
				return -1
			}, s)
		}
	}
	return s
}
