package main

import (
	"fmt"
	"strings"

	"github.com/changeover-sdk/changeover/internal/cli"
	"github.com/changeover-sdk/changeover/ipmi"
	"github.com/changeover-sdk/changeover/upgrade"
	"github.com/changeover-sdk/changeover/upgrade/runbook"
)

// bmcFlag collects -bmc ID=host.
type bmcFlag map[string]string

func (b *bmcFlag) String() string { return "" }

func (b *bmcFlag) Set(v string) error {
	node, addr, ok := strings.Cut(v, "=")
	if !ok || node == "" || addr == "" {
		return fmt.Errorf("want ID=host[:port]")
	}
	if *b == nil {
		*b = bmcFlag{}
	}
	if _, twice := (*b)[node]; twice {
		return fmt.Errorf("node %s has two", node)
	}
	(*b)[node] = addr
	return nil
}

// pair makes the job that of a High Availability pair.
func (s *settings) pair(job cli.Job, node runbook.SPSNode) (cli.Job, func(), error) {
	power := upgrade.PowerMap{}
	var machines []*ipmi.Machine
	cleanup := func() {
		for _, m := range machines {
			m.Close()
		}
	}
	login, err := s.bmcLogin()
	if err != nil {
		return job, cleanup, err
	}
	for id, addr := range s.bmcs {
		m, err := ipmi.New(addr, login, nil)
		if err != nil {
			return job, cleanup, err
		}
		machines = append(machines, m)
		power[id] = m
	}
	if node.OneCall || node.ImageURL != "" || node.Virtual {
		return job, cleanup, fmt.Errorf("-one-call, -url and -virtual are not for a pair")
	}
	ha := runbook.SPSHA{Client: node.Client, Pages: node.Pages, Artifacts: node.Artifacts, Power: power,
		Version: node.Version, Images: node.Images, Image: node.Image, SHA256: node.SHA256}
	job.Procedure = ha.Procedure()
	return job, cleanup, ha.Check()
}

func (s *settings) bmcLogin() (ipmi.Login, error) {
	if s.bmcCredentials == "" {
		return ipmi.Login{}, fmt.Errorf("-ha wants -bmc-credentials")
	}
	user, password, err := cli.Account(s.bmcCredentials)
	return ipmi.Login{User: user, Password: password}, err
}
