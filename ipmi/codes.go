package ipmi

import (
	"strconv"
	"strings"
)

// The completion codes that are told apart. Source: IPMI 2.0, table 5-2, Completion Codes.
const (
	codeBusy         = 0xC0
	codeInvalid      = 0xC1
	codeInvalidLUN   = 0xC2
	codeTimeout      = 0xC3
	codeField        = 0xCC
	codeNoResponse   = 0xCE
	codeUpdating     = 0xD0
	codeFirmware     = 0xD1
	codeStarting     = 0xD2
	codePrivilege    = 0xD4
	codePresentState = 0xD5
	codeDisabled     = 0xD6
	codeUnspecified  = 0xFF
)

// meanings are the generic completion codes of IPMI 2.0, table 5-2, in the words ipmitool 1.8.19 uses for them,
// misspelling included: the same table explains a code and finds the code again in what ipmitool printed.
func meanings(yield func(code byte, words string) bool) {
	for _, m := range [...]struct {
		code  byte
		words string
	}{
		{codeBusy, "Node busy"},
		{codeInvalidLUN, "Invalid command on LUN"},
		{codeInvalid, "Invalid command"},
		{codeTimeout, "Timeout"},
		{0xC4, "Out of space"},
		{0xC5, "Reservation cancelled or invalid"},
		{0xC6, "Request data truncated"},
		{0xC7, "Request data length invalid"},
		{0xC8, "Request data field length limit exceeded"},
		{0xC9, "Parameter out of range"},
		{0xCA, "Cannot return number of requested data bytes"},
		{0xCB, "Requested sensor, data, or record not found"},
		{codeField, "Invalid data field in request"},
		{0xCD, "Command illegal for specified sensor or record type"},
		{codeNoResponse, "Command response could not be provided"},
		{0xCF, "Cannot execute duplicated request"},
		{codeUpdating, "SDR Repository in update mode"},
		{codeFirmware, "Device firmeware in update mode"},
		{codeStarting, "BMC initialization in progress"},
		{0xD3, "Destination unavailable"},
		{codePrivilege, "Insufficient privilege level"},
		{codePresentState, "Command not supported in present state"},
		{codeDisabled, "Cannot execute command, command disabled"},
		{codeUnspecified, "Unspecified error"},
	} {
		if !yield(m.code, m.words) {
			return
		}
	}
}

// explain returns what a completion code means, for people.
func explain(code byte) string {
	for c, words := range meanings {
		if c == code {
			return strings.ToLower(words[:1]) + words[1:]
		}
	}
	return "a code of the command's or the vendor's own"
}

// codeIn finds the completion code in what ipmitool printed: behind "failed: " or the like, in words or as a number,
// perhaps followed by what bmclib adds.
func codeIn(printed string) (code byte, ok bool) {
	for line := range strings.Lines(printed) {
		line = strings.TrimSpace(line)
		_, why, found := strings.Cut(line, " failed: ")
		if !found {
			_, why, found = strings.Cut(line, "Unable to get Chassis Power Status: ")
		}
		why, _, _ = strings.Cut(why, ": ")
		if !found {
			continue
		}
		for c, words := range meanings {
			if why == words {
				return c, true
			}
		}
		if hex, isNumber := strings.CutPrefix(why, "Unknown (0x"); isNumber {
			if n, err := strconv.ParseUint(strings.TrimSuffix(hex, ")"), 16, 8); err == nil && n != 0 {
				return byte(n), true
			}
		}
	}
	return 0, false
}

// classesOf returns the classes of error that a completion code belongs to.
func classesOf(code byte) []error {
	switch code {
	case codeTimeout, codeNoResponse, codeUnspecified:
		return []error{ErrTimeout} // the command may have been carried out
	case codePrivilege:
		return []error{ErrRefused, ErrAuth}
	case codeInvalid, codeInvalidLUN, codeField, codePresentState, codeDisabled:
		return []error{ErrRefused, ErrUnsupported}
	case codeBusy, codeStarting, codeUpdating, codeFirmware:
		return []error{ErrRefused, ErrBusy}
	}
	return []error{ErrRefused}
}

// passing reports whether a code says "not now": a question may then be asked again.
func passing(code byte) bool {
	return code == codeBusy || code == codeTimeout || code == codeNoResponse || code == codeStarting
}
