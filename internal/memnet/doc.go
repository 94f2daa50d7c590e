// Package memnet is a network inside one process: named hosts, buffered connections, and the ways a connection breaks.
//
// Simulators speak over it instead of over sockets, so that their clients can be tested in [testing/synctest] bubbles, where hours pass at once:
// everything that waits here waits on a [sync.Cond] or a channel made by the caller, which a bubble counts as waiting. Nothing makes a system call.
//
//	var n memnet.Network
//	l, _ := n.Listen("sps1.example:443")
//	go http.Serve(l, handler)
//	resp, err := n.HTTPClient().Get("https://sps1.example/api/info")
//
// A host nobody listens on refuses (ECONNREFUSED), a silent one never answers (see [Network.Silence]), and a connection ends in order ([Conn.Close],
// [Conn.CloseWrite]) or not ([Conn.Reset]: the other side sees ECONNRESET). Unlike [net.Pipe] a connection has a buffer, so two sides may write at the
// same time, as the version exchange of SSH does; a full buffer holds the writer back.
//
// The package starts no goroutine of its own, but for [Network.Serve], which starts one for each connection.
package memnet
