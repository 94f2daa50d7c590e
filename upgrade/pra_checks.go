package upgrade

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

// Defaults of the checks before an upgrade.
const (
	DefaultClockOffset = 2 * time.Minute
	// DefaultCertificateMargin is how long a certificate must still last: the vendor warns by mail from 90 days on.
	DefaultCertificateMargin = 30 * 24 * time.Hour
)

// CheckPRA returns a check of an appliance that stands alone: it is healthy, runs what it says, and is in no relationship that an upgrade would need broken first. What it runs, and the target, are
// compared: a target older than what runs is refused, for no downgrade is documented.
func CheckPRA(p PRA, v beyondtrust.Version) Step {
	return Step{Name: "check the appliance", On: []string{p.Host()}, With: map[string]string{"version": v.String()},
		Observe: func(ctx context.Context, look Look) (Observation, error) {
			h, err := p.health(ctx)
			if err != nil {
				return praCannot(look, err)
			}
			ev := map[string]string{"guid": h.GUID, "version": h.Version.String(), "role": string(h.FailoverRole)}
			switch {
			case !h.Healthy:
				return See(Pending, ev, "is not healthy: %s", h.Problem), nil
			case h.FailoverRole != beyondtrust.RoleNone:
				return See(Blocked, ev, "its failover role is %q: it belongs to a pair, which is upgraded as one", h.FailoverRole), nil
			case beyondtrust.CompareNumbers(h.Version.Number, v.Number) > 0:
				return See(Blocked, ev, "runs %s, which is newer than %s: no downgrade is documented", h.Version, v), nil
			}
			return See(Done, ev, "%s runs %s in good health", h.Hostname, h.Version), nil
		},
		Every: 30 * time.Second, Limit: 15 * time.Minute, Takes: time.Second}
}

// CheckClock returns a check: the appliance's clock differs from this machine's by no more than offset (default 2 minutes), by the Date of its answers. "Many functions of the BeyondTrust
// Appliance, including the Appliance Download Key, rely on this time being correct" (PRA Upgrade Guide).
func CheckClock(p PRA, offset time.Duration) Step {
	offset = orElse(offset, DefaultClockOffset)
	return Step{Name: "check the clock of " + p.Name, On: []string{p.Host()}, With: map[string]string{"offset": spell(offset)},
		Observe: func(ctx context.Context, look Look) (Observation, error) {
			h, err := p.health(ctx)
			if err != nil {
				return praCannot(look, err)
			}
			d, ok := h.Offset()
			switch {
			case !ok:
				return See(Unknown, nil, "its answers carry no date"), nil
			case d.Abs() > offset:
				return See(Blocked, d.String(), "its clock is %s off", d), nil
			}
			return See(Done, d.String(), "its clock is %s off", d), nil
		},
		Limit:  5 * time.Minute,
		Advice: "See the time on " + beyondtrust.MenuBasics + " and the NTP setting on " + beyondtrust.MenuIPConfiguration + "."}
}

// CheckCertificates returns a check: all appliances show the same certificate chain for the site's name, which lasts for margin (default 30 days) more. recorded is the SHA-256 of the
// certificate that the site package was built with, or of its whole chain as this step's evidence has it, in hexadecimal digits, where it is known: Jump Clients trust what is in the package, and "a majority of your existing Jump Clients
// [may] appear offline" otherwise (PRA Upgrade Guide). Empty: not compared, and a person is asked about it elsewhere.
func CheckCertificates(recorded string, margin time.Duration, boxes ...PRA) Step {
	margin = orElse(margin, DefaultCertificateMargin)
	s := Step{Name: "check the certificates", With: map[string]string{"margin": spell(margin)},
		Limit:  5 * time.Minute,
		Advice: "Verify that all certificate stores are managed appropriately and up-to-date before you install a newly built site package. Copy the same certificate and chain to both appliances."}
	if recorded != "" {
		s.With["certificate"] = recorded
	}
	for _, p := range boxes {
		s.On = append(s.On, p.Host())
	}
	s.Observe = func(ctx context.Context, look Look) (Observation, error) {
		var first []*x509.Certificate
		for i, p := range boxes {
			chain, err := p.Client.ServedChain(ctx)
			if err != nil {
				return praCannot(look, err)
			}
			if i == 0 {
				first = chain
			}
			if chainSum(chain) != chainSum(first) {
				return See(Blocked, nil, "%s and %s show different certificates for %s", boxes[0].Name, p.Name, p.site()), nil
			}
		}
		return certificateSeen(first, recorded, margin, boxes), nil
	}
	return s
}

