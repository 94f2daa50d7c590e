package ipmitest

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/bougou/go-ipmi/pkg/hal"
	"github.com/bougou/go-ipmi/pkg/types"
)

// serialBuffer is how much of what the machine printed waits for somebody to look.
const serialBuffer = 64 << 10

// serial is the machine's serial port.
type serial struct {
	source io.Reader
	start  sync.Once
	done   chan struct{}
	once   sync.Once

	mu   sync.Mutex
	buf  []byte
	open bool
}

func newSerial(b *BMC) *serial { return &serial{source: b.Console, done: make(chan struct{})} }

// Open attaches a viewer. There is one port, so there is one viewer.
func (s *serial) Open(context.Context) (hal.ConsoleConn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open {
		return nil, errors.New("the serial port is in use")
	}
	s.open = true
	if s.source != nil {
		s.start.Do(func() { go s.pump() })
	}
	return &viewer{s}, nil
}

// print puts output where a viewer finds it. When nobody looks for long the oldest goes.
func (s *serial) print(p []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buf = append(s.buf, p...)
	if over := len(s.buf) - serialBuffer; over > 0 {
		s.buf = append(s.buf[:0], s.buf[over:]...)
	}
}

// pump reads what the machine prints.
func (s *serial) pump() {
	chunk := make([]byte, 4096)
	for {
		n, err := s.source.Read(chunk)
		s.print(chunk[:n])
		select {
		case <-s.done:
			return
		default:
		}
		if err != nil {
			return // the machine prints no more
		}
	}
}

func (s *serial) close() {
	s.once.Do(func() {
		close(s.done)
		if c, ok := s.source.(io.Closer); ok {
			_ = c.Close()
		}
	})
}

type viewer struct{ s *serial }

// ReadAvailable returns what has been printed, and does not wait for more.
func (v *viewer) ReadAvailable(p []byte) (int, error) {
	v.s.mu.Lock()
	defer v.s.mu.Unlock()
	n := copy(p, v.s.buf)
	v.s.buf = v.s.buf[n:]
	return n, nil
}

// Write throws away what is typed: the machine listens to nobody.
func (v *viewer) Write(p []byte) (int, error) { return len(p), nil }

func (v *viewer) SendBreak(context.Context) error { return types.CompletionCode(0xCC) }

func (v *viewer) Close() error {
	v.s.mu.Lock()
	defer v.s.mu.Unlock()
	v.s.open = false
	return nil
}
