package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/changeover-sdk/changeover/failover"
	"github.com/changeover-sdk/changeover/internal/cli"
	"github.com/changeover-sdk/changeover/internal/rest"
)

// plan says what would be changed and where traffic is led now.
func plan(ctx context.Context, s failover.Swinger, out io.Writer) int {
	p := s.Plan()
	fmt.Fprintf(out, "%s: %s -> %s\n", p.Kind, p.From, p.To)
	for _, part := range p.Parts {
		fmt.Fprintf(out, "  %s (guard: %s)\n", part.On, part.Guard)
		for _, m := range part.Moves {
			fmt.Fprintf(out, "    %s\n", m)
		}
	}
	view, err := s.Look(ctx)
	if err != nil {
		fmt.Fprintln(out, err)
		return end(out, view.Position.String(), false)
	}
	fmt.Fprintf(out, "now: %s\n", view.Detail)
	if view.Wait > 0 {
		fmt.Fprintf(out, "caches may lead to the old side for %v after a swing\n", view.Wait)
	}
	return end(out, view.Position.String(), view.Position == failover.AtFrom || view.Position == failover.AtTo)
}

// swing makes the change, once, and verifies it.
func swing(ctx context.Context, s failover.Swinger, out io.Writer) int {
	res, err := s.Swing(ctx)
	if err != nil {
		fmt.Fprintln(out, err)
	}
	if !res.Outcome.Good() {
		return end(out, res.Outcome.String(), false)
	}
	fmt.Fprintf(out, "%s: %s\n", s.Plan().Kind, res.Detail)
	return verify(ctx, s, out)
}

// verify waits until everybody who was named leads to the new side.
func verify(ctx context.Context, s failover.Swinger, out io.Writer) int {
	last := ""
	rep, err := failover.Verify(ctx, s, &failover.VerifyOptions{Event: func(r failover.Report) {
		if r.Detail != last {
			last = r.Detail
			fmt.Fprintf(out, "%s %s\n", r.At.Format(time.TimeOnly), r.Detail)
		}
	}})
	for _, v := range rep.Servers {
		fmt.Fprintf(out, "  %s %s: %s %s %s\n", v.Kind, v.Server, v.State, strings.Join(v.Have, " "), v.Error)
	}
	for _, v := range rep.Skipped {
		fmt.Fprintf(out, "  skipped %s: %s\n", v.Server, v.Reason)
	}
	for _, n := range rep.Notes {
		fmt.Fprintf(out, "  note: %s\n", n)
	}
	if err != nil {
		fmt.Fprintln(out, err)
	}
	return end(out, rep.State.String(), err == nil)
}

// end writes the last line.
func end(out io.Writer, outcome string, good bool) int {
	fmt.Fprintf(out, "outcome: %s\n", outcome)
	if good {
		return 0
	}
	return 1
}

// vantages returns this machine, which asks the site for its certificate, if that is wanted. Fingerprints take the form in which they will be compared.
func (s *settings) vantages() ([]failover.Vantage, error) {
	if s.identify == "" {
		return nil, nil
	}
	for _, id := range []*string{&s.fromID, &s.toID} {
		if *id == "" {
			continue
		}
		sum, err := rest.ParseFingerprint(*id)
		if err != nil {
			return nil, err
		}
		*id = hex.EncodeToString(sum[:])
	}
	if s.toID == "" {
		return nil, errors.New("-identify needs -to-fingerprint")
	}
	u, err := rest.Base(s.identify)
	if err != nil {
		return nil, err
	}
	pool, err := cli.CA(s.ca)
	if err != nil {
		return nil, err
	}
	c, err := rest.New(rest.Config{CA: pool, FreshConnections: true, Retries: -1})
	if err != nil {
		return nil, err
	}
	u.Path = "/"
	return []failover.Vantage{{From: "this machine", Ask: func(ctx context.Context) (string, error) {
		got, err := c.Do(ctx, rest.Request{Intent: rest.Read, Method: http.MethodGet, URL: u, Timeout: 10 * time.Second})
		if err != nil {
			return "", err
		}
		return rest.Fingerprint(got.Chain[0]), nil
	}}}, nil
}
