package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	sqlSaveConversation = `
insert into conversations (campaign_id, at, words, signature) values ($1, $2, $3, $4)
    on conflict (campaign_id) do update set at = excluded.at, words = excluded.words, signature = excluded.signature`

	// Index: conversations_at.
	sqlForgetConversations = `delete from conversations where at < $1`

	sqlConversation = `select at, words, signature from conversations where campaign_id = $1`
)

// keepConversations is for how long what was said around a message is kept.
const keepConversations = 30 * 24 * time.Hour

// Conversation is what was said around the newest attempt of a message of our
// own.
type Conversation struct {
	At        time.Time
	Words     string // line by line: "C: " what we said, "S: " what the server did, "-- " what happened
	Signature string // what our own verification says of its signatures
}

// SaveConversation keeps what was said around the newest attempt of a system
// campaign's message, and forgets what is older than a month.
func (s *Store) SaveConversation(ctx context.Context, campaign int64, c Conversation) error {
	_, err := s.pool.Exec(ctx, sqlSaveConversation, campaign, c.At, storable(c.Words), storable(c.Signature))
	if err == nil {
		_, err = s.pool.Exec(ctx, sqlForgetConversations, c.At.Add(-keepConversations))
	}
	return wrap(err, fmt.Sprintf("conversation of campaign %d", campaign))
}

// Conversation returns what was said around the newest attempt of a campaign's
// message, or [ErrNotFound].
func (s *Store) Conversation(ctx context.Context, campaign int64) (c Conversation, err error) {
	err = s.pool.QueryRow(ctx, sqlConversation, campaign).Scan(&c.At, &c.Words, &c.Signature)
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrNotFound
	}
	return c, wrap(err, fmt.Sprintf("conversation of campaign %d", campaign))
}
