// Package transfer moves files to and from an appliance: images up, backups down, in constant memory whatever their size.
//
// # How to start
//
//	c := transfer.New(transport)                                  // the transport that trusts the appliance
//	src, kind := transfer.Multipart(transfer.File(f, size), "firmware", "image.iso")
//	sent, err := c.Upload(ctx, transfer.Upload{Method: "POST", URL: u, Header: http.Header{"Content-Type": {kind}}, Source: src})
//	got, err := c.Download(ctx, transfer.Download{URL: u, To: "/srv/backups/a.nsb"})
//
// The clients of this module do so by package rest, which adds what it trusts, logs and calls errors.
//
// # Uploads
//
// An upload says its length beforehand and is never chunked. It asks first (Expect: 100-continue), so a refusal (401, 403, 413) costs no byte of the
// body; a server that ignores the question costs [AskLimit], and one that refuses it (417) is sent the same without. The file is read, hashed and sent at the same
// time. It is sent once, and again only while nobody asked for a byte of it: a kept connection was gone, or, [Upload.Again] times, no connection came about. A request of which a
// server may have a part is never repeated here.
//
// # Downloads
//
// A download is whole or absent: it is written to NAME.part in the same folder, mode 0600, flushed to the disk, compared with what was expected, given its name
// without ever replacing a file, and the folder is flushed too. A connection that breaks is taken up again where it broke, if the server names a strong
// validator (an ETag that is not weak, or a modification time older than the answer); NAME.part.json keeps what the next process needs for that. The part is
// hashed again then, so a part that somebody changed is not built upon. Without a validator the call ends there, and the next one begins from nothing.
//
// The end of a file has to be proven: by its length, by the end of a chunked answer, by an expected hash, or by the caller's own
// look at it ([Download.Prove]). One that merely stops is of class [ErrUnproven].
//
// A download into a writer ([Download.Into]) goes through the same, but for the disk: what was written stays, so it can only be gone on with.
//
// # What may go wrong
//
// Nothing here has a total time-out: a transfer that moves may take as long as it likes, one in which no byte comes for Stall is of class [ErrStalled].
// Other classes are [ErrNoSpace], [ErrChanged], [ErrMismatch], [ErrCut] and [ErrBusy]; an answer of another status is a [*StatusError]. The
// end of the context is reported as the context's own error. No error holds an address's query, a header or a body.
//
// Redirects are not followed: a file belongs to the appliance that was named.
package transfer
