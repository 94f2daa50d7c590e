package changeover_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/changeover-sdk/changeover/beyondtrust"
	"github.com/changeover-sdk/changeover/failover/dns"
	"github.com/changeover-sdk/changeover/ipmi"
	"github.com/changeover-sdk/changeover/sps"
	"github.com/changeover-sdk/changeover/upgrade"
	"github.com/changeover-sdk/changeover/upgrade/runbook"
	"github.com/changeover-sdk/changeover/upgrade/upgradetest"
)

// surface are the packages that users import. A new one is one line here.
var surface = []string{
	"sps", "sps/spstest", "beyondtrust", "beyondtrust/pratest", "ipmi", "ipmi/ipmitest",
	"failover", "failover/dns", "failover/nat", "failover/failovertest", "upgrade", "upgrade/runbook", "upgrade/upgradetest",
}

// carriers returns a value of every exported type through which a user hands a secret over, or that holds one afterwards.
func carriers(t *testing.T) map[string]any {
	t.Helper()
	must := func(v any, err error) any {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	client := must(sps.NewClient("https://sps.example.test", sps.Login{User: "admin", Password: canary}, nil)).(*sps.Client)
	machine := must(ipmi.New("127.0.0.1", ipmi.Login{User: "ADMIN", Password: "pl4nted/c+s3cret"}, nil)).(*ipmi.Machine)
	secret := beyondtrust.NewSecret(canary)
	credential := beyondtrust.NewCredential("client", secret)
	key := must(dns.ParseKey([]byte("key \"swing\" { algorithm hmac-sha256; secret \"cGw0bnRlZC9jYW5hcnkrczNjcmV0\"; };"))).(dns.Key)
	site := must(beyondtrust.NewClient("https://pra.example.test", credential, nil)).(*beyondtrust.Client)
	box := upgrade.PRA{Name: "A", Client: site}
	settings := runbook.PRASettings{Passphrase: secret}
	return map[string]any{
		"sps.Login":              sps.Login{User: "admin", Password: canary},
		"sps.Client":             client,
		"sps.ConsoleLogin":       sps.ConsoleLogin{Password: canary, Key: []byte(canary), Passphrase: canary},
		"sps.Console":            must(sps.NewConsole("sps.example.test", sps.ConsoleLogin{Password: canary}, &sps.ConsoleOptions{HostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOH2VClMfFFl64f8gN/s9pAomjpu+KXXKrSRFidlkmvg"})),
		"ipmi.Login":             ipmi.Login{User: "ADMIN", Password: canary},
		"ipmi.Machine":           machine,
		"beyondtrust.Secret":     secret,
		"beyondtrust.Credential": credential,
		"beyondtrust.Client":     must(beyondtrust.NewClient("https://pra.example.test", credential, nil)),
		"dns.Key":                key,
		"upgrade.PowerMap":       upgrade.PowerMap{"a": machine},
		"runbook.SPSNode":        runbook.SPSNode{Client: client},
		"runbook.SPSHA":          runbook.SPSHA{Client: client, Power: upgrade.PowerMap{"a": machine}},
		"runbook.SPSSearch":      runbook.SPSSearch{Master: &runbook.SPSNode{Client: client}},
		"runbook.PRASettings":    settings,
		"runbook.PRANode":        runbook.PRANode{Appliance: box, Site: site, PRASettings: settings},
		"runbook.PRASync":        runbook.PRASync{Primary: box, Backup: box, Site: site, PRASettings: settings},
		"runbook.PRAAsync":       runbook.PRAAsync{Primary: box, Backup: box, Site: site, PRASettings: settings},
		"runbook.PRAHardware":    runbook.PRAHardware{Old: box, New: box, Site: site, Backup: secret, PRASettings: settings},
		"upgrade.PRA":            box,
		"upgrade.Vigil":          upgrade.WatchSite(site, 0, box),
		"upgrade.SPSMember":      upgrade.SPSMember{Client: client},
		"upgrade.Procedure":      upgrade.Procedure{Steps: []upgrade.Step{upgrade.CheckHealth(client)}},
		"upgradetest.Person":     &upgradetest.Person{Secret: func(string) (string, bool) { return canary, true }},
	}
}

// TestCanaryTypes prints every carrier in every way. The types that hold no secret are listed in testdata/plain-types.txt, one a line: whoever adds a type
// says which it is.
func TestCanaryTypes(t *testing.T) {
	carriers := carriers(t)
	for name, v := range carriers {
		raw, err := json.Marshal(v)
		if err != nil {
			raw = []byte(err.Error())
		}
		var log strings.Builder
		slog.New(slog.NewTextHandler(&log, nil)).Info("it", "value", v)
		for how, text := range map[string]string{"%v": fmt.Sprintf("%v", v), "%+v": fmt.Sprintf("%+v", v), "%#v": fmt.Sprintf("%#v", v), "%s": fmt.Sprintf("%s", v),
			"JSON": string(raw), "slog": log.String(), "in a slice": fmt.Sprintf("%+v", []any{v}), "in a struct": fmt.Sprintf("%+v", struct{ V any }{v})} {
			if sings(text) || strings.Contains(text, "pl4nted/c+s3cret") || strings.Contains(text, "cGw0bnRlZC9jYW5hcnkrczNjcmV0") {
				t.Errorf("%s prints the planted secret by %s: %s", name, how, text)
			}
		}
	}
	raw, err := os.ReadFile("testdata/plain-types.txt")
	if err != nil {
		t.Fatal(err)
	}
	plain := strings.Fields(string(raw))
	for _, dir := range surface {
		for _, name := range exported(t, dir, "type") {
			_, carrier := carriers[name]
			switch i := slices.Index(plain, name); {
			case carrier && i >= 0:
				t.Errorf("%s is a carrier, and is in testdata/plain-types.txt too", name)
			case !carrier && i < 0:
				t.Errorf("%s is new: does it hold a secret? Put it into carriers, or into testdata/plain-types.txt", name)
			case i >= 0:
				plain = slices.Delete(plain, i, i+1)
			}
			delete(carriers, name)
		}
	}
	if len(plain) > 0 || len(carriers) > 0 {
		t.Errorf("these types are no more: %q %q", plain, slices.Collect(maps.Keys(carriers)))
	}
}

// entries are how users come into a package: constructors, and what runs.
var entries = []string{"New", "Open", "Read", "Run", "Plan", "Abandon", "ReportOf", "Terminal", "Parse", "Verify", "Identify", "Reach", "CrashAt"}

// TestExamples wants every entry point, and every runbook, to be used by a runnable Example of its package: one with an output, which the tests compare.
func TestExamples(t *testing.T) {
	for _, dir := range surface {
		used := exported(t, dir, "example")
		want := slices.DeleteFunc(exported(t, dir, "func"), func(name string) bool {
			_, f, _ := strings.Cut(name, ".")
			return !slices.ContainsFunc(entries, func(e string) bool { return strings.HasPrefix(f, e) })
		})
		if dir == "upgrade/runbook" {
			want = slices.DeleteFunc(exported(t, dir, "type"), func(name string) bool { return name == "runbook.PRASettings" })
		}
		for _, name := range want {
			if !slices.Contains(used, name) {
				t.Errorf("no runnable example uses %s", name)
			}
		}
	}
}

// exported lists the exported types or functions of a package as "package.Name", without those that return a Step, which runbooks show; or what
// its examples with an output use.
func exported(t *testing.T, dir, what string) (names []string) {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		test := strings.HasSuffix(f.Name(), "_test.go")
		if !strings.HasSuffix(f.Name(), ".go") || test != (what == "example") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), dir+"/"+f.Name(), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if what == "example" {
			for _, d := range file.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && strings.HasPrefix(fn.Name.Name, "Example") && hasOutput(file, fn) {
					ast.Inspect(fn, func(n ast.Node) bool {
						if sel, ok := n.(*ast.SelectorExpr); ok {
							if pkg, ok := sel.X.(*ast.Ident); ok {
								names = append(names, pkg.Name+"."+sel.Sel.Name)
							}
						}
						return true
					})
				}
			}
			continue
		}
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if what == "func" && d.Recv == nil && d.Name.IsExported() && !returnsStep(d) {
					names = append(names, file.Name.Name+"."+d.Name.Name)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if ts, ok := spec.(*ast.TypeSpec); ok && what == "type" && ts.Name.IsExported() {
						names = append(names, file.Name.Name+"."+ts.Name.Name)
					}
				}
			}
		}
	}
	return names
}

func hasOutput(file *ast.File, fn *ast.FuncDecl) bool {
	return slices.ContainsFunc(file.Comments, func(c *ast.CommentGroup) bool {
		text := strings.ToLower(c.Text())
		return c.Pos() > fn.Pos() && c.End() < fn.End() && (strings.HasPrefix(text, "output:") || strings.HasPrefix(text, "unordered output:"))
	})
}

func returnsStep(fn *ast.FuncDecl) bool {
	if fn.Type.Results == nil {
		return false
	}
	id, ok := fn.Type.Results.List[0].Type.(*ast.Ident)
	return ok && (id.Name == "Step" || id.Name == "Guard")
}
