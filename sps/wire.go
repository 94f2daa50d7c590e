package sps

import (
	"encoding/json"
	"strconv"
	"strings"
)

// lenient is a text that also takes a number, a boolean or nothing: what the guides leave open must not make an answer
// unreadable.
type lenient string

// UnmarshalJSON never fails on valid JSON.
func (l *lenient) UnmarshalJSON(data []byte) error {
	var s string
	if json.Unmarshal(data, &s) == nil {
		*l = lenient(s) // also for null, which leaves s empty
		return nil
	}
	*l = lenient(data)
	return nil
}

// number is a number that may be missing, or be written as a text. A missing one is not zero.
type number struct{ v *float64 }

// UnmarshalJSON never fails on valid JSON.
func (n *number) UnmarshalJSON(data []byte) error {
	n.v = nil
	if v, err := strconv.ParseFloat(strings.Trim(string(data), `"`), 64); err == nil && v-v == 0 {
		n.v = &v
	}
	return nil
}

func (n number) value() (float64, bool) {
	if n.v == nil {
		return 0, false
	}
	return *n.v, true
}

// flag is a truth that may be missing. Anything but true and false is missing.
type flag struct{ v *bool }

// UnmarshalJSON never fails on valid JSON.
func (f *flag) UnmarshalJSON(data []byte) error {
	f.v = nil
	if v, err := strconv.ParseBool(string(data)); err == nil && len(data) > 1 {
		f.v = &v
	}
	return nil
}

func (f flag) or(otherwise bool) bool {
	if f.v == nil {
		return otherwise
	}
	return *f.v
}

// object is a JSON object that may be something else, and then is empty.
type object map[string]json.RawMessage

// UnmarshalJSON never fails on valid JSON.
func (o *object) UnmarshalJSON(data []byte) error {
	var m map[string]json.RawMessage
	if json.Unmarshal(data, &m) != nil {
		m = nil
	}
	*o = m
	return nil
}

// members reads every member of an object the same way.
func members[T any](o object, read func(json.RawMessage) T) map[string]T {
	out := make(map[string]T, len(o))
	for name, raw := range o {
		out[name] = read(raw)
	}
	return out
}

func objectOf(raw json.RawMessage) (o object) { o.UnmarshalJSON(raw); return }
func numberOf(raw json.RawMessage) (n number) { n.UnmarshalJSON(raw); return }
func textOf(raw json.RawMessage) (l lenient) {
	if raw != nil {
		l.UnmarshalJSON(raw)
	}
	return
}
