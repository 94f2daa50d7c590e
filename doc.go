// Package changeover is a map: it holds no code.
//
// changeover upgrades privileged-access appliances without losing them: One Identity Safeguard for Privileged Sessions (SPS)
// and BeyondTrust Privileged Remote Access (PRA).
//
// # Which package for what
//
//   - [github.com/changeover-sdk/changeover/upgrade/runbook]: the vendors' guides as procedures. Start here.
//   - [github.com/changeover-sdk/changeover/upgrade]: steps, procedures, crash-safe runs, journals, reports; and the steps that the
//     guides are made of.
//   - [github.com/changeover-sdk/changeover/sps]: a client of the REST API of SPS.
//   - [github.com/changeover-sdk/changeover/beyondtrust]: a client of the APIs of PRA.
//   - [github.com/changeover-sdk/changeover/ipmi]: the power button and the console of a server, by IPMI.
//   - [github.com/changeover-sdk/changeover/failover]: what moves traffic from one appliance to the other: DNS, a shared
//     address, NAT.
//
// Each has a simulator to rehearse with, made like net/http/httptest: sps/spstest, beyondtrust/pratest, ipmi/ipmitest,
// failover/failovertest. Package upgrade/upgradetest tests procedures and the parts that embedders write.
//
// # What stays compatible
//
// Before version 1 the Go API may change with a minor version; CHANGELOG.md says how to follow. Journals are read by later
// versions. The digest of a procedure may change with a version: finish a run with the version that began it, or allow the
// change.
package changeover
