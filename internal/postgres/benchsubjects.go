package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// The largest of each kind: what is slow, is slow there.
const sqlBenchSubjects = `
with launched as (
    select c.id, c.state, c.series_of, (c.audience ->> 'will_receive')::bigint as size from campaigns c where not c.system
)
select coalesce((select id from launched where state = 'sending' order by size desc, id limit 1), 0) as large,
       coalesce((select id from launched where state = 'finished' order by size desc, id desc limit 1), 0) as medium,
       coalesce((select id from launched where state = 'finished' order by size, id desc limit 1), 0) as small,
       coalesce((select max(id) from launched where state = 'paused'), 0) as paused,
       coalesce((select max(id) from launched where state = 'cancelled'), 0) as cancelled,
       coalesce((select max(id) from launched l where state = 'scheduled' and not exists (select from series s where s.campaign_id = l.id)), 0) as scheduled,
       coalesce((select max(campaign_id) from series), 0) as series,
       coalesce((select l.id from launched l join campaign_lists cl on cl.campaign_id = l.id where state = 'draft' order by cl.list_id, l.id limit 1), 0) as draft,
       coalesce((select provider_id from domains where provider_id > 0 group by 1 order by count(*) desc, 1 limit 1), 0) as provider,
       coalesce((select list_id from list_members group by 1 order by count(*) desc, 1 limit 1), 0) as list,
       coalesce((select id from contacts where status = 'active' and id >= (select max(id) / 2 from contacts) order by id limit 1), 0) as contact,
       coalesce((select key from suppressions where kind = 'address' and reason = 'bounced' order by id desc limit 1), '') as suppressed,
       coalesce((select max(id) from segments), 0) as segment,
       coalesce((select max(i.id) from imports i where state = 'done' and exists (select from import_steps s where s.import_id = i.id)), 0) as import,
       coalesce((select max(id) from imports where state = 'draft'), 0) as upload,
       coalesce((select max(id) from templates), 0) as template`

// BenchSubjects are the rows whose pages are asked for; 0 where there is none.
type BenchSubjects struct {
	Large, Medium, Small     int64 // campaigns: the largest that is sending, the largest and the smallest that are finished
	Paused, Cancelled        int64
	Scheduled, Series, Draft int64
	Provider, List, Contact  int64
	Suppressed               string // an address
	Segment, Import, Upload  int64  // Import can be undone, Upload has no columns yet
	Template                 int64
}

// BenchSubjects finds the rows whose pages are asked for.
func (s *Store) BenchSubjects(ctx context.Context) (BenchSubjects, error) {
	rows, err := s.pool.Query(ctx, sqlBenchSubjects)
	if err != nil {
		return BenchSubjects{}, fmt.Errorf("what the pages are of: %w", err)
	}
	found, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[BenchSubjects])
	if err != nil {
		return found, fmt.Errorf("what the pages are of: %w", err)
	}
	return found, nil
}
