package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/campaign"
)

// Launching is a ledger that is being filled, by ranges of contacts. Several may be
// entered at one time, and become part of it one after the other: up to the cursor
// everybody has been judged, after it nobody has.
type Launching struct {
	Campaign int64
	Cursor   int64 // the last contact that was judged
	Done     bool  // the ledger is complete, or not to be filled any more

	ledger   int32
	launched time.Time
	own      campaign.ReaderTime
}

// ErrLaunchMoved says that a launch does not stand any more where a range of it
// begins: it was ended, or is filled by somebody else.
var ErrLaunchMoved = errors.New("the launch was ended or went on elsewhere")

// Launching returns how far a campaign's ledger is filled.
func (s *Store) Launching(ctx context.Context, id int64) (Launching, error) {
	l := Launching{Campaign: id}
	var (
		state    campaign.State
		launched *time.Time
		terms    []byte
	)
	err := s.pool.QueryRow(ctx, sqlLaunching, id).Scan(&state, &l.ledger, &l.Cursor, &l.Done, &launched, &terms)
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrNotFound
	}
	if err != nil {
		return l, fmt.Errorf("launch campaign %d: %w", id, err)
	}
	settings, err := campaign.ParseSettings(terms)
	if err != nil {
		return l, fmt.Errorf("launch campaign %d: %w", id, err)
	}
	l.launched, l.own = nullAsZero(launched), settings.ReaderTime
	l.Done = l.Done || state != campaign.Sending && state != campaign.Paused
	return l, nil
}

// LaunchEdge returns the last of the next size contacts after one, which is where a
// range may end; false when there are none.
func (s *Store) LaunchEdge(ctx context.Context, after int64, size int) (edge int64, more bool, err error) {
	var last *int64
	if err := s.pool.QueryRow(ctx, sqlLaunchEdge, after, size).Scan(&last); err != nil {
		return 0, false, fmt.Errorf("the next %d contacts: %w", size, err)
	}
	if last == nil {
		return 0, false, nil
	}
	return *last, true, nil
}

// Enter enters the contacts after after, up to upto, into the ledger. It calls turn
// when all that is left to do must come after the range before: turn returns once
// that one was entered. The error is ErrLaunchMoved, and nothing was done, when the
// launch does not stand at after then.
func (s *Store) Enter(ctx context.Context, l Launching, after, upto int64, now time.Time, turn func() error) error {
	err := s.InTx(ctx, func(tx pgx.Tx) error {
		for _, sql := range []string{sqlLaunchUnflushed, sqlAwaitTurn} {
			if _, err := tx.Exec(ctx, sql); err != nil {
				return err
			}
		}
		entered, err := l.enter(ctx, tx, after, upto, now, turn)
		if err != nil {
			return err
		}
		if err := turn(); err != nil {
			return err
		}
		audience, err := l.lock(ctx, tx, after)
		if err != nil {
			return err
		}
		sums := newChanges()
		for _, e := range entered {
			e.count(l.Campaign, &audience, sums)
		}
		if err := sums.applyEntered(ctx, tx); err != nil {
			return err
		}
		return l.progress(ctx, tx, upto, false, audience, now)
	})
	return wrap(err, fmt.Sprintf("launch campaign %d", l.Campaign))
}

// EndLaunch notes that nobody comes after a contact: the ledger is complete. Its error
// is ErrLaunchMoved as that of Enter.
func (s *Store) EndLaunch(ctx context.Context, l Launching, after int64, now time.Time) error {
	err := s.InTx(ctx, func(tx pgx.Tx) error {
		audience, err := l.lock(ctx, tx, after)
		if err != nil {
			return err
		}
		if err := l.progress(ctx, tx, after, true, audience, now); err != nil {
			return err
		}
		return openFirstSlices(ctx, tx, l.Campaign, now)
	})
	return wrap(err, fmt.Sprintf("end the launch of campaign %d", l.Campaign))
}

