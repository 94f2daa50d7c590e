package main

// defaultGuide is what a newcomer sees first.
const defaultGuide = "pra-async"

var guides = map[string]guide{
	"pra-async":    {set: praAsync, fails: praPairFails},
	"pra-hardware": {set: praHardware, fails: praMigrateFails},
	"pra-node":     {set: praNode, fails: praNodeFails},
	"pra-sync":     {set: praSync, fails: praPairFails},
	"sps-node":     {set: spsNode, fails: spsNodeFails},
	"sps-ha":       {set: spsHA, fails: spsHAFails},
	"sps-search":   {set: spsSearch, fails: spsSearchFails},
}
