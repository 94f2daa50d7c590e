package upgrade

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/changeover-sdk/changeover/sps"
)

// spsCannot sorts the error of a look at an SPS: what no waiting mends is Blocked, anything else means "cannot tell".
func spsCannot(err error) (Observation, error) {
	for class, detail := range map[error]string{
		sps.ErrAuth:      "the appliance does not let us in",
		sps.ErrForbidden: "the user may not do this",
		sps.ErrUntrusted: "the appliance's certificate is not trusted",
		sps.ErrRedirect:  "another host is named by who answers",
	} {
		if errors.Is(err, class) {
			return See(Blocked, nil, "%s", detail), err
		}
	}
	return Observation{}, err
}

// spsAt is what a node runs and what it holds.
type spsAt struct {
	Name     string `json:"name"`
	Firmware string `json:"firmware"`
	info     sps.Info
	slots    sps.Slots
}

func lookAtSPS(ctx context.Context, c *sps.Client) (spsAt, error) {
	info, err := c.Info(ctx)
	if err != nil {
		return spsAt{}, err
	}
	slots, err := c.Slots(ctx)
	if err != nil {
		return spsAt{}, err
	}
	return spsAt{Name: info.Name(), Firmware: info.FirmwareText, info: info, slots: slots}, nil
}

// unlessOn makes a check or a question that only matters before the upgrade pass on a node that runs v already.
func unlessOn(c *sps.Client, v sps.Version, s Step) Step {
	observe := s.Observe
	s.Observe = func(ctx context.Context, look Look) (Observation, error) {
		if look.Since == nil {
			info, err := c.Info(ctx)
			switch {
			case err != nil:
				return spsCannot(err)
			case info.Firmware.Same(v):
				return See(Done, nil, "runs %s already", v), nil
			}
		}
		return observe(ctx, look)
	}
	s.On = []string{c.Host()}
	return s
}

// BeforeUpgrade returns the step changed so that it is done without further ado on a node that runs v already: for questions and
// checks that only matter before the upgrade.
func BeforeUpgrade(c *sps.Client, v sps.Version, s Step) Step { return unlessOn(c, v, s) }

// SameSPS returns a guard: the appliance at c's address is the one it was when the journal began, by the host and domain name
// that it gives itself. Its certificate is kept as evidence, but a new one does not make it another appliance.
func SameSPS(c *sps.Client) Guard {
	return Guard{Name: "same appliance at " + c.Host(), On: []string{c.Host()},
		Observe: func(ctx context.Context, look Look) (Observation, error) {
			info, err := c.Info(ctx)
			if err != nil {
				return spsCannot(err)
			}
			now := spsIdentity{Name: info.Name(), Certificate: info.Fingerprint}
			if look.Since != nil {
				var first spsIdentity
				if err := readEvidence(look.Since.Before, &first); err != nil {
					return Observation{}, err
				}
				if first.Name != now.Name {
					return See(Blocked, now, "%s answers, and it was %s when this journal began", now.Name, first.Name), nil
				}
			}
			return See(Done, now, "%s answers", now.Name), nil
		}}
}

type spsIdentity struct {
	Name        string `json:"name"`
	Certificate string `json:"certificate,omitempty"`
}

// CheckUpgradePath returns a check: the target is newer than what runs, and the path is one that the operator's table allows. Without
// a table any newer version passes here, for the appliance's own firmware test is the judge (SPS 6.13 REST API Reference Guide).
// A lower target is refused: downgrading is not supported (SPS 6.0 LTS Upgrade Guide).
func CheckUpgradePath(c *sps.Client, v sps.Version, paths []SPSPath) Step {
	return Step{Name: "check the upgrade path", On: []string{c.Host()}, With: map[string]string{"version": v.String()},
		Observe: func(ctx context.Context, _ Look) (Observation, error) {
			info, err := c.Info(ctx)
			if err != nil {
				return spsCannot(err)
			}
			ev := map[string]string{"from": info.FirmwareText, "to": v.String()}
			switch from := info.Firmware; {
			case from.IsZero():
				return See(Blocked, ev, "the appliance calls its version %q, which is none", info.FirmwareText), nil
			case from.Same(v):
				return See(Done, ev, "runs %s already", v), nil
			case from.Compare(v) > 0:
				return See(Blocked, ev, "%s is older than %s, which runs: downgrading is not supported", v, from), nil
			case !allowedPath(paths, from, v):
				return See(Blocked, ev, "the table of upgrade paths has none from %s to %s", from, v), nil
			case from.LTS() && !v.LTS():
				return See(Done, ev, "%s to %s leaves the long-term supported line: every feature release up to the next LTS has to be followed", from, v), nil
			default:
				return See(Done, ev, "%s to %s", from, v), nil
			}
		},
		Advice: "Go to the newest maintenance release of the running line first (SPS 6.0 Upgrade Guide); the upgrade guide of the target names the versions it can be reached from."}
}

// An SPSPath allows upgrades from any version of From..Through to any version of the line of To. It is data: load it from a file,
// fill it in from the upgrade guide of the target.
type SPSPath struct {
	From    sps.Version `json:"from"`
	Through sps.Version `json:"through"`
	To      sps.Version `json:"to"`
}

func allowedPath(paths []SPSPath, from, to sps.Version) bool {
	for _, p := range paths {
		if from.Compare(p.From) >= 0 && from.Compare(p.Through) <= 0 && (to.SameLine(p.To)) {
			return true
		}
	}
	return len(paths) == 0
}

// readEvidence reads what an earlier look kept.
func readEvidence(raw []byte, v any) error {
	if len(raw) == 0 {
		return nil
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("the evidence in the journal is not what this step writes: %w", err)
	}
	return nil
}
