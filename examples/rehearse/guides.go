package main

// defaultGuide is what a newcomer sees first.
const defaultGuide = "sps-node"

var guides = map[string]guide{
	"sps-node":   {set: spsNode, fails: spsNodeFails},
	"sps-ha":     {set: spsHA, fails: spsHAFails},
	"sps-search": {set: spsSearch, fails: spsSearchFails},
}
