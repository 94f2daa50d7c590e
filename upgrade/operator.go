package upgrade

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// An Operator is the person. Ask returns when he has answered; it is not hurried, for limits bound the machine only. It
// ends with ctx, and returns [ErrNoAnswer] when there will be none. Calls may come from several goroutines.
//
// [Terminal] asks at a terminal or over a pipe, [OperatorFunc] is for tools that ask elsewhere, [Consents] answers from a list.
type Operator interface {
	Ask(ctx context.Context, q Question) (Answer, error)
}

// OperatorFunc makes an Operator of a function.
type OperatorFunc func(ctx context.Context, q Question) (Answer, error)

// Ask calls f.
func (f OperatorFunc) Ask(ctx context.Context, q Question) (Answer, error) { return f(ctx, q) }

// An Answer is what the person said. By is who he is, as he or the embedding tool says it; the report shows it.
type Answer struct {
	Text string
	By   string
}

// QuestionKind says what sort of answer is wanted.
type QuestionKind string

// Kinds of questions.
const (
	// AskPress: carry the Instruction out. Answers: "done", or "not done".
	AskPress QuestionKind = "press"
	// AskValue: read a value, at Where, in Row, beside Label, and type it.
	AskValue QuestionKind = "value"
	// AskConfirm: one of Options.
	AskConfirm QuestionKind = "confirm"
	// AskLook: say when it is time to look again. Any answer will do.
	AskLook QuestionKind = "look again"
	// AskDecide: what an act did cannot be seen. One of Options.
	AskDecide QuestionKind = "decide"
)

// Answers that mean something to the engine.
const (
	AnswerDone    = "done"     // to AskPress and AskDecide: it was carried out
	AnswerNotDone = "not done" // to AskPress: it was not, and will not be
	AnswerAgain   = "again"    // to AskDecide: send it again; the person takes that upon himself
	AnswerLook    = "look"     // to AskDecide: look once more
	AnswerStop    = "stop"     // to AskDecide: end the run
	AnswerYes     = "yes"
	AnswerNo      = "no"
)

// A Question is what a person is asked. It is journaled with its answer, so it never holds a secret.
type Question struct {
	Kind    QuestionKind `json:"kind"`
	Step    string       `json:"step"` // the step's path, set by the engine
	Ref     string       `json:"ref,omitempty"`
	Text    string       `json:"text,omitempty"` // the question itself
	On      string       `json:"on,omitempty"`   // for AskValue: the appliance, the page, the row, the label
	Where   string       `json:"where,omitempty"`
	Row     string       `json:"row,omitempty"`
	Label   string       `json:"label,omitempty"`
	Options []string     `json:"options,omitempty"` // the answers that count; empty: any

	Instruction *Instruction `json:"instruction,omitempty"` // for AskPress
	Seen        string       `json:"-"`                     // last detail seen; changes, so it is no part of the hash
}

// brief is the question in a line.
func (q Question) brief() string {
	where, text := q.Where, q.Text
	if ins := q.Instruction; ins != nil {
		where, text = ins.Where, fmt.Sprintf("press %q", ins.Button)
		if ins.Button == "" {
			text = "look"
		}
		if ins.Row != "" {
			where += ", row " + ins.Row
		}
		return text + " at " + where
	}
	if q.Kind != AskValue || where == "" {
		return text
	}
	if q.Row != "" {
		where += ", row " + q.Row
	}
	return fmt.Sprintf("read %q at %s: %s", q.Label, where, text)
}

// Hash returns a SHA-256 over the exact question but what was last seen. A [Consent] is bound to it.
func (q Question) Hash() string {
	raw, err := json.Marshal(q)
	if err != nil {
		panic("upgrade: a question of strings always marshals: " + err.Error())
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// Consents is an Operator made of answers given beforehand, so that a run may be unattended. It answers a question whose
// step and exact wording someone has answered, until the consent ends; else it asks Or, and without one says ErrNoAnswer with
// the hash to consent to. It never presses anything, and never decides what became of an act: these go to Or, for nobody can
// know beforehand.
type Consents struct {
	Given []Consent
	Or    Operator // asked for what was not answered beforehand; may be nil
}

// A Consent is one answer given beforehand.
type Consent struct {
	Step     string    `json:"step"`     // the step's path
	Question string    `json:"question"` // Question.Hash
	Answer   string    `json:"answer"`
	By       string    `json:"by"` // who gave it
	Until    time.Time `json:"until,omitzero"`
}

// Ask answers from the list.
func (c *Consents) Ask(ctx context.Context, q Question) (Answer, error) {
	if q.Kind == AskConfirm || q.Kind == AskValue {
		hash := q.Hash()
		for _, g := range c.Given {
			if g.Step == q.Step && g.Question == hash && (g.Until.IsZero() || time.Now().Before(g.Until)) {
				return Answer{Text: g.Answer, By: g.By + " (beforehand)"}, nil
			}
		}
	}
	if c.Or != nil {
		return c.Or.Ask(ctx, q)
	}
	return Answer{}, &noConsent{q}
}

type noConsent struct{ q Question }

func (e *noConsent) Error() string {
	return "no consent was given beforehand for " + string(e.q.Kind) + " " + quoteStep(e.q.Step) + ", question " + e.q.Hash()
}
func (e *noConsent) Unwrap() error { return ErrNoAnswer }

func quoteStep(path string) string { return `"` + path + `"` }

// canPress says whether somebody behind op can be told to press a button.
func canPress(op Operator) bool {
	if c, ok := op.(*Consents); ok {
		return c.Or != nil && canPress(c.Or)
	}
	return op != nil
}

// Confirm returns a step that asks a person a yes-or-no question and is done when he says yes. No means Blocked. The answer
// is journaled with who gave it, and stands: a resumed run does not ask again.
func Confirm(name, question string) Step {
	return ConfirmWord(name, question, AnswerYes)
}

// withQuestion is the input of a step that asks: part of the digest, so that another question is another procedure.
const withQuestion = "question"

// ConfirmWord is Confirm with a word of your choice in place of "yes": for what cannot be undone, the name of the appliance.
func ConfirmWord(name, question, word string) Step {
	return Step{
		Name: name, Attended: true, With: map[string]string{withQuestion: question},
		Observe: func(ctx context.Context, look Look) (Observation, error) {
			a, err := look.Ask(ctx, Question{Kind: AskConfirm, Text: question, Options: []string{word, AnswerNo}})
			if err != nil {
				return Observation{}, err
			}
			ev := map[string]string{"question": question, "answer": a}
			if a != word {
				return See(Blocked, ev, "answered %q", a), nil
			}
			return See(Done, ev, "answered %q", a), nil
		},
	}
}
