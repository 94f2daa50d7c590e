package ipmi

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/bmc-toolbox/bmclib/v2/providers/ipmitool"

	"github.com/changeover-sdk/changeover/internal/redact"
)

// beforeRepeat is how long ipmitool may take over an act. bmclib starts it with -N 5 and four repetitions: when an
// answer is lost it sends the command again after five of its whole seconds, which may be little more than four of ours.
// It is ended before that.
const beforeRepeat = 3500 * time.Millisecond

// tool is bmclib's ipmitool driver, narrowed to what is used here and made to say what went wrong. A driver has no other
// methods than these, so bmclib can do nothing else with it.
//
// The password reaches ipmitool in its environment, never in its arguments.
type tool struct {
	conn  *ipmitool.Conn
	scrub redact.Scrubber
}

func newTool(path, host, port string, suite int, login Login) (*tool, error) {
	conn, err := ipmitool.New(bracketed(host), login.User, login.Password,
		ipmitool.WithPort(port), ipmitool.WithCipherSuite(strconv.Itoa(suite)), ipmitool.WithIpmitoolPath(path))
	if err != nil {
		return nil, failure(ErrUnsupported, "%v", err).with(ErrNotSent)
	}
	return &tool{conn: conn, scrub: redact.New(login.Password)}, nil
}

func bracketed(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

// Name is how bmclib calls the driver.
func (t *tool) Name() string { return ipmitool.ProviderName }

// Open does nothing. bmclib's would run ipmitool to read the power state, which is done next anyway.
func (t *tool) Open(context.Context) error { return nil }

// Close does nothing: between two questions there is no process.
func (t *tool) Close(context.Context) error { return nil }

// PowerStateGet runs ipmitool once.
func (t *tool) PowerStateGet(ctx context.Context) (string, error) {
	said, err := t.conn.PowerStateGet(ctx)
	if err != nil {
		return "", t.failed(ctx, err)
	}
	if s := parseState(said); s == On || s == Off {
		return s, nil
	} else if s == "" {
		return "", failure(ErrTimeout, "ipmitool printed nothing")
	}
	return t.scrub(parseState(said)), nil
}

// PowerSet runs ipmitool, which for "on" and "off" reads the state first. The command itself is sent once.
func (t *tool) PowerSet(ctx context.Context, state string) (bool, error) {
	if state != "on" && state != "off" && state != "cycle" {
		return false, failure(ErrUnsupported, "%q is not offered", state).with(ErrNotSent)
	}
	ctx, cancel := context.WithTimeout(ctx, beforeRepeat)
	defer cancel()
	ok, err := t.conn.PowerSet(ctx, state)
	if err != nil {
		return false, t.failed(ctx, err)
	}
	return ok, nil
}

// failed gives what ipmitool printed its class. Its words do not tell a wrong password from a wrong user, nor either
// from a BMC that does not answer; but only the last one takes longer than it is ever given here.
func (t *tool) failed(ctx context.Context, err error) *Error {
	printed := err.Error()
	if ctx.Err() != nil {
		return failure(ErrTimeout, "ipmitool got no answer")
	}
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return failure(ErrUnsupported, "%v", err).with(ErrNotSent)
	}
	if code, ok := codeIn(printed); ok {
		return refusal(code)
	}
	says := t.scrub(strings.Join(strings.Fields(printed), " "))
	switch {
	case strings.Contains(printed, "invalid authentication algorithm"), strings.Contains(printed, "no matching cipher suite"):
		return failure(ErrUnsupported, "the BMC refused the cipher suite: %s", says)
	case strings.Contains(printed, "Could not open socket"), strings.Contains(printed, "Address lookup for"):
		return failure(ErrUnreachable, "%s", says)
	case strings.Contains(printed, "Unable to establish IPMI v2 / RMCP+ session"):
		return failure(ErrAuth, "the BMC refused the session; ipmitool does not say whether it was the user, the password or the privilege level")
	}
	return failure(ErrTimeout, "ipmitool: %s", says)
}

// findTool returns the path of ipmitool, or why it cannot be used.
func findTool(path string) (string, error) {
	if path == "" {
		found, err := exec.LookPath("ipmitool")
		if err != nil {
			return "", failure(ErrUnsupported, "ipmitool is not installed (Debian: package ipmitool); the driver %q does not need it", Native)
		}
		path = found
	}
	f, err := os.Open(path)
	if err != nil {
		return "", failure(ErrUnsupported, "ipmitool: %v", err)
	}
	defer f.Close()
	head := make([]byte, 2)
	if _, err := io.ReadFull(f, head); err != nil {
		return "", failure(ErrUnsupported, "ipmitool: read %s: %v", path, err)
	}
	if string(head) == "#!" {
		return "", failure(ErrUnsupported, "%s is a script: a time-out would end the script and not the ipmitool it started; name the program itself", path)
	}
	return path, nil
}
