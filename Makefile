# make test   everything that must pass before a change lands; installs the Debian packages its peers need (as root)
# make soak   long sweeps: thousands of kills, full matrices; prints seeds
# make bench  benchmarks with their gates, each beside a peer in the same run
# make fuzz   every fuzz target for a minute

GO       ?= go
TOOL     := $(GO) tool -modfile=internal/tools/go.mod
FUZZTIME ?= 3s

.PHONY: test peers format vet staticcheck tidy unit sweeps examples fuzz soak bench

test: peers format vet staticcheck tidy unit sweeps examples
	internal/tools/fuzz-all $(FUZZTIME)

peers:
	internal/tools/install-peers

format:
	@test -z "$$(gofmt -l .)" || { echo "gofmt would change:"; gofmt -l .; exit 1; }

vet:
	$(GO) vet ./...

staticcheck:
	$(TOOL) staticcheck -checks 'all,-ST1000' ./...

tidy:
	$(GO) mod tidy -diff

unit:
	$(GO) test -race -shuffle=on -timeout 20m ./...

# The crashes, faults and scenarios of the runbooks, and every guide by a real browser, without the race detector, under which unit runs a sample of them.
sweeps:
	$(GO) test -shuffle=on -timeout 20m -run 'TestCrash|TestFault|TestScenarioPRA|TestPRABetween|TestPRAOutage|TestPRAHardware' ./upgrade/runbook
	$(GO) test -shuffle=on -timeout 20m -run 'TestPeer' ./examples/rehearse
	$(GO) test -run 'TestPeerGigabyte' ./beyondtrust/praweb

# The examples as a stranger starts them, in a pipe.
examples:
	$(GO) build -o bin/ ./examples/...
	internal/tools/run-examples

fuzz:
	internal/tools/fuzz-all 60s

soak:
	CHANGEOVER_SOAK=1 $(GO) test -race -timeout 6h -run 'Crash|Fault|Scenario|Soak' -v ./upgrade/... ./sps/... ./beyondtrust/... ./failover/...
	CHANGEOVER_SOAK=1 $(GO) test -timeout 2h -run 'TestSoakGuides' -v ./examples/rehearse

bench:
	$(GO) test -run '^$$' -bench . -benchmem ./...
