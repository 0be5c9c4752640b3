package smtpout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/headwaymail/headway/pacing/reply"
)

// waited is the time-out of a reply.
type waited time.Duration

func (w waited) Error() string { return fmt.Sprintf("no reply within %v", time.Duration(w)) }

// instead returns the reply that stands for a failure without one: code 0 and
// the error in words.
func instead(phase reply.Phase, err error) reply.Reply {
	return reply.Reply{Phase: phase, Lines: []string{clean([]byte(words(err)))}}
}

// words says what ended a connection in the same words on every platform.
func words(err error) string {
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.ErrClosedPipe):
		return "the server closed the connection"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "the server reset the connection"
	case errors.Is(err, context.Canceled):
		return "cancelled"
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "the server stopped reading"
	default:
		return err.Error()
	}
}
