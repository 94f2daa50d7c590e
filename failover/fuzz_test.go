package failover_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/changeover-sdk/changeover/failover"
)

// FuzzCanonical states that a set that is accepted is in a form that does not change any more, whatever way its values were written.
func FuzzCanonical(f *testing.F) {
	f.Add("access.example.com", "A", "192.0.2.1", "192.0.2.2", int64(60))
	f.Add("Access.Example.COM.", "aaaa", "2001:DB8:0:0::1", "::", int64(0))
	f.Add("alias.", "CNAME", "Target.example.com", "", int64(1<<31))
	f.Fuzz(func(t *testing.T, name, typ, v1, v2 string, ttl int64) {
		in := failover.RecordSet{Name: name, Type: failover.RRType(typ), Values: []string{v1, v2, v1}, TTL: time.Duration(ttl) * time.Second}
		out, err := in.Canonical()
		if err != nil {
			return
		}
		again, err := out.Canonical()
		if err != nil || !again.Same(out) || again.TTL != out.TTL {
			t.Errorf("%+v became %+v, which becomes %+v, %v", in, out, again, err)
		}
		if !slices.IsSorted(out.Values) || len(slices.Compact(slices.Clone(out.Values))) != len(out.Values) {
			t.Errorf("%q is not a sorted set", out.Values)
		}
	})
}

// FuzzReport states that a report that was read from a journal is written as it was read.
func FuzzReport(f *testing.F) {
	f.Add(`{"state":"pending","detail":"x","servers":[{"zone":"z","server":"s","kind":"resolver","state":"old","left":5}],"serials":{"z":4294967295}}`)
	f.Add(`{"state":"proven","identity":{"want":"g","seen":[{"from":"here","in_a_row":3,"ids":{"g":3}}]}}`)
	f.Add(`{"state":"no such state"}`)
	f.Fuzz(func(t *testing.T, text string) {
		var rep failover.Report
		if json.Unmarshal([]byte(text), &rep) != nil {
			return
		}
		out, err := json.Marshal(rep)
		if err != nil {
			t.Skip() // a year past 9999, for example
		}
		var again failover.Report
		if err := json.Unmarshal(out, &again); err != nil {
			t.Fatalf("%s cannot be read again: %v", out, err)
		}
		second, err := json.Marshal(again)
		if err != nil || string(second) != string(out) {
			t.Errorf("%s became %s, %v", out, second, err)
		}
	})
}
