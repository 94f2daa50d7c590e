package beyondtrust

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// BenchmarkJumpClientPage reads one page of a hundred Jump Clients; a list of 50,000 is five hundred of them.
func BenchmarkJumpClientPage(b *testing.B) {
	items := make([]string, perPage)
	for i := range items {
		items[i] = fmt.Sprintf(`{"id":%d,"jump_group_id":3,"jump_group_type":"shared","name":"db%d","hostname":"db%d","fqdn":"db%d.example.com","connection_type":"active",
		 "last_connect_timestamp":"2026-03-01T03:12:44+00:00","last_disconnect_timestamp":"2026-03-01T02:40:02+00:00","is_lost":false,"needs_update":true,"unavailable_reason":"none"}`, i, i, i, i)
	}
	page := []byte("[" + strings.Join(items, ",") + "]")
	b.SetBytes(int64(len(page)))
	b.ReportAllocs()
	for b.Loop() {
		list, err := decodeList[wireJumpClient](page, perPage)
		if err != nil || len(list) != perPage {
			b.Fatal(len(list), err)
		}
		for _, w := range list {
			if _, err := parseJumpClient(w, time.Time{}); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkHealthXML(b *testing.B) {
	doc := []byte(`<health_check xmlns="x"><appliance id="` + fuzzGUID + `">pra-a</appliance><version>24.3.2 (51234-0123)</version><success>1</success><failover_role>primary</failover_role>` +
		`<enabled_shared_ips><ip>192.0.2.10</ip></enabled_shared_ips><last_data_sync_time ts="1739990000">2025-02-19T18:33:20+0000</last_data_sync_time></health_check>`)
	b.ReportAllocs()
	for b.Loop() {
		root, err := parseXML(doc)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := parseHealthXML(root); err != nil {
			b.Fatal(err)
		}
	}
}
