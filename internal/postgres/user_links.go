package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/campaign"
)

const (
	// An older link of the same kind ends with the new one.
	sqlEndUserLinks   = `delete from user_links where user_id = $1`
	sqlInsertUserLink = `
insert into user_links (kept, user_id, purpose, created_at, expires_at, campaign_id)
values ($1, $2, $3, $4, $5, nullif($6, 0))`

	sqlUserLink = `
select u.id, u.address, u.name, u.role, u.password, u.created_at, u.last_login_at, u.disabled_at
  from user_links l join users u on u.id = l.user_id
 where l.kept = $1 and l.used_at is null and l.expires_at > $2 and u.disabled_at is null`

	sqlUseLink = `
update user_links l set used_at = $2
  from users u
 where l.kept = $1 and l.used_at is null and l.expires_at > $2 and u.id = l.user_id and u.disabled_at is null
returning l.user_id`

	// Links that are still good, with what became of the message that carried
	// them. Index: deliveries_once.
	sqlUserLinks = `
select l.user_id, l.purpose, l.created_at, l.expires_at, coalesce(l.campaign_id, 0), coalesce(d.state::text, ''), coalesce(d.reply, '')
  from user_links l
  left join campaigns c on c.id = l.campaign_id
  left join deliveries d on d.ledger_id = c.ledger_id and d.campaign_id = c.id
 where l.used_at is null and l.expires_at > $1`

	sqlLinkSince = `select exists (select from user_links where user_id = $1 and created_at > $2 and used_at is null)`
)

// UserLink is a link by which a person chooses a password, good once.
type UserLink struct {
	User     int64
	Purpose  string // invite or reset
	At       time.Time
	Expires  time.Time
	Campaign int64 // whose message carries it; 0 when a person hands it over
}

// AddUserLink makes a link in place of the person's earlier ones. kept is the hash
// of its secret.
func (s *Store) AddUserLink(ctx context.Context, kept []byte, l UserLink) error {
	batch := &pgx.Batch{}
	batch.Queue(sqlEndUserLinks, l.User)
	batch.Queue(sqlInsertUserLink, kept, l.User, l.Purpose, l.At, l.Expires, l.Campaign)
	if err := s.pool.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("link for user %d: %w", l.User, err)
	}
	return nil
}

// SentLink is a link that is still good, and what became of its message.
type SentLink struct {
	UserLink
	State campaign.DeliveryState // empty when no message carries it
	Reply string
}

// UserLinks returns the links that are still good, by person.
func (s *Store) UserLinks(ctx context.Context, now time.Time) (map[int64]SentLink, error) {
	rows, err := s.pool.Query(ctx, sqlUserLinks, now)
	if err != nil {
		return nil, fmt.Errorf("links of users: %w", err)
	}
	links := make(map[int64]SentLink)
	var l SentLink
	_, err = pgx.ForEachRow(rows, []any{&l.User, &l.Purpose, &l.At, &l.Expires, &l.Campaign, &l.State, &l.Reply}, func() error {
		links[l.User] = l
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("links of users: %w", err)
	}
	return links, nil
}

// LinkSince reports whether a link was made for a person after a time that was
// not used yet.
func (s *Store) LinkSince(ctx context.Context, user int64, since time.Time) (bool, error) {
	var any bool
	if err := s.pool.QueryRow(ctx, sqlLinkSince, user, since).Scan(&any); err != nil {
		return false, fmt.Errorf("links of user %d: %w", user, err)
	}
	return any, nil
}

// UserOfLink returns whose link it is, or [ErrNotFound] when it is used or over.
func (s *Store) UserOfLink(ctx context.Context, kept []byte, now time.Time) (User, error) {
	return s.oneUser(ctx, sqlUserLink, kept, now)
}

// UseLink sets a password by a link, which is then used up, and ends all
// sessions of the person. It returns [ErrNotFound] for a link that is used or over.
func (s *Store) UseLink(ctx context.Context, kept []byte, hash string, now time.Time) (user int64, err error) {
	err = s.InTx(ctx, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, sqlUseLink, kept, now).Scan(&user); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, sqlSetPassword, user, hash); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, sqlEndSessions, user)
		return err
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, ErrNotFound
	}
	if err != nil {
		return 0, fmt.Errorf("link: %w", err)
	}
	return user, nil
}
