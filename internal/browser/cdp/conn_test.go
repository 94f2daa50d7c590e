package cdp

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// fake is a browser at the other end of two pipes: it answers each command by what do makes of it.
func fake(t *testing.T, do func(m message) []string) (*Conn, chan Event) {
	t.Helper()
	commands, out := io.Pipe()
	in, answers := io.Pipe()
	events := make(chan Event, 8)
	c := New(in, out, func(e Event) { events <- e })
	go func() {
		defer answers.Close()
		r := bufio.NewReader(commands)
		for {
			raw, err := r.ReadString(0)
			if err != nil {
				return
			}
			var m message
			if err := json.Unmarshal([]byte(strings.TrimSuffix(raw, "\x00")), &m); err != nil {
				t.Errorf("command %q: %v", raw, err)
			}
			for _, a := range do(m) {
				if _, err := io.WriteString(answers, a+"\x00"); err != nil {
					return
				}
			}
		}
	}()
	t.Cleanup(c.Close)
	return c, events
}

func TestCall(t *testing.T) {
	c, events := fake(t, func(m message) []string {
		switch m.Method {
		case "Good":
			return []string{`{"method":"Told","sessionId":"s","params":{"a":1}}`, `{"id":99,"result":{}}`, `{"id":1,"result":{"value":"` + m.Session + `"}}`}
		case "Bad":
			return []string{`{"id":2,"error":{"code":-32000,"message":"No such node"}}`}
		}
		return []string{"this is not the protocol"}
	})
	var got struct{ Value string }
	if err := c.Call(t.Context(), "s", "Good", map[string]any{"x": 1}, &got); err != nil || got.Value != "s" {
		t.Fatalf("Call() = %+v, %v", got, err)
	}
	if e := <-events; e.Method != "Told" || e.Session != "s" || string(e.Params) != `{"a":1}` {
		t.Errorf("event %+v", e)
	}
	err := c.Call(t.Context(), "", "Bad", nil, nil)
	if e, ok := errors.AsType[*Error](err); !ok || e.Message != "No such node" {
		t.Errorf("Call() = %v, want the browser's words", err)
	}
	if err := c.Call(t.Context(), "", "Ugly", nil, nil); !errors.Is(err, ErrGone) {
		t.Errorf("Call() = %v, want that it is gone", err)
	}
	if err := c.Call(t.Context(), "", "Good", nil, nil); !errors.Is(err, ErrGone) {
		t.Errorf("Call() afterwards = %v, want that it is gone", err)
	}
}

// A browser that is stopped reads nothing and answers nothing: calls end with their context all the same.
func TestCallFrozen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		commands, out := io.Pipe()
		in, answers := io.Pipe()
		c := New(in, out, func(Event) {})
		for range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
			if err := c.Call(ctx, "", "Page.navigate", nil, nil); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Call() = %v, want the deadline", err)
			}
			cancel()
		}
		commands.Close()
		answers.Close()
		c.Close()
	})
}

// The law of the reader: whatever comes, it ends when the other side does, and every call has an answer or an error.
func FuzzRead(f *testing.F) {
	f.Add("{\"id\":1,\"result\":{\"value\":1}}\x00")
	f.Add("{\"method\":\"x\"}\x00\x00{\"id\":1,\"error\":{}}\x00")
	f.Fuzz(func(t *testing.T, said string) {
		commands, out := io.Pipe()
		c := New(io.NopCloser(strings.NewReader(said)), out, func(Event) {})
		go io.Copy(io.Discard, commands)
		var v any
		_ = c.Call(t.Context(), "", "X", nil, &v)
		<-c.Done()
		c.Close()
		commands.Close()
	})
}
