package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// APIToken is a key of the API, without the token itself.
type APIToken struct {
	ID        int64
	Name      string
	Scope     string // read or operate
	Hint      string // the token's last characters
	CreatedAt time.Time
	LastUsed  *time.Time
	RevokedAt *time.Time
}

const (
	sqlInsertAPIToken = `
insert into api_tokens (name, scope, hash, hint, created_at) values ($1, $2, $3, $4, $5)
on conflict (name) where revoked_at is null do nothing returning id`

	sqlAPITokens = `
select id, name, scope, hint, created_at, last_used_at, revoked_at from api_tokens order by id`

	sqlAPITokenByHash = `
select id, name, scope, hint, created_at, last_used_at, revoked_at
  from api_tokens where hash = $1 and revoked_at is null`

	sqlTouchAPIToken  = `update api_tokens set last_used_at = $2 where id = $1`
	sqlRevokeAPIToken = `update api_tokens set revoked_at = $2 where name = $1 and revoked_at is null`

	// The first call with a key enters it; a call that was given up is taken over.
	sqlBeginAPIRequest = `
insert into api_requests (token_id, key, request, at) values ($1, $2, $3, $4)
on conflict (token_id, key) do update set request = excluded.request, at = excluded.at, status = null, answer = null
 where api_requests.status is null and api_requests.at < $5 or api_requests.at < $6
returning true`

	sqlAPIRequest = `select request, coalesce(status, 0), answer from api_requests where token_id = $1 and key = $2`

	sqlEndAPIRequest = `update api_requests set status = $3, answer = $4 where token_id = $1 and key = $2`

	// A call that failed on our side may be made again.
	sqlForgetAPIRequest = `delete from api_requests where token_id = $1 and key = $2`

	// Index: api_requests_age.
	sqlForgetOldAPIRequests = `
delete from api_requests where (token_id, key) in (select token_id, key from api_requests where at < $1 order by at limit 100)`
)

// AddAPIToken stores the hash of a token. It returns [ErrExists] when a token
// of that name is in force.
func (s *Store) AddAPIToken(ctx context.Context, t APIToken, hash []byte) (int64, error) {
	var id int64
	err := s.pool.QueryRow(ctx, sqlInsertAPIToken, t.Name, t.Scope, hash, t.Hint, t.CreatedAt).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrExists
	}
	if err != nil {
		return 0, fmt.Errorf("token %s: %w", t.Name, err)
	}
	return id, nil
}

// APITokens returns all tokens that ever were, oldest first.
func (s *Store) APITokens(ctx context.Context) ([]APIToken, error) {
	rows, err := s.pool.Query(ctx, sqlAPITokens)
	if err != nil {
		return nil, fmt.Errorf("tokens: %w", err)
	}
	tokens, err := pgx.CollectRows(rows, pgx.RowToStructByPos[APIToken])
	if err != nil {
		return nil, fmt.Errorf("tokens: %w", err)
	}
	return tokens, nil
}

// APIToken returns the token in force with a hash, or [ErrNotFound].
func (s *Store) APIToken(ctx context.Context, hash []byte) (APIToken, error) {
	rows, err := s.pool.Query(ctx, sqlAPITokenByHash, hash)
	if err != nil {
		return APIToken{}, fmt.Errorf("token: %w", err)
	}
	token, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[APIToken])
	if errors.Is(err, pgx.ErrNoRows) {
		err = missing{"such token"}
	}
	if err != nil {
		return APIToken{}, fmt.Errorf("token: %w", err)
	}
	return token, nil
}

// TouchAPIToken notes when a token was used.
func (s *Store) TouchAPIToken(ctx context.Context, id int64, now time.Time) error {
	if _, err := s.pool.Exec(ctx, sqlTouchAPIToken, id, now); err != nil {
		return fmt.Errorf("token %d: %w", id, err)
	}
	return nil
}

// RevokeAPIToken ends the token in force with a name, or returns [ErrNotFound].
func (s *Store) RevokeAPIToken(ctx context.Context, name string, now time.Time) error {
	tag, err := s.pool.Exec(ctx, sqlRevokeAPIToken, name, now)
	if err == nil && tag.RowsAffected() == 0 {
		err = missing{"token in force with this name"}
	}
	if err != nil {
		return fmt.Errorf("token %s: %w", name, err)
	}
	return nil
}

// APIRequest is a call with an Idempotency-Key.
type APIRequest struct {
	Token   int64
	Key     string
	Request []byte // hash of method, path and body
	Status  int    // of the answer; 0 while the call is at work
	Answer  []byte
}

const (
	// apiRequestsKept is how long an answer is kept.
	apiRequestsKept = 24 * time.Hour
	// apiRequestGivenUp is after what time a call without an answer is taken
	// for lost with its node: answers take 30 s at most.
	apiRequestGivenUp = time.Minute
)

// BeginAPIRequest enters a call. When there was one with the same key, it
// returns that one and true.
func (s *Store) BeginAPIRequest(ctx context.Context, r APIRequest, now time.Time) (APIRequest, bool, error) {
	if _, err := s.pool.Exec(ctx, sqlForgetOldAPIRequests, now.Add(-apiRequestsKept)); err != nil {
		return r, false, fmt.Errorf("forget old calls: %w", err)
	}
	var ours bool
	err := s.pool.QueryRow(ctx, sqlBeginAPIRequest, r.Token, r.Key, r.Request, now,
		now.Add(-apiRequestGivenUp), now.Add(-apiRequestsKept)).Scan(&ours)
	if err == nil {
		return r, false, nil
	}
	if !errors.Is(err, pgx.ErrNoRows) {
		return r, false, fmt.Errorf("call with key %s: %w", r.Key, err)
	}
	before := APIRequest{Token: r.Token, Key: r.Key}
	if err := s.pool.QueryRow(ctx, sqlAPIRequest, r.Token, r.Key).Scan(&before.Request, &before.Status, &before.Answer); err != nil {
		return r, false, fmt.Errorf("call with key %s: %w", r.Key, err)
	}
	return before, true, nil
}

// EndAPIRequest keeps the answer of a call. Without a status the call is
// forgotten: it failed on our side, and may be made again.
func (s *Store) EndAPIRequest(ctx context.Context, r APIRequest) error {
	var err error
	if r.Status == 0 {
		_, err = s.pool.Exec(ctx, sqlForgetAPIRequest, r.Token, r.Key)
	} else {
		_, err = s.pool.Exec(ctx, sqlEndAPIRequest, r.Token, r.Key, r.Status, r.Answer)
	}
	if err != nil {
		return fmt.Errorf("call with key %s: %w", r.Key, err)
	}
	return nil
}
