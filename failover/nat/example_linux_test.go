package nat_test

import (
	"fmt"
	"net/netip"

	"github.com/changeover-sdk/changeover/failover/nat"
)

// A site of a map in nftables. Nothing is asked of the kernel before Targets or Replace.
func ExampleOpenNFTables() {
	gw, err := nat.OpenNFTables(netip.MustParseAddr("198.51.100.1"), &nat.NFTablesOptions{BootFile: "/etc/nftables.d/swing-elements.nft"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer gw.Close()
	fmt.Println(gw, "- guard:", gw.Guard())
	// Output: 198.51.100.1 in map sites of table ip swing - guard: atomic
}
