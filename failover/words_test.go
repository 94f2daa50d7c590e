package failover

import (
	"errors"
	"testing"
)

func TestWordsOfClosedSets(t *testing.T) {
	for o := range Outcome(len(outcomes)) {
		text, _ := o.MarshalText()
		var again Outcome
		if err := again.UnmarshalText(text); err != nil || again != o {
			t.Errorf("%v reads as %v, %v", o, again, err)
		}
	}
	for p := range Position(len(positions)) {
		text, _ := p.MarshalText()
		var again Position
		if err := again.UnmarshalText(text); err != nil || again != p || p.exchanged().exchanged() != p {
			t.Errorf("%v reads as %v, %v", p, again, err)
		}
	}
	for p := range Proof(len(proofs)) {
		text, _ := p.MarshalText()
		var again Proof
		if err := again.UnmarshalText(text); err != nil || again != p {
			t.Errorf("%v reads as %v, %v", p, again, err)
		}
	}
	var o Outcome
	if err := o.UnmarshalText([]byte("maybe")); err == nil || o != Unknown || o.Good() || Outcome(99).Good() {
		t.Errorf("an unknown word was taken: %v, %v", o, err)
	}
}

func TestTogether(t *testing.T) {
	tests := map[string]struct {
		in   []Position
		want Position
	}{
		"nothing":                             {nil, Unseen},
		"all old":                             {[]Position{AtFrom, AtFrom}, AtFrom},
		"all new":                             {[]Position{AtTo, AtTo}, AtTo},
		"some old, some new":                  {[]Position{AtFrom, AtTo}, Split},
		"all gone":                            {[]Position{AtNeither, AtNeither}, AtNeither},
		"one gone":                            {[]Position{AtTo, AtNeither}, Elsewhere},
		"one at both":                         {[]Position{AtTo, AtBoth}, AtBoth},
		"one elsewhere":                       {[]Position{AtBoth, Elsewhere, AtTo}, Elsewhere},
		"what was not seen counts before all": {[]Position{Elsewhere, Unseen, AtTo}, Unseen},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := together(tt.in); got != tt.want {
				t.Errorf("together(%v) = %v, want %v", tt.in, got, tt.want)
			}
		})
	}
}

func TestErrorSaysWhatToDo(t *testing.T) {
	err := error(&Error{Op: "swing", On: "example.com. at primary", Outcome: Conflict, Next: next(Conflict), Err: ErrGuard})
	want := "failover: swing example.com. at primary: the guard did not hold, nothing was changed; compare what is there with both sides and decide by hand"
	if err.Error() != want || !errors.Is(err, ErrGuard) {
		t.Errorf("Error() = %q", err)
	}
}
