// Package sps is a client for One Identity Safeguard for Privileged Sessions (SPS): what its REST API can do for an
// upgrade, and the words of the pages that can do the rest.
//
// # How do I start
//
// Make a [Client] with [NewClient] and ask. The login happens by itself when it is needed.
//
//	c, err := sps.NewClient("https://sps1.example.test", login, &sps.Options{CA: pool})
//	…
//	info, err := c.Info(ctx)
//
// A whole upgrade, with everything that may come between, is a procedure of package upgrade/runbook; this package knows
// nothing of it. To try things out without an appliance, use [github.com/changeover-sdk/changeover/sps/spstest]: its
// nodes give an *http.Client for [Options.HTTPClient].
//
// # What the API cannot do
//
// No REST endpoint is documented for rebooting or shutting a node down, for choosing a firmware without booting it, for the High
// Availability page, or for exporting the configuration. They are buttons. [Pages] has an interface for each such page, so that a
// page driver or a simulation can press them; a nil page means that a person does it, who is told the words of the constants
// beside it, such as [PageHA] and [ButtonActivateSlave].
//
// # What may go wrong
//
// Every error from talking to an appliance is an [*Error]: what was tried, what came back, what to do next. Its classes, such as
// [ErrAuth] and [ErrTestFailed], are for [errors.Is]. While an appliance boots it may refuse connections, serve a page in place of
// JSON, or answer 503: all of that is [ErrNotReady], and [Client.Probe] tells one from the other.
//
// What an appliance says is kept as it stands: a status nobody knows is neither success nor failure, and never counts as good.
// Versions that are none, such as one with an unknown suffix, are zero beside their text.
//
// # What is sent again
//
// Requests that only read are sent up to three times when the connection breaks or the appliance is busy, and once more after a
// new login when the session has ended. Requests that act ([Client.UpgradeFirmware], [Client.UploadFirmware] and the like) are sent
// once, each behind a read that renews the session. If their error is of class [ErrNotSent], nothing left this machine; otherwise
// look before you try again.
//
// A login that is refused is not repeated, because the account may be locked for it: [Client.Login] tries again when told to. Only a
// password that has worked before is tried again by itself, after five minutes and three times at most, as an appliance that has half
// booted may refuse it.
//
// # Secrets
//
// The password, the session and what looks like a secret never show in errors, logs, results or anything printed with any verb. What an
// appliance says is scrubbed of them, and of control characters, before it is handed out.
//
// # Trust
//
// TLS is always verified: against the system's roots, [Options.CA], or a pinned [Options.Fingerprint]. Redirects to another host are an
// error.
//
// # Sources
//
// Doc comments name the vendor's document behind a fact. "safeguard-ps" is the vendor's own PowerShell module
// (github.com/OneIdentity/safeguard-ps); what only it shows is not a specification. What no readable document tells is
// called so, is lenient here, and is a switch in the simulator.
//
// # Compatibility
//
// SPS 6.0 LTS to 8.0 LTS, as far as their guides could be read; firmware endpoints exist from the middle of 6.x on, downloads by the
// appliance from 7.0. Types that are called evidence by package upgrade (structs with json tags) only gain fields.
package sps
