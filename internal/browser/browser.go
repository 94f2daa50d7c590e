package browser

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/changeover-sdk/changeover/internal/browser/axtree"
	"github.com/changeover-sdk/changeover/internal/browser/cdp"
	"github.com/changeover-sdk/changeover/internal/redact"
	"github.com/changeover-sdk/changeover/internal/rest"
)

// Defaults of [Config].
const (
	DefaultPatience = 15 * time.Second
	DefaultAnswer   = time.Minute
)

const (
	callLimit  = 15 * time.Second // of one command to the browser: a page that hangs answers nothing
	startLimit = 30 * time.Second // from the start of the process to its first answer
	closeLimit = 3 * time.Second  // between asking it to end and ending it
)

// Config says which appliance a browser is for. The zero values of what is optional work.
type Config struct {
	Site *url.URL // the appliance, "https://host" or "https://host:port"; the certificate is for this host
	Dial string   // "host:port" to connect to instead of what Site resolves to; Default: that

	CA          *x509.CertPool // Default: the system's roots
	Fingerprint string         // SHA-256 of the appliance's certificate; see rest.Config. The browser wants its name and dates to be right all the same

	Path    string // of the browser's own binary. Default: Debian's chromium-headless-shell, then its chromium
	WorkDir string // where the private directory is made; the browser's user must be able to enter it. Default: os.TempDir()

	Patience time.Duration // how long a page may take to show what is looked for. Default: 15 seconds
	Answer   time.Duration // how long the appliance may take to answer a press. Default: one minute

	Words   axtree.Words    // of the page that asks for a login
	Secret  axtree.Label    // labels of fields whose content is black on screenshots, beside password fields
	Secrets func() []string // texts that are black on screenshots and not repeated in errors. Default: none
	Logger  *slog.Logger    // hears at debug level what is pressed and how the browser fares. Default: nobody does
}

// Browser is one browser process for one appliance. It shows one page at a time. Its methods are called one at a time.
type Browser struct {
	cfg  Config
	log  *slog.Logger
	proc *process
	conn *cdp.Conn
	leaf *x509.Certificate // as verified before the browser was started
	addr string            // ip:port

	mu      sync.Mutex
	page    *Page    // gets the events
	learned []string // secrets that were typed or read
	scrub   redact.Scrubber
	once    sync.Once
	end     error
}

