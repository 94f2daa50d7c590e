package main

import "slices"

// presses are the buttons of each guide, in its order: those that a person with the guide in his hand would press.
var presses = map[string][]string{
	"sps-node":   spsNodePresses("sps1"),
	"sps-search": slices.Concat(spsNodePresses("minion1"), spsNodePresses("minion2"), spsNodePresses("search")),
	"sps-ha": {
		"sps1-a: Basic Settings > System > Export configuration > Export",
		"sps1-a: Basic Settings > System > Firmwares > 7.0.2.1 > After reboot",
		"sps1-a: Basic Settings > High Availability > Other node > Shutdown",
		"sps1-a: Basic Settings > System > System control > This node > Reboot",
		"sps1-a: Basic Settings > High Availability > Activate Slave",
		"sps1-b: Basic Settings > System > Export configuration > Export",
	},
	"pra-node": append([]string{checkForUpdates("pra-a")}, praUpdatePresses("pra-a")...),
	"pra-node with packages by hand": {
		"pra-a: https://update.bomgar.com | Submit",
		"pra-a: https://update.bomgar.com | Base Software 7.0.0 | Download",
		"pra-a: https://update.bomgar.com | BeyondTrust-25.1.1 | Download",
		"pra-a: /appliance > Updates | Update Software",
		"pra-a: /appliance > Updates | Update Software",
	},
	"pra-sync":               slices.Concat(praBeginPresses, praUpdatePresses("pra-a"), []string{checkForUpdates("pra-b")}, praUpdatePresses("pra-b"), []string{"pra-a: /login > Management > Failover | Establish Relationship"}),
	"pra-async by dns":       praAsyncPresses(),
	"pra-async by nat":       praAsyncPresses(),
	"pra-async by shared-ip": praAsyncPresses("pra-a: /appliance > Networking > IP Configuration | 192.0.2.10 | Save Changes", "pra-b: /appliance > Networking > IP Configuration | 192.0.2.10 | Save Changes"),
	"pra-hardware": {
		"pra-a: /appliance > Security > Certificates | access.example.com | Export",
		"pra-b: /appliance > Security > Certificates | Upload",
		"pra-b: /appliance > Security > Certificates | access.example.com | Save Configuration",
		"pra-b: /appliance > Updates | Check for updates",
		"pra-b: /appliance > Updates | BeyondTrust-24.3.2 | Install This Update",
		"pra-b: /appliance > Updates | Accept",
		"pra-b: /login > Management > Software Management | Upload Backup",
		"pra-a: /appliance > Status > Basics | Reset Appliance to Factory Defaults",
		"pra-a: /appliance > Status > Basics | Shut Down This Appliance",
	},
}

func spsNodePresses(node string) []string {
	return []string{
		node + ": Basic Settings > System > Export configuration > Export",
		node + ": Basic Settings > System > Firmwares > 7.0.2.1 > After reboot",
		node + ": Basic Settings > System > System control > This node > Reboot",
		node + ": Basic Settings > System > Export configuration > Export",
	}
}

func checkForUpdates(box string) string { return box + ": /appliance > Updates | Check for updates" }

func praUpdatePresses(box string) []string {
	return []string{
		box + ": /appliance > Updates | Base Software 7.0.0 | Install This Update",
		checkForUpdates(box),
		box + ": /appliance > Updates | BeyondTrust-25.1.1 | Install This Update",
	}
}

var praBeginPresses = []string{
	checkForUpdates("pra-a"), checkForUpdates("pra-b"),
	"pra-a: /login > Management > Failover | Sync Now",
	"pra-a: /login > Management > Failover | Break Failover Relationships",
}

// praAsyncPresses are those of the asynchronous way, with those that move the site's traffic.
func praAsyncPresses(swing ...string) []string {
	return slices.Concat(praBeginPresses, praUpdatePresses("pra-b"), swing, []string{checkForUpdates("pra-a")}, praUpdatePresses("pra-a"),
		[]string{"pra-b: /login > Management > Failover | Establish Relationship"})
}
