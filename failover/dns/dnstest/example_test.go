package dnstest_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/changeover-sdk/changeover/failover"
	"github.com/changeover-sdk/changeover/failover/dns"
	"github.com/changeover-sdk/changeover/failover/dns/dnstest"
	"github.com/changeover-sdk/changeover/failover/failovertest"
)

// A server whose clock is an hour ahead refuses, and tells its time.
func ExampleServer() {
	key, err := dns.ParseKey([]byte(`key "swing." { algorithm hmac-sha256; secret "bm90IGEgcmVhbCBzZWNyZXQ="; };`))
	if err != nil {
		fmt.Println(err)
	}
	old := failover.RecordSet{Name: "access.example.com.", Type: failover.A, TTL: time.Hour, Values: []string{"192.0.2.1"}}
	next := old
	next.Values = []string{"192.0.2.2"}
	srv := &dnstest.Server{Zone: failovertest.NewZone("example.com.", old), Name: "example.com.", Key: key}
	defer srv.Close()
	srv.Fail(dnstest.BadTime)

	s, err := dns.NewServer("192.0.2.53", key.Signer(), &dns.Options{Dial: srv.Dial})
	if err != nil {
		fmt.Println(err)
	}
	defer s.Close()
	zone, err := s.Zone("example.com.")
	if err != nil {
		fmt.Println(err)
	}
	err = zone.Replace(context.Background(), []failover.Change{{Old: old, New: next}})
	e, ok := errors.AsType[*dns.Error](err)
	fmt.Println(ok, e.TSIG, e.Skew.Round(time.Minute), errors.Is(err, failover.ErrRefused))
	// Output: true BADTIME 1h0m0s true
}