// Start verifies the appliance's certificate, then starts a browser that trusts exactly that one. An error that wraps
// [ErrNoBrowser] says that this machine lacks a program; every other one is the connection's, see package rest. No page of
// the appliance has been opened when it returns.
func Start(ctx context.Context, cfg Config) (_ *Browser, err error) {
	defer func() {
		if err != nil && ctx.Err() != nil {
			err = fmt.Errorf("browser: start: %w (%w)", context.Cause(ctx), err)
		} else if err != nil {
			err = fmt.Errorf("browser: start: %w", err)
		}
	}()
	if cfg.Patience <= 0 {
		cfg.Patience = DefaultPatience
	}
	if cfg.Answer <= 0 {
		cfg.Answer = DefaultAnswer
	}
	if cfg.Secrets == nil {
		cfg.Secrets = func() []string { return nil }
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	b := &Browser{cfg: cfg, log: cfg.Logger, scrub: redact.New(cfg.Secrets()...)}
	path, err := binary(cfg.Path)
	if err != nil {
		return nil, err
	}
	if b.addr, err = resolve(ctx, cfg); err != nil {
		return nil, err
	}
	if b.leaf, err = verify(ctx, cfg, b.addr); err != nil {
		return nil, err
	}
	owner := credential()
	dir, err := workDir(cfg.WorkDir, owner)
	if err != nil {
		return nil, err
	}
	if err := trust(ctx, dir, owner, b.leaf); err != nil {
		removeAll(dir)
		return nil, err
	}
	if b.proc, err = launch(path, dir, owner, flags(dir, cfg.Site.Hostname(), b.addr), b.log); err != nil {
		removeAll(dir)
		return nil, err
	}
	b.conn = cdp.New(b.proc.in, b.proc.out, b.event)
	first, cancel := context.WithTimeoutCause(ctx, startLimit, fmt.Errorf("no answer within %v", startLimit))
	defer cancel()
	var version struct{ Product string }
	if err := b.conn.Call(first, "", "Browser.getVersion", nil, &version); err != nil {
		b.conn.Close()
		b.proc.kill(0)
		return nil, fmt.Errorf("%w; the browser said: %s", err, b.proc.problem)
	}
	b.log.Debug("browser started", "product", version.Product, "pid", b.proc.pid, "site", cfg.Site.Host, "address", b.addr, "certificate", rest.Fingerprint(b.leaf))
	return b, nil
}

// flags are the browser's. There is no debugging port, no certificate error is ignored, no name but the appliance's
// resolves, and the sandbox stays on.
func flags(dir, host, addr string) []string {
	return []string{
		"--headless=new", "--remote-debugging-pipe", "--user-data-dir=" + dir + "/profile",
		"--host-resolver-rules=MAP " + bracket(host) + " " + addr + ", MAP * ~NOTFOUND",
		"--webrtc-ip-handling-policy=disable_non_proxied_udp", "--force-webrtc-ip-handling-policy",
		"--no-first-run", "--no-default-browser-check", "--disable-gpu", "--disable-extensions",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--metrics-recording-only",
		"--disable-breakpad", "--password-store=basic", "--lang=en-US", "--no-proxy-server",
		"--disable-http2", "--disable-quic", // one request a connection: see Browser.Open
		"about:blank",
	}
}

func bracket(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

// resolve returns the one ip:port that is meant. A browser that chose among several by itself could speak to two appliances.
func resolve(ctx context.Context, cfg Config) (string, error) {
	target := cfg.Dial
	if target == "" {
		target = rest.HostPort(cfg.Site)
	}
	host, port, err := net.SplitHostPort(target)
	if err != nil {
		return "", fmt.Errorf("address to dial %q: want host:port", target)
	}
	ips, err := net.DefaultResolver.LookupIPAddr(ctx, host)
	if err != nil {
		return "", err
	}
	if len(ips) == 0 {
		return "", fmt.Errorf("%s has no address", host)
	}
	return net.JoinHostPort(ips[0].IP.String(), port), nil
}

// Pid returns the process id of the browser.
func (b *Browser) Pid() int { return b.proc.pid }

// Dir returns the private directory of the browser, which is removed by Close.
func (b *Browser) Dir() string { return b.proc.dir }

// Close ends the browser and removes all that it wrote. It may be called again.
func (b *Browser) Close() error {
	b.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), closeLimit)
		defer cancel()
		patience := closeLimit
		if err := b.conn.Call(ctx, "", "Browser.close", nil, nil); err != nil && !errors.Is(err, cdp.ErrGone) {
			patience = 0
		}
		b.end = b.proc.kill(patience)
		b.conn.Close()
	})
	return b.end
}

// event hands an event to the page it belongs to. Events about downloads carry no session.
func (b *Browser) event(e cdp.Event) {
	b.mu.Lock()
	p := b.page
	b.mu.Unlock()
	if p != nil && (e.Session == p.session || e.Session == "") {
		p.event(e)
	}
}

// call sends a command with a limit of its own.
func (b *Browser) call(ctx context.Context, session, method string, params, result any) error {
	ctx, cancel := context.WithTimeoutCause(ctx, callLimit, fmt.Errorf("the browser did not answer within %v", callLimit))
	defer cancel()
	return b.conn.Call(ctx, session, method, params, result)
}

// sameLeaf reports whether the chain, as Network.getCertificate gives it, begins with the verified certificate.
func (b *Browser) sameLeaf(table []string) bool {
	if len(table) == 0 {
		return false
	}
	der, err := base64.StdEncoding.DecodeString(table[0])
	return err == nil && b.leaf.Equal(&x509.Certificate{Raw: der})
}

type dict = map[string]any

func decode[T any](raw json.RawMessage) (v T) {
	_ = json.Unmarshal(raw, &v) // what does not fit is the zero value, which matches nothing
	return v
}
