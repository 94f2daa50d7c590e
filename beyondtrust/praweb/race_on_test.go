//go:build race

package praweb_test

// gigabyte is less under the race detector, which makes copying six times as slow: its memory is measured without it, see the Makefile.
const gigabyte = 64 << 20
