package service

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/internal/postgres"
)

// ErrInboundFull says that too many mails wait to be read.
var ErrInboundFull = errors.New("too many mails wait to be read")

// mostWaiting is how many mails may wait to be read. At 64 KB each that is 1.3 GB
// at worst; real reports have 5 KB.
const mostWaiting = 20_000

// KeepInbound stores a mail that came back, together with the job that reads it.
// When it returns, nothing is lost by a crash.
func (s *Service) KeepInbound(ctx context.Context, m postgres.InboundMail) error {
	waiting, err := s.Store.InboundWaiting(ctx, mostWaiting)
	if err != nil {
		return err
	}
	if waiting >= mostWaiting {
		return ErrInboundFull
	}
	_, err = s.Store.SaveInbound(ctx, m, func(tx pgx.Tx) error { return s.Queue.AskInboundTx(ctx, tx) })
	return err
}

// Inbound counts the mails that came back since a time.
func (s *Service) Inbound(ctx context.Context, since time.Time) ([]postgres.InboundCount, error) {
	return s.Store.InboundCounts(ctx, since)
}
