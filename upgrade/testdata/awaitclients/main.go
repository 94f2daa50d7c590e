// Awaitclients waits for the Jump Clients of one appliance and reports, as a program of its own whose memory can be measured.
//
// Its arguments: the site's address, the address to dial, a file with the authorities, a file with the credential, a folder for journal and reports. It ends with its own peak memory in KiB.
package main

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/upgrade"
)

func main() {
	if err := run(os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5]); err != nil {
		log.Fatal(err)
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		log.Fatal(err)
	}
	_, peak, _ := strings.Cut(string(status), "VmHWM:")
	peak, _, _ = strings.Cut(strings.TrimSpace(peak), " ")
	fmt.Println("peak", peak)
}

func run(site, dial, ca, credential, dir string) error {
	pem, err := os.ReadFile(ca)
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return errors.New("no authority in " + ca)
	}
	cred, err := beyondtrust.ReadCredential(credential)
	if err != nil {
		return err
	}
	c, err := beyondtrust.NewClient(site, cred, &beyondtrust.Options{Dial: dial, CA: pool})
	if err != nil {
		return err
	}
	j, err := upgrade.OpenJournal(filepath.Join(dir, "journal"))
	if err != nil {
		return err
	}
	defer j.Close()
	step := upgrade.AwaitJumpClients(upgrade.PRA{Name: "A", Client: c}, upgrade.ReturnPolicy{Every: time.Second})
	rep, err := step.Run(context.Background(), &upgrade.Options{Journal: j})
	if rep != nil {
		fmt.Println(rep)
		return errors.Join(err, writeReport(rep, filepath.Join(dir, "report.json")))
	}
	return err
}

func writeReport(rep *upgrade.Report, name string) error {
	b, err := json.Marshal(rep)
	if err != nil {
		return err
	}
	return os.WriteFile(name, b, 0o600)
}
