// Package spstest simulates One Identity SPS appliances.
package spstest

import "errors"

var errClosed = errors.New("spstest: the simulation has ended")
