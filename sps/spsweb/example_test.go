package spsweb_test

import (
	"fmt"

	"github.com/changeover-sdk/changeover/sps"
	"github.com/changeover-sdk/changeover/sps/spsweb"
)

// A label of one's own, without code. A misspelt table is refused before anything is started.
func ExampleNew() {
	table := []byte(`{"labels": {"ha.activate slave": {"asks": {"type": "confirm", "text": ["Really?"]}}}}`)
	_, err := spsweb.New("https://sps.example.test", sps.Login{User: "admin", Password: "secret"}, &spsweb.Options{Labels: table})
	fmt.Println(err)
	// Output: spsweb: labels: "ha.activate slave": json: unknown field "asks"
}

// What is told to a person: what was found on which page.
func ExampleReport() {
	r := spsweb.Report{Product: "an appliance", Site: "sps.example.test", Pages: []spsweb.PageReport{{Page: "system", Labels: []spsweb.LabelReport{
		{Label: "system.reboot", Text: "Reboot", Finding: spsweb.Found},
		{Label: "system.shutdown", Text: "Shutdown", Finding: spsweb.Missing},
	}}}}
	fmt.Println(r.OK(), r.Problems())
	// Output: false [system: system.shutdown: Shutdown is missing]
}
