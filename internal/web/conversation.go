package web

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
)

// conversation is what was said around a test message, to be read.
type conversation struct {
	At        time.Time
	Lines     []saidLine
	Signature string // what verification says
	Passes    bool
	Open      bool // it went wrong: read it
}

// saidLine is a line of it.
type saidLine struct {
	Side string // ours, theirs, or happened
	Text string
}

// conversation returns what was said around the newest attempt of a test; nil
// before there was one, and where no connection came about.
func (s *Server) conversation(ctx context.Context, campaign int64) (*conversation, error) {
	said, err := s.service.Store.Conversation(ctx, campaign)
	if errors.Is(err, postgres.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	c := newConversation(said)
	return &c, nil
}

func newConversation(said postgres.Conversation) conversation {
	c := conversation{At: said.At, Signature: said.Signature, Passes: strings.HasPrefix(said.Signature, "pass") && !strings.Contains(said.Signature, "fail")}
	for text := range strings.Lines(said.Words) {
		line := saidLine{Side: "happened", Text: strings.TrimRight(text, "\r\n")}
		switch {
		case strings.HasPrefix(text, "C: "):
			line.Side = "ours"
		case strings.HasPrefix(text, "S: "):
			line.Side = "theirs"
			c.Open = c.Open || strings.HasPrefix(text, "S: 4") || strings.HasPrefix(text, "S: 5")
		}
		c.Lines = append(c.Lines, line)
	}
	c.Open = c.Open || !c.Passes
	return c
}
