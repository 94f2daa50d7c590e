package ipmi

import (
	"fmt"
	"strings"
	"testing"
)

func TestParseState(t *testing.T) {
	for said, want := range map[string]State{
		"on":                         On,
		"Chassis Power is on\n":      On,
		"Chassis Power is off\n":     Off,
		"On":                         On,
		"OFF":                        Off,
		"chassis power is On":        On,
		"":                           "",
		"Chassis Power is unknown\n": "Chassis Power is unknown",
		"PoweringOn":                 "PoweringOn",
		"on fire":                    "on fire",
		"Chassis Power is":           "Chassis Power is",
		"not on":                     "not on",
	} {
		if got := parseState(said); got != want {
			t.Errorf("parseState(%q) = %q, want %q", said, got, want)
		}
	}
}

// Laws: reading a state again changes nothing; only a lone word counts as on or off; an unknown answer is kept.
func FuzzState(f *testing.F) {
	for _, s := range []string{"on", "Chassis Power is off\n", "PoweringOff", "", " On ", "Chassis Power is Chassis Power is on"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, said string) {
		got := parseState(said)
		if again := parseState(got); again != got {
			t.Errorf("parseState(%q) = %q, which reads as %q", said, got, again)
		}
		fields := strings.Fields(strings.ToLower(said))
		if (got == On || got == Off) && fields[len(fields)-1] != got {
			t.Errorf("parseState(%q) = %q", said, got)
		}
		if got != On && got != Off && got != strings.TrimSpace(said) {
			t.Errorf("parseState(%q) = %q: not kept as told", said, got)
		}
	})
}

func TestParseAddress(t *testing.T) {
	for addr, want := range map[string]string{
		"10.0.0.1":         "10.0.0.1 623",
		"10.0.0.1:9001":    "10.0.0.1 9001",
		"bmc.example":      "bmc.example 623",
		"bmc_2.example:1":  "bmc_2.example 1",
		"::1":              "::1 623",
		"[::1]":            "::1 623",
		"[::1]:9001":       "::1 9001",
		"fe80::1%eth0":     "fe80::1%eth0 623",
		"":                 "error",
		":623":             "error",
		"bmc:":             "error",
		"bmc:0":            "error",
		"bmc:0623":         "error",
		"bmc:65536":        "error",
		"bmc:ipmi":         "error",
		"https://bmc":      "error",
		"admin@bmc":        "error",
		"-oProxy":          "error",
		"bmc example":      "error",
		"[bmc":             "error",
		"bmc:1:2":          "error",
		"bmc\n":            "error",
		"[-x]:623":         "error",
		"[fe80::1%]:623":   "error",
		"10.0.0.1:623:623": "error",
	} {
		host, port, err := parseAddress(addr)
		got := host + " " + port
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("parseAddress(%q) = %s (%v), want %s", addr, got, err, want)
		}
	}
}

// Law: an address that is accepted can be joined and read again, and comes out the same.
func FuzzAddress(f *testing.F) {
	for _, s := range []string{"10.0.0.1", "[::1]:9001", "bmc.example:1", "fe80::1%eth0", "a:b:c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, addr string) {
		host, port, err := parseAddress(addr)
		if err != nil {
			return
		}
		joined := bracketed(host) + ":" + port
		if h, p, err := parseAddress(joined); err != nil || h != host || p != port {
			t.Errorf("%q is %q %q; joined %q is %q %q, %v", addr, host, port, joined, h, p, err)
		}
		if strings.ContainsAny(host, " \n\x00/@") && !strings.Contains(host, "%") || strings.HasPrefix(host, "-") {
			t.Errorf("%q gives the host %q", addr, host)
		}
	})
}

func TestCodeIn(t *testing.T) {
	for printed, want := range map[string]byte{
		"Set Chassis Power Control to Up/On failed: Insufficient privilege level":                                                           0xD4,
		"Get HPM.x Capabilities request failed, compcode = d4\n\nSet Chassis Power Control to Diag failed: Invalid data field in request\n": 0xCC,
		"Unable to get Chassis Power Status: Node busy":                                                                                     0xC0,
		"Set Chassis Power Control to Up/On failed: Unknown (0xA1)":                                                                         0xA1,
		"Set Chassis Power Control to Up/On failed: Unknown (0x00)":                                                                         0,
		"Set Chassis Power Control to Up/On failed: Unknown (0x1ff)":                                                                        0,
		"Get Chassis Power Status failed: Invalid command: exit status 1":                                                                   0xC1,
		"exit status 1: Set Chassis Power Control to Up/On failed: Unknown (0x9b)\n: exit status 1":                                         0x9b,
		"Error: Unable to establish IPMI v2 / RMCP+ session":                                                                                0,
		"Node busy": 0,
		"":          0,
	} {
		if got, ok := codeIn(printed); got != want || ok != (want != 0) {
			t.Errorf("codeIn(%q) = %#x, %t; want %#x", printed, got, ok, want)
		}
	}
}

// Law: a code is only found where ipmitool says that something failed, and its words, or its number, are there.
func FuzzCodeIn(f *testing.F) {
	f.Add("Set Chassis Power Control to Up/On failed: Insufficient privilege level")
	f.Add("x failed: Unknown (0x9b)")
	f.Add("Unable to get Chassis Power Status: Timeout\n")
	f.Fuzz(func(t *testing.T, printed string) {
		code, ok := codeIn(printed)
		if !ok {
			return
		}
		if code == 0 {
			t.Fatalf("codeIn(%q) found completion code 0, which is success", printed)
		}
		lower := strings.ToLower(printed)
		if !strings.Contains(lower, strings.ToLower(explain(code))) && !strings.Contains(lower, "unknown (0x") {
			t.Errorf("codeIn(%q) = %#x, which is not there", printed, code)
		}
	})
}

func TestExplainKnowsEveryCode(t *testing.T) {
	seen := map[byte]bool{}
	for code, words := range meanings {
		if seen[code] || words == "" || explain(code) == explain(0x80) {
			t.Errorf("completion code %#x is there twice, or without words", code)
		}
		seen[code] = true
		if got, ok := codeIn(fmt.Sprintf("Something failed: %s\n", words)); !ok || got != code {
			t.Errorf("codeIn(%q) = %#x, want %#x", words, got, code)
		}
	}
	for _, code := range []byte{0xC0, 0xC1, 0xC3, 0xCC, 0xCE, 0xD2, 0xD4, 0xD5, 0xD6, 0xFF} {
		if !seen[code] {
			t.Errorf("completion code %#x has no words", code)
		}
	}
}