// LaunchBatch enters the next size contacts into the ledger of a campaign. It
// returns true when the ledger is complete, or when the campaign is no longer
// to be filled. A launch that was interrupted continues where it stood.
func (s *Store) LaunchBatch(ctx context.Context, id int64, size int, now time.Time) (done bool, err error) {
	l, err := s.Launching(ctx, id)
	if err != nil || l.Done {
		return l.Done, err
	}
	edge, more, err := s.LaunchEdge(ctx, l.Cursor, size)
	if err != nil {
		return false, err
	}
	if !more {
		return true, s.EndLaunch(ctx, l, l.Cursor, now)
	}
	return false, s.Enter(ctx, l, l.Cursor, edge, now, func() error { return nil })
}

// lock takes hold of a campaign whose launch stands at a contact, and returns its
// audience so far. Whoever changes the campaign's state waits until the transaction
// ends, or comes first and is seen here.
func (l Launching) lock(ctx context.Context, tx pgx.Tx, at int64) (audience campaign.Audience, err error) {
	var (
		stands  bool
		figures []byte
	)
	if err := tx.QueryRow(ctx, sqlLockLaunch, l.Campaign, at).Scan(&stands, &figures); err != nil {
		return audience, err
	}
	if !stands {
		return audience, ErrLaunchMoved
	}
	return audience, json.Unmarshal(figures, &audience)
}

func (l Launching) progress(ctx context.Context, tx pgx.Tx, cursor int64, done bool, audience campaign.Audience, now time.Time) error {
	figures, err := json.Marshal(audience)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, sqlLaunchProgress, l.Campaign, cursor, done, figures, now)
	return err
}

// enter judges a range and enters the deliveries of those who will receive. What
// several ranges may write, it writes in its turn only.
func (l Launching) enter(ctx context.Context, tx pgx.Tx, after, upto int64, now time.Time, turn func() error) ([]judgement, error) {
	if after == 0 {
		if _, err := tx.Exec(ctx, sqlProbationSources, l.Campaign); err != nil {
			return nil, err
		}
		if _, err := tx.Exec(ctx, sqlFreezeSegments, l.Campaign); err != nil {
			return nil, err
		}
	}
	among, err := chooseRange(ctx, tx, l.Campaign, after, upto, l.launched, now)
	if err != nil {
		return nil, err
	}
	if len(among.include) > 0 {
		if err := turn(); err != nil {
			return nil, err
		}
		if _, err := tx.Exec(ctx, sqlProbationSourcesOf, l.Campaign, among.include, l.launched); err != nil {
			return nil, err
		}
	}
	statement, args := sqlLaunchBatch, append(among.args(), l.ledger, probationDue)
	if !l.own.IsZero() {
		statement, args = sqlLaunchBatchByZone, append(args, l.own.Wall(), l.own.Field, l.own.Default())
	}
	var (
		entered []judgement
		j       judgement
	)
	err = eachJudged(ctx, tx, statement, args, []any{&j.fate, &j.why, &j.provider, &j.domain, &j.onTrial, &j.n}, func() error {
		entered = append(entered, j)
		return nil
	})
	return entered, err
}

// judgement is how many contacts of a range meet a fate, and why; those who will
// receive by provider and domain.
type judgement struct {
	fate, why        string
	provider, domain int64
	onTrial          bool // they wait for a slice
	n                int64
}

// count adds a judgement to what is known of the audience, and to the counters.
func (j judgement) count(id int64, audience *campaign.Audience, sums changes) {
	if j.fate == "later" { // the column of the provider says when
		audience.PutOff(time.Unix(j.provider, 0).UTC(), j.n)
		return
	}
	judged(audience, j.fate, j.why, j.n)
	if j.fate != "will_receive" {
		return
	}
	sums.enter(id, j.provider, j.domain, j.n)
	if j.onTrial {
		audience.Probation += j.n
	}
}
