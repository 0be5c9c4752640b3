package message

import (
	"errors"
	"fmt"

	"github.com/headwaymail/headway/campaign/message/template"
)

// Part names what an [Error] is about.
type Part string

// The parts of a source, and a recipient.
const (
	PartFrom       Part = "from"
	PartReplyTo    Part = "reply_to"
	PartSubject    Part = "subject"
	PartPreheader  Part = "preheader"
	PartHTML       Part = "html"
	PartMarkdown   Part = "markdown"
	PartText       Part = "text"
	PartLayout     Part = "layout"
	PartListID     Part = "list_id"
	PartFeedbackID Part = "feedback_id"
	PartRecipient  Part = "recipient"
)

// Error is one reason why a message cannot be composed.
type Error struct {
	Part         Part
	Line, Column int    // where in the part, counted from 1; 0 if it is about the whole part
	Source       string // the Liquid in question, as it was written; may be empty
	Problem      string // what is wrong
	Advice       string // what to do
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return string(e.Part) + ": " + e.Problem + "; " + e.Advice
	}
	return string(e.Part) + ", " + e.Where() + e.Problem + "; " + e.Advice
}

// Errors are all reasons that were found.
type Errors []*Error

func (e Errors) Error() string { return errors.Join(e.Unwrap()...).Error() }

// Unwrap returns the reasons one by one.
func (e Errors) Unwrap() []error {
	errs := make([]error, len(e))
	for i := range e {
		errs[i] = e[i]
	}
	return errs
}

// located returns the errors of a template as errors of the part that it is.
func located(part Part, err error) error {
	var one *template.Error
	var several template.Errors
	switch {
	case errors.As(err, &several):
		errs := make(Errors, len(several))
		for i, e := range several {
			errs[i] = errorIn(part, e)
		}
		return errs
	case errors.As(err, &one):
		return errorIn(part, one)
	}
	return err
}

func errorIn(part Part, e *template.Error) *Error {
	return &Error{part, e.Line, e.Column, e.Source, e.Problem, e.Advice}
}

// Where says where in its part an error is, as in "line 3: "; "" if it is about
// the whole part.
func (e *Error) Where() string {
	if e.Line == 0 {
		return ""
	}
	return fmt.Sprintf("line %d, column %d: ", e.Line, e.Column)
}
