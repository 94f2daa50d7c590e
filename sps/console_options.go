package sps

import (
	"context"
	"log/slog"
	"net"
	"time"

	"golang.org/x/crypto/ssh"
)

// Defaults of [ConsoleOptions].
const (
	DefaultConsoleTimeout = 30 * time.Second
	DefaultConsolePort    = "22" // inferred: which port the SSH server listens on is not documented
)

// ConsoleOptions are what a Console may be told. KnownHosts or HostKey is required: a host key is never taken on trust. All others have
// defaults.
type ConsoleOptions struct {
	// KnownHosts are known_hosts files as OpenSSH keeps them. They are read again for every connection, so that a key a person has
	// checked and put there counts at once. Keys signed by a host authority (@cert-authority) are not supported.
	KnownHosts []string

	// HostKey pins the appliance's host key, "ssh-ed25519 AAAA…" as in its .pub file. Only that key is accepted then; with KnownHosts
	// as well, both must hold.
	HostKey string

	// Timeout bounds one connection: TCP, handshake and login together. Default: 30 seconds.
	Timeout time.Duration

	// Stall is the longest time an upload may stand still. Default: two minutes.
	Stall time.Duration

	// Dial makes the TCP connection. Default: a plain one. Simulations and jump hosts set it.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)

	// Logger hears of connections, and of what kind of thing is done, at debug level; no commands and no output. Default: nobody does.
	Logger *slog.Logger
}

// consoleAlgorithms are offered to the appliance, best first. The last of each kind are those that the appliance's own SSH server is
// documented to have (SPS 6.9.4 Administration Guide, Enabling SSH access to the SPS host): without naming its key exchange there
// would be no common one, as the library does not offer it by itself. Nothing with SHA-1, CBC or RC4 is offered.
func consoleAlgorithms() ssh.Config {
	return ssh.Config{
		KeyExchanges: []string{
			ssh.KeyExchangeMLKEM768X25519, ssh.KeyExchangeCurve25519,
			ssh.KeyExchangeECDHP256, ssh.KeyExchangeECDHP384, ssh.KeyExchangeECDHP521,
			ssh.KeyExchangeDH16SHA512, ssh.KeyExchangeDH14SHA256,
			ssh.KeyExchangeDHGEXSHA256,
		},
		Ciphers: []string{
			ssh.CipherAES128GCM, ssh.CipherAES256GCM, ssh.CipherChaCha20Poly1305,
			ssh.CipherAES256CTR, ssh.CipherAES128CTR,
		},
		MACs: []string{
			ssh.HMACSHA256ETM, ssh.HMACSHA512ETM,
			ssh.HMACSHA512, ssh.HMACSHA256,
		},
	}
}
