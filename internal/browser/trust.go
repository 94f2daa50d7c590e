package browser

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/changeover-sdk/changeover/internal/rest"
)

// verify shakes hands with the appliance, with the rules that the API clients have, and returns the certificate it showed.
func verify(ctx context.Context, cfg Config, addr string) (*x509.Certificate, error) {
	c, err := rest.New(rest.Config{CA: cfg.CA, Fingerprint: cfg.Fingerprint, Dial: addr, FreshConnections: true, Logger: cfg.Logger})
	if err != nil {
		return nil, err
	}
	defer c.CloseIdleConnections()
	resp, err := c.Do(ctx, rest.Request{Intent: rest.Read, Method: http.MethodHead, URL: cfg.Site.JoinPath("/")})
	if resp != nil && len(resp.Chain) > 0 {
		return resp.Chain[0], nil // whatever the answer was: the chain has been verified
	}
	if err == nil {
		err = errors.New("the appliance showed no certificate")
	}
	return nil, err
}

// trust makes a certificate database in the browser's private home and puts one certificate in, as a trusted peer: the exact
// certificate, whose name and dates the browser checks as well.
func trust(ctx context.Context, dir string, owner *syscall.Credential, leaf *x509.Certificate) error {
	tool, err := certutil()
	if err != nil {
		return err
	}
	file := filepath.Join(dir, "leaf.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw}), 0o644); err != nil {
		return err
	}
	db := "sql:" + filepath.Join(dir, ".pki", "nssdb")
	for _, args := range [][]string{
		{"-N", "-d", db, "--empty-password"},
		{"-A", "-d", db, "-t", "P,,", "-n", "appliance", "-i", file},
	} {
		cmd := exec.CommandContext(ctx, tool, args...)
		cmd.Dir, cmd.Env, cmd.WaitDelay = dir, environment(dir), time.Second
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: owner}
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("certutil %s: %w: %s", args[0], err, strings.TrimSpace(string(out)))
		}
	}
	return nil
}

func certutil() (string, error) {
	tool, err := exec.LookPath("certutil")
	if err != nil {
		return "", fmt.Errorf("%w: certutil is not there; on Debian: apt-get install libnss3-tools", ErrNoBrowser)
	}
	return tool, nil
}
