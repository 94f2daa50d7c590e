package spstest

// Pair is two nodes with one service address.
type Pair struct{}

func (p *Pair) lost(*Node)               {}
func (p *Pair) back(*Node)               {}
func (p *Pair) changed(*Node)            {}
func (p *Pair) testIssue() string        { return "" }
func (p *Pair) restUpgrade(*Node, Event) {}

// Cluster is several.
type Cluster struct{}
