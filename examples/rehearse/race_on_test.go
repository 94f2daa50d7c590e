//go:build race

package main

// raced says that the race detector watches, under which a browser's guide takes several times as long: a few of them show what it finds.
const raced = true
