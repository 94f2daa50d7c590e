// Package rest is how the clients of this module speak HTTPS to an appliance.
//
// # What is verified
//
// TLS 1.2 or newer, against the system's roots, a given CA pool, or the pinned SHA-256 fingerprint of the appliance's own
// certificate. There is no way to switch verification off.
//
// # What is sent twice
//
// Every request says what it is for ([Intent]). [Read] is retried a few times with growing pauses; an appliance's
// Retry-After is obeyed up to a cap. [Look] is sent once, because whoever sends it asks again later anyway. [Act] is sent
// once, on a connection of its own and never redirected: net/http itself sends some requests again when a kept-alive
// connection turns out dead, and a reboot must not be among them.
//
// # Files
//
// Images and backups go by [Client.Upload] and [Client.Download], over HTTP/1.1 and by the rules of package transfer. An upload is an [Act]. A download is a [Read]
// that is only gone on with where it broke.
//
// # What an error says
//
// An act whose request provably never left this machine fails with an error of class [act.ErrNotSent]. Every other error
// leaves open whether the appliance acted. Errors name the method and the path, never the query, a header or a body. When
// the context has ended, its error is part of the chain and comes first in the text.
//
// [act.ErrNotSent]: https://pkg.go.dev/github.com/changeover-sdk/changeover/internal/act
package rest
