package upgrade

// Group returns a step that carries out steps one after another.
func Group(name string, steps ...Step) Step { return Step{Name: name, Steps: steps} }

// Together returns a step that carries out up to atOnce steps at the same time. Two of them never act on one appliance at
// once. At the first one that ends unknown or failed no further one starts, and those under way are looked at to their end.
func Together(name string, atOnce int, steps ...Step) Step {
	return Step{Name: name, Steps: steps, AtOnce: max(atOnce, 1)}
}

// Whole returns a group that must not be left half-way. It begins only when its expected time fits before the window
// closes, and once it has acted it is finished before the window or a cancel takes effect.
func Whole(name string, steps ...Step) Step { return Step{Name: name, Steps: steps, Whole: true} }

// Hold returns a step that ends a run. The next run of the same procedure goes on behind it and says how long it was held.
// soon says why one should not wait too long: "the site has no failover until the second window".
func Hold(name, soon string) Step { return Step{Name: name, soon: soon, hold: true} }
