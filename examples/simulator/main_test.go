package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/changeover-sdk/changeover/ipmi"
	"github.com/changeover-sdk/changeover/sps"
)

// What is printed is all that a client needs.
func TestServes(t *testing.T) {
	tests := map[string]struct{ appliances, bmcs int }{"node": {1, 1}, "ha": {1, 2}, "search": {3, 1}}
	for kind, want := range tests {
		t.Run(kind, func(t *testing.T) {
			defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
			ctx, cancel := context.WithCancel(t.Context())
			r, w := io.Pipe()
			var errs bytes.Buffer
			code := make(chan int)
			go func() { code <- run(ctx, []string{"-sps", kind, "-version", "7.0.1", "-scale", "0.001"}, w, &errs) }()
			defer func() {
				cancel()
				if got := <-code; got != 0 {
					t.Errorf("exit code %d: %s", got, errs.String())
				}
			}()
			line, err := bufio.NewReader(r).ReadBytes('\n')
			if err != nil {
				t.Fatal(err)
			}
			var got struct{ Appliances []appliance }
			if err := json.Unmarshal(line, &got); err != nil || len(got.Appliances) != want.appliances {
				t.Fatalf("%s: %v", line, err)
			}
			for _, a := range got.Appliances {
				pool := x509.NewCertPool()
				pool.AppendCertsFromPEM([]byte(a.CA))
				c, err := sps.NewClient(a.URL, sps.Login{User: a.User, Password: a.Password}, &sps.Options{CA: pool, Fingerprint: a.Fingerprint})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				if info, err := c.Info(ctx); err != nil || info.FirmwareText != "7.0.1" {
					t.Errorf("%s: %+v, %v", a.Name, info, err)
				}
				if len(a.BMCs) != want.bmcs {
					t.Errorf("%s: BMCs %+v, want %d", a.Name, a.BMCs, want.bmcs)
				}
				for _, b := range a.BMCs {
					m, err := ipmi.New(b.Addr, ipmi.Login{User: b.User, Password: b.Password}, nil)
					if err != nil {
						t.Fatal(err)
					}
					if state, err := m.State(ctx); err != nil || state != "on" {
						t.Errorf("BMC of %s: %q, %v", b.Node, state, err)
					}
					m.Close()
				}
			}
		})
	}
}

func TestUsage(t *testing.T) {
	tests := map[string]struct {
		args []string
		code int
		says string
	}{
		"help":                {[]string{"-h"}, 0, "Example: simulator -sps ha"},
		"help lists failures": {[]string{"-h"}, 0, "boots-older-slot"},
		"no such kind":        {[]string{"-sps", "tape"}, 64, "want node, ha or search"},
		"no such scenario":    {[]string{"-scenario", "meteor"}, 64, "there are tainted"},
		"not for a node":      {[]string{"-scenario", "both-primary"}, 64, "needs a pair"},
		"no version":          {[]string{"-version", "new"}, 64, "want two to four numbers"},
		"no such markup":      {[]string{"-markup", "gopher"}, 64, "there is no markup"},
		"no such gate":        {[]string{"-gates", "moat"}, 64, "there is no \"moat\""},
		"no such trap":        {[]string{"-trap", "pit=Reboot"}, 64, "want one of"},
		"no question":         {[]string{"-ask", "Reboot"}, 64, "want BUTTON=QUESTION"},
		"help lists traps":    {[]string{"-h"}, 0, "elsewhere"},
		"left over":           {[]string{"ha"}, 64, "is no flag"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var out, errs bytes.Buffer
			if code := run(t.Context(), tt.args, &out, &errs); code != tt.code || !strings.Contains(errs.String(), tt.says) || out.Len() != 0 {
				t.Errorf("run(%q) = %d, want %d\n%s\n%s", tt.args, code, tt.code, errs.String(), out.String())
			}
		})
	}
}
