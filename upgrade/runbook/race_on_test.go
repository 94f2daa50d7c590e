//go:build race

package runbook_test

// raced says that the race detector watches: it makes a sweep five times as slow and finds what it finds in a few of its cases.
const raced = true
