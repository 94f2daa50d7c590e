package praweb_test

import (
	"fmt"

	"github.com/changeover-sdk/changeover/beyondtrust/praweb"
)

// A label of one's own, without code. A misspelt table is refused before anything is started.
func ExampleNew() {
	table := []byte(`{"labels": {"failover.sync now": {"asks": {"type": "confirm", "text": ["Really?"]}}}}`)
	_, err := praweb.New("https://access.example.com", praweb.Accounts{}, &praweb.Options{Labels: table})
	fmt.Println(err)
	// Output: praweb: labels: "failover.sync now": json: unknown field "asks"
}

// What is told to a person: what was found on which page.
func ExampleReport() {
	r := praweb.Report{Product: "an appliance", Site: "access.example.com", Pages: []praweb.PageReport{{Page: "system", Labels: []praweb.LabelReport{
		{Label: "system.reboot", Text: "Reboot", Finding: praweb.Found},
		{Label: "system.shutdown", Text: "Shutdown", Finding: praweb.Missing},
	}}}}
	fmt.Println(r.OK(), r.Problems())
	// Output: false [system: system.shutdown: Shutdown is missing]
}
