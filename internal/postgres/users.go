package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/internal/auth"
)

const (
	// Who comes first is the owner; two at the same time are one and an error.
	sqlLockUsers = `lock table users in share row exclusive mode`
	sqlAnyUser   = `select exists (select from users)`

	sqlInsertUser = `
insert into users (address, address_key, name, role, password, created_at) values ($1, $2, $3, $4, $5, $6)
on conflict do nothing returning id`

	sqlUsers = `
select id, address, name, role, password, created_at, last_login_at, disabled_at
  from users order by disabled_at is not null, address_key`

	sqlUserByAddress = `
select id, address, name, role, password, created_at, last_login_at, disabled_at
  from users where address_key = $1`

	sqlSetRole       = `update users set role = $2 where id = $1`
	sqlSetDisabled   = `update users set disabled_at = $2 where id = $1`
	sqlOtherOwners   = `select exists (select from users where role = 'owner' and disabled_at is null and password <> '' and id <> $1)`
	sqlSetPassword   = `update users set password = $2 where id = $1`
	sqlNoteLogin     = `update users set last_login_at = $2 where id = $1`
	sqlEndSessions   = `delete from sessions where user_id = $1`
	sqlEndSession    = `delete from sessions where kept = $1`
	sqlDropSessions  = `delete from sessions where expires_at <= $1`
	sqlDropUserLinks = `delete from user_links where expires_at <= $1`

	sqlInsertSession = `
insert into sessions (kept, user_id, created_at, seen_at, expires_at, agent, network)
values ($1, $2, $3, $3, $4, $5, $6)`

	sqlSession = `
select u.id, u.address, u.name, u.role, u.password, u.created_at, u.last_login_at, u.disabled_at, s.seen_at
  from sessions s join users u on u.id = s.user_id
 where s.kept = $1 and s.expires_at > $2 and u.disabled_at is null`

	sqlSeenSession = `update sessions set seen_at = $2, expires_at = $3 where kept = $1`
)

// User is a person who works with Headway.
type User struct {
	ID        int64
	Address   string
	Name      string
	Role      auth.Role
	Password  string // its hash; empty until an invitation is taken up
	CreatedAt time.Time
	LastLogin *time.Time
	Disabled  *time.Time
}

// ErrNotEmpty says that the first user exists already.
var ErrNotEmpty = errors.New("there is a user already")

// ErrLastOwner says that nobody would be left to manage people.
var ErrLastOwner = errors.New("this is the last owner")

// AnyUser reports whether there is a user at all.
func (s *Store) AnyUser(ctx context.Context) (bool, error) {
	var any bool
	if err := s.pool.QueryRow(ctx, sqlAnyUser).Scan(&any); err != nil {
		return false, fmt.Errorf("users: %w", err)
	}
	return any, nil
}

// AddUser enters a person and returns the id, or [ErrExists]. With onlyFirst it
// returns [ErrNotEmpty] unless this is the first one.
func (s *Store) AddUser(ctx context.Context, u User, onlyFirst bool) (int64, error) {
	var id int64
	err := s.InTx(ctx, func(tx pgx.Tx) error {
		if onlyFirst {
			if _, err := tx.Exec(ctx, sqlLockUsers); err != nil {
				return err
			}
			var any bool
			if err := tx.QueryRow(ctx, sqlAnyUser).Scan(&any); err != nil {
				return err
			}
			if any {
				return ErrNotEmpty
			}
		}
		return tx.QueryRow(ctx, sqlInsertUser, u.Address, strings.ToLower(u.Address), u.Name, u.Role, u.Password, u.CreatedAt).Scan(&id)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrExists
	}
	if err != nil {
		return 0, fmt.Errorf("user %s: %w", u.Address, err)
	}
	return id, nil
}

// Users returns all, those who may log in first.
func (s *Store) Users(ctx context.Context) ([]User, error) {
	rows, err := s.pool.Query(ctx, sqlUsers)
	if err != nil {
		return nil, fmt.Errorf("users: %w", err)
	}
	users, err := pgx.CollectRows(rows, pgx.RowToStructByPos[User])
	if err != nil {
		return nil, fmt.Errorf("users: %w", err)
	}
	return users, nil
}

// UserByAddress returns the person with an address, in whatever case, or
// [ErrNotFound].
func (s *Store) UserByAddress(ctx context.Context, address string) (User, error) {
	return s.oneUser(ctx, sqlUserByAddress, strings.ToLower(address))
}

func (s *Store) oneUser(ctx context.Context, sql string, args ...any) (User, error) {
	rows, err := s.pool.Query(ctx, sql, args...)
	if err != nil {
		return User{}, fmt.Errorf("user: %w", err)
	}
	u, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[User])
	if errors.Is(err, pgx.ErrNoRows) {
		return User{}, ErrNotFound
	}
	if err != nil {
		return User{}, fmt.Errorf("user: %w", err)
	}
	return u, nil
}

