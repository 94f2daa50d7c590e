package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"io"
	"testing"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

// What is printed is all that a client needs.
func TestServesPRA(t *testing.T) {
	for kind, want := range map[string]int{"pair": 2, "single": 1, "migrate": 2} {
		t.Run(kind, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			r, w := io.Pipe()
			var errs bytes.Buffer
			code := make(chan int)
			go func() { code <- run(ctx, []string{"-pra", kind, "-scale", "0.001"}, w, &errs) }()
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
			var got praSite
			if err := json.Unmarshal(line, &got); err != nil || len(got.Appliances) != want {
				t.Fatalf("%s: %v", line, err)
			}
			pool := x509.NewCertPool()
			pool.AppendCertsFromPEM([]byte(got.CA))
			cred := beyondtrust.NewCredential(got.ClientID, beyondtrust.NewSecret(got.Secret))
			c, err := beyondtrust.NewClient(got.URL, cred, &beyondtrust.Options{CA: pool})
			if err != nil {
				t.Fatal(err)
			}
			if h, err := c.Health(ctx); err != nil || !beyondtrust.SameGUID(h.GUID, got.Appliances[0].GUID) {
				t.Errorf("at the site's name: %+v, %v", h, err)
			}
		})
	}
}
