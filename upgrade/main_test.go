package upgrade_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/changeover-sdk/changeover/upgrade"
)

// With this in its environment the test binary is a process that a test kills or starves.
const (
	childEnv  = "UPGRADE_TEST_CHILD"
	childPath = "UPGRADE_TEST_PATH"
	childURL  = "UPGRADE_TEST_URL"
)

func TestMain(m *testing.M) {
	if what := os.Getenv(childEnv); what != "" {
		os.Exit(child(what, os.Getenv(childPath)))
	}
	goleak.VerifyTestMain(m)
}

func child(what, path string) int {
	var err error
	code := 1
	switch what {
	case "journal":
		err = holdJournal(path)
	case "appliance":
		err = holdAppliance(path)
	case "toy":
		err = runToy(path, os.Getenv(childURL))
	default:
		if fault := faultChildren[what]; fault != nil {
			code, err = fault(path)
		} else {
			err = fmt.Errorf("no child is called %q", what)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return code
	}
	return 0
}

func holdJournal(path string) error {
	j, err := upgrade.OpenJournal(path)
	if err != nil {
		return err
	}
	defer j.Close()
	return hold()
}

// hold says that the lock is held, and waits to be killed.
func hold() error {
	fmt.Println("held")
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

func holdAppliance(dir string) error {
	j, err := upgrade.OpenJournal(filepath.Join(dir, "child.journal"))
	if err != nil {
		return err
	}
	defer j.Close()
	_, err = upgrade.Run(context.Background(), upgrade.Procedure{Name: "child", Steps: []upgrade.Step{{Name: "hold", On: []string{"sps1"},
		Observe: func(context.Context, upgrade.Look) (upgrade.Observation, error) {
			return upgrade.Observation{}, hold()
		}}}}, &upgrade.Options{Journal: j})
	return err
}
