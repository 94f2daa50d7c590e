package spstest

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Console returns what the local console has shown since the last boot began: the same progress as the page in the browser (SPS 7.0.2.1 LTS, Upgrade
// checklist). Its words are made up.
func (n *Node) Console() string {
	n.begin()
	n.world.lock()
	defer n.world.unlock()
	mine := Record(n.world.record).On(n.name())
	for i := len(mine) - 1; i >= 0; i-- {
		if mine[i].What == Boot {
			mine = mine[i:]
			break
		}
	}
	var b strings.Builder
	for _, e := range mine {
		b.WriteString(n.consoleLine(e))
	}
	return b.String()
}

// consoleLine is what the console shows of an event: nothing of most.
func (n *Node) consoleLine(e Event) string {
	line := ""
	switch e.What {
	case Boot:
		line = "Starting core firmware " + e.Detail
	case Up:
		line = n.name() + " login:"
	case Down:
		line = "System halted"
	case Reverted:
		line = "Upgrade failed, reverting: " + e.Detail
	case Rescue:
		line = "Upgrade failed and cannot be reverted; SSH access enabled"
	case Dead:
		line = "Kernel panic"
	default:
		return ""
	}
	return fmt.Sprintf("%s %s\r\n", e.At.Add(n.ClockOffset).UTC().Format(time.DateTime), line)
}

// Serial returns the node's serial console from now on, as a BMC carries it away: a read waits until there is something, and ends with [io.EOF] after
// Close or [Node.Close].
func (n *Node) Serial() io.ReadCloser {
	n.begin()
	n.world.lock()
	defer n.world.unlock()
	return &serial{node: n, at: len(n.world.record)}
}

type serial struct {
	node   *Node
	at     int // in the record
	left   string
	closed bool
}

func (s *serial) Read(b []byte) (int, error) {
	w := s.node.world
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		for s.left == "" && s.at < len(w.record) {
			if e := w.record[s.at]; e.Node == s.node.name() {
				s.left = s.node.consoleLine(e)
			}
			s.at++
		}
		if s.closed || w.closed {
			return 0, io.EOF
		}
		if s.left != "" {
			n := copy(b, s.left)
			s.left = s.left[n:]
			return n, nil
		}
		w.changed.Wait()
	}
}

func (s *serial) Close() error {
	w := s.node.world
	w.mu.Lock()
	defer w.mu.Unlock()
	s.closed = true
	w.changed.Broadcast()
	return nil
}
