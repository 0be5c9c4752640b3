package postgres

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/pacing/reply"
)

const (
	sqlInsertUncounted = `
insert into uncounted (campaigns, providers, domains, was, became, minutes, took_ms, firsts, tls, throttled, bad_mailboxes)
values ($1, $2, $3, $4::text[]::delivery_state[], $5::text[]::delivery_state[], $6, $7, $8, $9, $10, $11)`

	// Whoever counts is alone: two would take each other's outcomes out of order.
	sqlCountAlone = `select pg_try_advisory_xact_lock(7310584037)`

	// The oldest first: of a delivery that had several outcomes, the earlier ones are
	// counted before, or together. Index: the primary key.
	sqlTakeUncounted = `
delete from uncounted where id = any(array(select id from uncounted order by id limit $1))
returning campaigns, providers, domains, was::text[], became::text[], minutes, took_ms, firsts, tls, throttled, bad_mailboxes`

	// uncountedRow bounds the outcomes of a row, which has to fit on a page.
	uncountedRow = 100
	// countRows bounds the rows that are counted in one transaction.
	countRows = 200
)

// tally is what counters keep of an outcome.
type tally struct {
	campaign, provider, domain int64
	from, to                   campaign.DeliveryState
	minute                     time.Time
	tookMS                     int32

	first      bool // accepted on the first attempt
	tls        bool
	throttled  bool // answered with 421
	badMailbox bool
}

func (o Outcome) tally() tally {
	return tally{
		campaign: o.Campaign, provider: o.Provider, domain: o.Domain, from: o.From, to: o.To,
		minute: o.At.Truncate(time.Minute), tookMS: int32(o.Took.Milliseconds()),
		first: o.To == campaign.Delivered && o.Number == 1, tls: o.TLS,
		throttled: o.Reply.Code == 421, badMailbox: o.Meaning.Bounce == reply.BounceBadMailbox,
	}
}

// queueUncounted adds to a batch what keeps outcomes until they are counted.
func queueUncounted(batch *pgx.Batch, tallies []tally) {
	for part := range slices.Chunk(tallies, uncountedRow) {
		var u uncounted
		for _, t := range part {
			u.Campaigns, u.Providers, u.Domains = append(u.Campaigns, t.campaign), append(u.Providers, t.provider), append(u.Domains, t.domain)
			u.Was, u.Became = append(u.Was, t.from), append(u.Became, t.to)
			u.Minutes, u.TookMS = append(u.Minutes, t.minute), append(u.TookMS, t.tookMS)
			u.Firsts, u.TLS = append(u.Firsts, t.first), append(u.TLS, t.tls)
			u.Throttled, u.BadMailboxes = append(u.Throttled, t.throttled), append(u.BadMailboxes, t.badMailbox)
		}
		batch.Queue(sqlInsertUncounted, u.Campaigns, u.Providers, u.Domains, u.Was, u.Became, u.Minutes, u.TookMS,
			u.Firsts, u.TLS, u.Throttled, u.BadMailboxes)
	}
}

// uncounted is a row of outcomes, a column for each fact.
type uncounted struct {
	Campaigns, Providers, Domains        []int64
	Was, Became                          []campaign.DeliveryState
	Minutes                              []time.Time
	TookMS                               []int32
	Firsts, TLS, Throttled, BadMailboxes []bool
}

func (u uncounted) tallies() []tally {
	list := make([]tally, len(u.Campaigns))
	for i := range list {
		list[i] = tally{campaign: u.Campaigns[i], provider: u.Providers[i], domain: u.Domains[i], from: u.Was[i], to: u.Became[i],
			minute: u.Minutes[i], tookMS: u.TookMS[i], first: u.Firsts[i], tls: u.TLS[i], throttled: u.Throttled[i], badMailbox: u.BadMailboxes[i]}
	}
	return list
}

// Count lets the counters follow all outcomes that were recorded until now. Where
// another node does so at this moment, it leaves them to that.
func (s *Store) Count(ctx context.Context) error {
	_, err := s.TryCount(ctx)
	return err
}

// TryCount is [Store.Count] for those who come back: it returns false where another
// node is counting, which may have looked before the newest outcomes were there.
func (s *Store) TryCount(ctx context.Context) (alone bool, err error) {
	for {
		rows, alone, err := s.countSome(ctx)
		if err != nil {
			return false, fmt.Errorf("count outcomes: %w", err)
		}
		if rows < countRows {
			return alone, nil
		}
	}
}

// countSome counts the outcomes of the oldest rows and returns the number of rows,
// and whether nobody else was at it.
func (s *Store) countSome(ctx context.Context) (taken int, alone bool, err error) {
	err = pgx.BeginFunc(ctx, s.hot, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, sqlCountAlone).Scan(&alone); err != nil || !alone {
			return err
		}
		rows, err := tx.Query(ctx, sqlTakeUncounted, countRows)
		if err != nil {
			return err
		}
		waiting, err := pgx.CollectRows(rows, pgx.RowToStructByPos[uncounted])
		if err != nil || len(waiting) == 0 {
			return err
		}
		taken = len(waiting)
		sums := newChanges()
		var tallies []tally
		for _, u := range waiting {
			tallies = append(tallies, u.tallies()...)
		}
		for _, t := range tallies {
			sums.move(t.campaign, t.provider, t.domain, t.from, t.to, t.first)
		}
		batch := &pgx.Batch{}
		sums.queueHot(batch)
		queueMinutes(batch, tallies)
		if batch.Len() == 0 {
			return nil
		}
		return tx.SendBatch(ctx, batch).Close()
	})
	return taken, alone, err
}
