package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/campaign"
)

const (
	// When the clock on the wall shows a time, zone by zone. $1 is that time, as
	// if it were UTC.
	sqlZoneTimes = `
select distinct on (lower(name)) lower(name) as key, name, $1::timestamp at time zone name as due from pg_timezone_names order by lower(name)`

	// The readers of a campaign's lists by their zones. Index: list_members_pkey.
	sqlReaderZones = `
with zones as materialized (` + sqlZoneTimes + `
), readers as (
    select lower(btrim(coalesce(c.fields ->> $3, ''))) as key, count(distinct c.id) as n
      from campaign_lists cl
      join list_members m on m.list_id = cl.list_id and m.status = 'subscribed'
      join contacts c on c.id = m.contact_id
     where cl.campaign_id = $2 and not cl.exclude
     group by 1
)
select coalesce(z.name, ''), coalesce(z.due, $4::timestamptz), sum(r.n)::bigint,
       coalesce(sum(r.n) filter (where z.key is null and r.key <> ''), 0)::bigint
  from readers r left join zones z on z.key = r.key
 group by 1, 2 order by 2, 1`

	sqlSetReaderTime = `
update campaigns
   set settings = case when $2::jsonb is null then settings - 'reader_time' else settings || jsonb_build_object('reader_time', $2::jsonb) end
 where id = $1`
)

// ReaderZone are readers of one time zone.
type ReaderZone struct {
	Zone    string    // IANA name; empty where it is not known
	Due     time.Time // when they get their mail
	Readers int64
	Unknown int64 // of these: whose field has something that is no zone
}

// ReaderZones returns the readers of a campaign's lists by their time zones, the
// first to get their mail first. Who is suppressed is among them.
func (s *Store) ReaderZones(ctx context.Context, id int64, r campaign.ReaderTime) ([]ReaderZone, error) {
	rows, err := s.pool.Query(ctx, sqlReaderZones, r.Wall(), id, r.Field, r.Default())
	if err != nil {
		return nil, fmt.Errorf("zones of the readers of campaign %d: %w", id, err)
	}
	zones, err := pgx.CollectRows(rows, pgx.RowToStructByPos[ReaderZone])
	if err != nil {
		return nil, fmt.Errorf("zones of the readers of campaign %d: %w", id, err)
	}
	return zones, nil
}

// SetReaderTimeTx lets the readers of a campaign have their mail at a time of
// their own, or at one moment when there is none.
func (s *Store) SetReaderTimeTx(ctx context.Context, tx pgx.Tx, id int64, r campaign.ReaderTime) error {
	var written []byte
	if !r.IsZero() {
		var err error
		if written, err = json.Marshal(r); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, sqlSetReaderTime, id, written); err != nil {
		return fmt.Errorf("readers' time of campaign %d: %w", id, err)
	}
	return nil
}
