package failover_test

import (
	"context"
	"errors"
	"testing"

	"github.com/changeover-sdk/changeover/failover"
)

func TestIdentifyWantsSeveralInARow(t *testing.T) {
	answers := func(ids ...string) failover.Vantage {
		n := 0
		return failover.Vantage{From: "here", Ask: func(context.Context) (string, error) {
			id := ids[n%len(ids)]
			n++
			if id == "" {
				return "", errors.New("connection refused")
			}
			return id, nil
		}}
	}
	tests := map[string]struct {
		v    []failover.Vantage
		want bool
	}{
		"three times":           {[]failover.Vantage{answers("b", "b", "b")}, true},
		"both in turn":          {[]failover.Vantage{answers("b", "a")}, false},
		"the other at the end":  {[]failover.Vantage{answers("b", "b", "a")}, false},
		"nobody once":           {[]failover.Vantage{answers("b", "", "b")}, false},
		"right here, not there": {[]failover.Vantage{answers("b"), answers("a")}, false},
		"no vantage":            {nil, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if id := failover.Identify(t.Context(), tt.v, "b", 3); id.Proven() != tt.want {
				t.Errorf("Identify() = %v, proven %t, want %t", id, id.Proven(), tt.want)
			}
		})
	}
	if id := failover.Identify(t.Context(), []failover.Vantage{{From: "x", Ask: func(context.Context) (string, error) { return "", nil }}}, "", 1); id.Proven() {
		t.Error("an empty identity was taken for proof")
	}
}

func TestReachSaysWhoAnswers(t *testing.T) {
	got := failover.Reach(t.Context(), []failover.Vantage{
		{From: "one", Ask: func(context.Context) (string, error) { return "guid-a", nil }},
		{From: "two", Ask: func(context.Context) (string, error) { return "", errors.New("no route to host") }},
	})
	if len(got) != 2 || got[0].ID != "guid-a" || got[1].Error != "no route to host" {
		t.Errorf("Reach() = %+v", got)
	}
}
