package spstest

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/changeover-sdk/changeover/sps"
)

// rebootButton is Reboot for a node; who is the one whose page it is on.
func (n *Node) rebootButton(node *Node) item {
	return n.atOnce(sps.ButtonReboot, func() error { return node.order(Reboot, node.reboot) })
}

func (n *Node) shutdownButton(node *Node) item {
	return n.atOnce(sps.ButtonShutdown, func() error { return node.order(Shutdown, node.shutdown) })
}

// order reboots a node or shuts it down, if it is there. With the lock held.
func (n *Node) order(what What, do func()) error {
	if n.phase == phaseOff || n.phase == phaseDead || n.phase == phaseRescue {
		return fmt.Errorf("%s is not there", n.name())
	}
	n.judge(what)
	if n.phase == phaseBooting {
		return fmt.Errorf("%s boots", n.name())
	}
	do()
	return nil
}

// uploadFile is Upload on the page Firmwares: the file has been read by now.
func (n *Node) uploadFile(ctx context.Context, set form) (*download, error) {
	image := set["Browse"].image
	if image == nil {
		return nil, errors.New("choose a file first")
	}
	var epoch int
	n.world.in(func() { epoch = n.epoch })
	if err := n.spend(ctx, n.installTime); err != nil {
		return nil, err
	}
	var err error
	n.world.in(func() {
		if n.epoch != epoch {
			err = errDown
			return
		}
		_, err = n.install(image, "the page")
	})
	return nil, err
}

// testButton is Test in the row of a firmware: the result is then shown in the row.
func (n *Node) testButton(ctx context.Context, i int, version string) error {
	var epoch int
	n.world.in(func() {
		epoch = n.epoch
		n.beginWork()
	})
	serr := n.spend(ctx, n.testTime)
	var err error
	n.world.in(func() {
		if n.epoch != epoch {
			err = errDown
			return
		}
		n.busy--
		if err = n.still(i, version); err != nil || serr != nil {
			return
		}
		lines, good := n.testSlot(i)
		n.slots[i].tested = map[bool]string{true: "ok", false: "failed: "}[good]
		if !good {
			n.slots[i].tested += strings.Join(lines, "; ")
		}
	})
	return errors.Join(serr, err)
}

// still checks that a row is what it was when the page was shown.
func (n *Node) still(i int, version string) error {
	if n.slots[i].version != version {
		return fmt.Errorf("the row %s is gone", version)
	}
	return nil
}

func (n *Node) markButton(i int, version string) error {
	if err := n.still(i, version); err != nil {
		return err
	}
	n.mark(i)
	if n.Switches.MarkReboots {
		n.reboot()
	}
	return nil
}

func (n *Node) deleteButton(i int, version string) error {
	if err := n.still(i, version); err != nil {
		return err
	}
	if i == n.current || i == n.next {
		return errors.New("the firmware is in use")
	}
	n.note(DeleteSlot, "%s in slot %s", version, n.slotKey(i))
	n.slots[i] = slot{}
	return nil
}

// export gives the configuration: a gzip archive <host name>-<time>.config, or something unreadable with -encrypted or -gpg in its name (SPS 7.5
// Administration Guide, Exporting the configuration).
func (n *Node) export(_ context.Context, set form) (*download, error) {
	suffix := map[string]string{"Encrypt with password": "-encrypted", "GPG encryption": "-gpg"}[set["Encryption"].text]
	if password := set["Encryption password"].text; suffix == "-encrypted" && (password == "" || len([]rune(password)) > 150) {
		return nil, errors.New("the password must have 1 to 150 characters")
	}
	var out *download
	n.world.in(func() {
		at := n.clock()
		name := n.host() + "-" + at.UTC().Format("20060102T1504")
		if n.Switches.EncryptedSuffix == "before" || suffix == "" {
			name += suffix + ".config"
		} else {
			name += ".config" + suffix
		}
		data := archive("config.xml", fmt.Sprintf("<config><host>%s.%s</host><version>%s</version></config>\n", n.host(), n.domain(), n.running()), at)
		if suffix != "" {
			for i := range data {
				data[i] ^= 0x5a // unreadable, which is all that can be said of it
			}
		}
		if n.ExportAs != nil {
			data = n.ExportAs
		}
		n.note(Export, "%s of %s", name, n.running())
		out = &download{name, data}
	})
	return out, nil
}
