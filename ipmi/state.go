package ipmi

import "strings"

// State is the power state of a machine as its BMC tells it.
//
// It is an alias of string so that an interface declared elsewhere, without importing this package, is satisfied by
// [*Machine] all the same. Only On and Off are known; whatever else a BMC says is kept as told, and neither counts as on
// nor as off.
type State = string

// The states this package acts on.
const (
	On  State = "on"
	Off State = "off"
)

// sentence is how ipmitool 1.8.19 begins its answer to "chassis power status".
const sentence = "Chassis Power is "

// parseState takes the state out of a driver's answer: the native driver says "on", ipmitool says "Chassis Power is
// on\n", other drivers of bmclib say "On". An unknown answer comes back as it was told, without surrounding space.
func parseState(said string) State {
	word := strings.TrimSpace(said)
	if len(word) >= len(sentence) && strings.EqualFold(word[:len(sentence)], sentence) {
		word = strings.TrimSpace(word[len(sentence):])
	}
	switch {
	case strings.EqualFold(word, On):
		return On
	case strings.EqualFold(word, Off):
		return Off
	}
	return strings.TrimSpace(said)
}
