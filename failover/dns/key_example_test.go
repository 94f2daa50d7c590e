package dns_test

import (
	"fmt"

	"github.com/changeover-sdk/changeover/failover/dns"
)

func ExampleParseKey() {
	key, err := dns.ParseKey([]byte(`key "swing." { algorithm hmac-sha256; secret "bm90IGEgcmVhbCBzZWNyZXQ="; };`))
	fmt.Println(key, err) // never the secret
	// Output: swing. (hmac-sha256) <nil>
}