// SetRole changes what a person may do. The last owner stays one: [ErrLastOwner].
func (s *Store) SetRole(ctx context.Context, id int64, role auth.Role) error {
	return s.changeUser(ctx, id, role != auth.Owner, sqlSetRole, id, role)
}

// SetDisabled ends or restores a person's access; sessions end at once. The last
// owner cannot be locked out: [ErrLastOwner].
func (s *Store) SetDisabled(ctx context.Context, id int64, at *time.Time) error {
	return s.changeUser(ctx, id, at != nil, sqlSetDisabled, id, at)
}

func (s *Store) changeUser(ctx context.Context, id int64, losesOwner bool, sql string, args ...any) error {
	err := s.InTx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, sqlLockUsers); err != nil { // two owners must not remove each other
			return err
		}
		var others bool
		if err := tx.QueryRow(ctx, sqlOtherOwners, id).Scan(&others); err != nil {
			return err
		}
		if losesOwner && !others {
			return ErrLastOwner
		}
		if _, err := tx.Exec(ctx, sql, args...); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, sqlEndSessions, id)
		return err
	})
	if err != nil {
		return fmt.Errorf("user %d: %w", id, err)
	}
	return nil
}

// SetPassword stores the hash of a password.
func (s *Store) SetPassword(ctx context.Context, id int64, hash string) error {
	if _, err := s.pool.Exec(ctx, sqlSetPassword, id, hash); err != nil {
		return fmt.Errorf("user %d: %w", id, err)
	}
	return nil
}

// Session is a browser that is logged in.
type Session struct {
	Kept    []byte
	User    int64
	At      time.Time
	Expires time.Time
	Agent   string
	Network string
}

// AddSession enters a login. Sessions and links that are over are removed with it.
func (s *Store) AddSession(ctx context.Context, n Session) error {
	batch := &pgx.Batch{}
	batch.Queue(sqlDropSessions, n.At)
	batch.Queue(sqlDropUserLinks, n.At)
	batch.Queue(sqlInsertSession, n.Kept, n.User, n.At, n.Expires, n.Agent, n.Network)
	batch.Queue(sqlNoteLogin, n.User, n.At)
	if err := s.pool.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("session: %w", err)
	}
	return nil
}

// SessionUser returns whose session it is and when it was last seen, or
// [ErrNotFound].
func (s *Store) SessionUser(ctx context.Context, kept []byte, now time.Time) (u User, seen time.Time, err error) {
	err = s.pool.QueryRow(ctx, sqlSession, kept, now).Scan(&u.ID, &u.Address, &u.Name, &u.Role, &u.Password, &u.CreatedAt,
		&u.LastLogin, &u.Disabled, &seen)
	if errors.Is(err, pgx.ErrNoRows) {
		return User{}, time.Time{}, ErrNotFound
	}
	if err != nil {
		return User{}, time.Time{}, fmt.Errorf("session: %w", err)
	}
	return u, seen, nil
}

// SeenSession prolongs a session.
func (s *Store) SeenSession(ctx context.Context, kept []byte, at, expires time.Time) error {
	if _, err := s.pool.Exec(ctx, sqlSeenSession, kept, at, expires); err != nil {
		return fmt.Errorf("session: %w", err)
	}
	return nil
}

// EndSession logs a browser out.
func (s *Store) EndSession(ctx context.Context, kept []byte) error {
	if _, err := s.pool.Exec(ctx, sqlEndSession, kept); err != nil {
		return fmt.Errorf("session: %w", err)
	}
	return nil
}
