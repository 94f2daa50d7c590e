//go:build !race

package praweb_test

const gigabyte = 1 << 30