func chainSum(chain []*x509.Certificate) string {
	h := sha256.New()
	for _, c := range chain {
		h.Write(c.Raw)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func certificateSeen(chain []*x509.Certificate, recorded string, margin time.Duration, boxes []PRA) Observation {
	leaf := sha256.Sum256(chain[0].Raw)
	ev := map[string]string{"certificate": hex.EncodeToString(leaf[:]), "chain": chainSum(chain), "names": strings.Join(chain[0].DNSNames, ", ")}
	plain := func(s string) string {
		return strings.ToLower(strings.ReplaceAll(strings.ReplaceAll(s, ":", ""), " ", ""))
	}
	if was := plain(recorded); was != "" && was != ev["certificate"] && was != ev["chain"] {
		return See(Blocked, ev, "the certificate is %s, its chain %s: neither is the recorded one", ev["certificate"], ev["chain"])
	}
	for _, p := range boxes {
		if err := chain[0].VerifyHostname(p.site()); err != nil {
			return See(Blocked, ev, "the certificate does not name the site: %s", firstLine(err))
		}
	}
	for _, c := range chain {
		if left := time.Until(c.NotAfter); left < margin {
			return See(Blocked, ev, "%s expires at %s", c.Subject.CommonName, stamp(c.NotAfter))
		}
	}
	o := See(Done, ev, "%s (%.12s…) until %s", chain[0].Subject.CommonName, ev["certificate"], chain[0].NotAfter.Format(time.DateOnly))
	for _, p := range boxes {
		host, _ := p.endpoint()
		if _, err := netip.ParseAddr(host); err != nil && chain[0].VerifyHostname(host) != nil {
			o.Detail += "; it does not name " + host + ", by which " + p.Name + " is reached"
		}
	}
	return o
}

// VerifyPRA returns a check after an update: the appliance is healthy and runs v, version and build where the build is known.
func VerifyPRA(p PRA, v beyondtrust.Version) Step {
	u := PRAUpdate{Version: v}
	return Step{Name: "verify " + p.Name, On: []string{p.Host()}, With: map[string]string{"version": v.String()},
		Observe: func(ctx context.Context, look Look) (Observation, error) {
			h, err := p.health(ctx)
			if err != nil {
				return praCannot(look, err)
			}
			ev := map[string]string{"version": h.Version.String(), "role": string(h.FailoverRole)}
			o := See(Done, ev, "%s runs %s in good health", h.Hostname, h.Version)
			switch {
			case !h.Healthy:
				o = See(Pending, ev, "is not healthy: %s", h.Problem)
			case beyondtrust.CompareNumbers(h.Version.Number, v.Number) != 0 || !u.done(h.Version):
				o = See(Blocked, ev, "runs %s, not %s", h.Version, v)
			}
			o.AsOf = h.AsOf
			return o, nil
		},
		Every: 30 * time.Second, Limit: 15 * time.Minute, Takes: time.Minute}
}

// MenuAbout is where a tester reads the software that an access console runs (PRA Upgrade Guide, Verify and Test).
const MenuAbout = "Access Console > Help > About"

// VerifyAndTest returns the group after an update that the guide calls so: the version and build are what was meant; testers (default 2) read the version of a console that is connected to this
// very appliance; and one of them says that a session with a remote computer works. Before traffic is moved the testers' machines reach the appliance by an entry in their hosts file.
func VerifyAndTest(p PRA, v beyondtrust.Version, testers int) Step {
	if testers < 1 {
		testers = 2
	}
	steps := []Step{VerifyPRA(p, v)}
	for i := range testers {
		steps = append(steps, readAbout(p, v, i+1))
	}
	q := fmt.Sprintf("On a machine whose hosts file has %s lead to %s (%s): could a session with a remote computer be started, and does it work?", p.site(), p.Host(), p.Name)
	session := Confirm("test a session", q)
	session.On = []string{p.Host()}
	return Group("verify and test "+p.Name, append(steps, session)...)
}

func readAbout(p PRA, v beyondtrust.Version, n int) Step {
	return Step{Name: fmt.Sprintf("tester %d", n), On: []string{p.Host()}, With: map[string]string{"version": v.String()}, Attended: true,
		Observe: func(ctx context.Context, look Look) (Observation, error) {
			text := fmt.Sprintf("Tester %d, on a machine whose hosts file has %s lead to %s (%s): sign in to the access console, let it update itself, and type the version it shows.", n, p.site(), p.Host(), p.Name)
			got, err := p.read(ctx, look, MenuAbout, "", "Version", text)
			if err != nil {
				return Observation{}, err
			}
			at, err := beyondtrust.ParseVersion(got)
			if err != nil || beyondtrust.CompareNumbers(at.Number, v.Number) != 0 {
				return See(Blocked, got, "the console shows %q, not %s", got, v.Number), nil
			}
			return See(Done, got, "the console shows %s", got), nil
		}}
}
