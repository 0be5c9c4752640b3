package dnsclient

import (
	"context"
	"errors"
	"fmt"
)

// The definite kinds of nothing. They are found with errors.Is in an [Error].
var (
	// ErrNoDomain says that the name does not exist (NXDOMAIN).
	ErrNoDomain = errors.New("the domain does not exist")
	// ErrNoRecords says that the name exists without records of this type (NODATA).
	ErrNoRecords = errors.New("no records of this type")
	// ErrNoMailHost says that a domain has neither MX nor address records.
	ErrNoMailHost = errors.New("the domain has neither MX nor address records")
	// ErrBadName says that the name cannot be asked for: a label or the whole is
	// empty or too long, or its IDNA form is invalid.
	ErrBadName = errors.New("not a domain name")
)

// Error says which question found no answer, and why.
type Error struct {
	Name string // as asked, in wire form
	Type string // "MX", "A", "AAAA", "TXT", "PTR"
	// Temporary says that nobody could say: time-out, SERVFAIL, REFUSED or an
	// unusable answer from every server. The same question may do better later.
	Temporary bool
	Err       error
}

// Error returns "mx of example.test: the domain does not exist".
func (e *Error) Error() string { return fmt.Sprintf("%s of %s: %v", e.Type, e.Name, e.Err) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Temporary says whether err leaves the question open, so that it must be
// asked again later. The end of the caller's own context counts as such.
func Temporary(err error) bool {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Temporary
	}
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
