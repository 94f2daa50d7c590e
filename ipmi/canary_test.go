package ipmi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/changeover-sdk/changeover/ipmi"
	"github.com/changeover-sdk/changeover/ipmi/ipmitest"
)

// A password is planted and looked for in whatever this package says or shows.
func TestCanary(t *testing.T) {
	const canary = "c4n4ry-in-the-BMC"
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		b := &ipmitest.BMC{Password: canary}
		defer b.Close()
		login := ipmi.Login{User: ipmitest.DefaultUser, Password: canary}
		opts := &ipmi.Options{Dial: b.Dial, Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug - 10}))}
		m := newMachine(t, "bmc", login, opts)
		seen := map[string]string{}
		show := func(name string, v any) {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
				seen[name+" "+verb] = fmt.Sprintf(verb, v)
			}
			if text, err := json.Marshal(v); err == nil {
				seen[name+" JSON"] = string(text)
			}
		}
		show("Login", login)
		show("*Login", &login)
		show("struct with a Login", struct{ Login ipmi.Login }{login})
		opts.Logger.Info("login", "login", login)
		show("Machine", m)
		show("struct with a Machine", struct{ m *ipmi.Machine }{m})

		for _, f := range []ipmitest.Fault{
			{Command: ipmitest.Login, Code: 0x0d},
			{Command: ipmitest.Login, Code: 0x01},
			{Command: ipmitest.Status, Code: 0xD4},
			{Command: ipmitest.Everything, Drop: true, Times: -1},
		} {
			b.Heal()
			b.Fail(f)
			_, err := m.State(t.Context())
			show(fmt.Sprintf("error of %+v", f), err)
			time.Sleep(time.Hour) // the next one needs a new session
		}
		b.Heal()
		show("error of an act", func() error {
			b.Fail(ipmitest.Fault{Command: ipmitest.PowerOn, Ignore: true})
			return m.PowerOn(t.Context())
		}())
		c, err := m.Console(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		show("Console", c)
		_ = m.Close()
		_, err = c.Read(make([]byte, 1))
		show("end of a console", err)
		_, err = ipmi.New("bmc", ipmi.Login{User: canary, Password: strings.Repeat(canary, 2)}, nil)
		show("New", err)
		seen["log"] = log.String()

		hex := fmt.Sprintf("%x", canary)
		for name, text := range seen {
			if strings.Contains(text, canary) || strings.Contains(text, hex) {
				t.Errorf("%s shows the password: %s", name, text)
			}
		}
		if !strings.Contains(seen["log"], "sending") || len(seen) < 50 {
			t.Errorf("too little was looked at: %d texts, log %q", len(seen), seen["log"])
		}
	})
}

// The same with the program that is given the password.
func TestCanaryIpmitool(t *testing.T) {
	const canary = "c4n4ry-in-a-tool"
	path := ipmitest.Needs(t, "ipmitool", "ipmitool")
	b := newBMC(t, &ipmitest.BMC{Password: "another-Pass"})
	var log bytes.Buffer
	m := newMachine(t, b.Addr(), ipmi.Login{User: ipmitest.DefaultUser, Password: canary}, &ipmi.Options{
		Driver: ipmi.Ipmitool, IpmitoolPath: path, Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	_, err := m.State(t.Context())
	if text := fmt.Sprintf("%v %+v %#v %s", err, err, m, log.String()); err == nil || strings.Contains(text, canary) {
		t.Errorf("the password is shown: %s", text)
	}
}
