//go:build !race

package runbook_test

const raced = false
