package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/listhygiene/probation"
)

const (
	// The import files whose contacts a campaign may have to try in slices. How
	// many of their contacts really do, each batch of the launch finds.
	sqlProbationSources = `
insert into probation_sources (campaign_id, number, import_id)
select $1, row_number() over (order by import_id), import_id
  from (select distinct m.import_id
          from campaign_lists cl
          join lists l on l.id = cl.list_id and not l.trust_unproven
          join list_members m on m.list_id = cl.list_id and m.consent is null
          join imports i on i.id = m.import_id and i.consent = '' and i.stopped_at is null
         where cl.campaign_id = $1 and not cl.exclude) files
on conflict do nothing`

	// The files of contacts who come by a segment, batch by batch: a segment may
	// reach into every list. Index: list_members_contact.
	sqlProbationSourcesOf = `
insert into probation_sources (campaign_id, number, import_id)
select $1, (select coalesce(max(number), 0) from probation_sources where campaign_id = $1) + row_number() over (order by import_id), import_id
  from (select distinct m.import_id
          from list_members m
          join lists l on l.id = m.list_id and not l.trust_unproven
          join imports i on i.id = m.import_id and i.consent = '' and i.stopped_at is null
         where m.contact_id = any($2::bigint[]) and m.consent is null and m.since <= $3
           and not exists (select from probation_sources s where s.campaign_id = $1 and s.import_id = m.import_id)) files`

	sqlTrying = `
select s.campaign_id, s.number
  from campaigns c join probation_sources s on s.campaign_id = c.id and s.state = 'trying'
 where c.state = 'sending'
 order by 1, 2`

	sqlTryingOf = `select number from probation_sources where campaign_id = $1 and state = 'trying' order by number`

	sqlLockSource = `
select s.import_id, c.ledger_id, c.launch_done, c.settings
  from probation_sources s join campaigns c on c.id = s.campaign_id and c.state = 'sending' and c.ledger_id is not null
 where s.campaign_id = $1 and s.number = $2 and s.state = 'trying'
   for update of s skip locked`

	sqlLastSlice = `
select slice, ordinal, course from probation_slices where campaign_id = $1 and source = $2 order by ordinal desc limit 1`

	// What came of a slice. Only refusals that name the address or its domain
	// count against a file. Index: deliveries_slice.
	sqlTallySlice = `
update probation_slices p
   set size = n.size, waiting = n.waiting, deferred = n.deferred, delivered = n.delivered, bounced = n.bounced, complained = n.complained
  from (select count(*) as size, count(*) filter (where d.state = 'queued') as waiting,
               count(*) filter (where d.state = 'deferred') as deferred,
               count(*) filter (where d.state = 'delivered') as delivered,
               count(*) filter (where d.state = 'bounced' and d.class in ('bad_mailbox', 'bad_domain', 'inactive_mailbox')) as bounced,
               count(c.id) as complained
          from deliveries d
          left join contacts c on c.id = d.contact_id and c.status = 'complained' and d.state = 'delivered'
         where d.ledger_id = $3 and d.campaign_id = $1 and d.slice = $2) n
 where p.campaign_id = $1 and p.slice = $2
returning p.size, p.waiting, p.deferred, p.delivered, p.bounced, p.complained, p.opened_at`

	sqlCourse = `update probation_slices set course = $3, words = $4 where campaign_id = $1 and slice = $2`

	sqlSourceWaits = `
select count(*) from (select from deliveries
 where ledger_id = $1 and campaign_id = $2 and slice = $3 and state = 'queued' limit $4) waiting`

	sqlNewSlice = `
insert into probation_slices (campaign_id, slice, source, ordinal, opened_at, size, waiting)
select $1, coalesce(max(slice), 0) + 1, $2, $3, $4, 0, 0 from probation_slices where campaign_id = $1
returning slice`

	// A slice is drawn across the file, not from its beginning: files are often
	// sorted. Index: deliveries_slice.
	sqlOpenSlice = `
with drawn as materialized (
    select q.ctid as place, d.ledger_id, d.id
      from deliveries d join mail_queue q on ` + sqlQueued + `
     where d.ledger_id = $1 and d.campaign_id = $2 and d.slice = $3 and d.state = 'queued'
     order by hashint8(d.id) limit $6
       for update of q skip locked
), moved as (
    update mail_queue set due_at = $5 where ctid = any(array(select place from drawn))
)
update deliveries d set slice = $4, due_at = $5, updated_at = $5
  from drawn where d.ledger_id = drawn.ledger_id and d.id = drawn.id`

	// The same for readers who get it at a time of their own: $7 on the wall of
	// the zone in the field $8, and $9 where that is none. Those whose time has
	// come or comes first are drawn first, across the file again, so that a slice
	// seldom waits for the other side of the world.
	sqlOpenSliceByZone = `
with zones as materialized (
    select distinct on (lower(name)) lower(name) as key, $7::timestamp at time zone name as due from pg_timezone_names order by lower(name)
), waiting as materialized (
    select q.ctid as place, d.id, greatest($5::timestamptz, coalesce(zones.due, $9::timestamptz)) as due
      from deliveries d
      join mail_queue q on ` + sqlQueued + `
      join contacts c on c.id = d.contact_id
      left join zones on zones.key = lower(btrim(c.fields ->> $8))
     where d.ledger_id = $1 and d.campaign_id = $2 and d.slice = $3 and d.state = 'queued'
     order by due, hashint8(d.id) limit $6
       for update of q skip locked
), moved as (
    update mail_queue q set due_at = waiting.due from waiting where q.ctid = waiting.place
)
update deliveries d set slice = $4, due_at = waiting.due, updated_at = $5
  from waiting where d.ledger_id = $1 and d.id = waiting.id`

	// A slice is waited for from when its last reader's time comes.
	sqlSliceOpens = `
update probation_slices p set opened_at = greatest(p.opened_at, last.due)
  from (select max(d.due_at) as due from deliveries d where d.ledger_id = $3 and d.campaign_id = $1 and d.slice = $2) last
 where p.campaign_id = $1 and p.slice = $2
returning opened_at`

	sqlEndSource = `
update probation_sources set state = $3 where campaign_id = $1 and number = $2`
	sqlStopImport = `
update imports set stopped_at = $2, stopped_why = $3 where id = $1 and stopped_at is null returning file_name`
	sqlImportName = `select file_name from imports where id = $1`

	// What a stopped file still has to send, its open slices included.
	sqlCancelStopped = `
with batch as materialized (
    select q.ctid as place, d.ledger_id, d.id, d.state
      from campaigns c
      join probation_sources s on s.campaign_id = c.id and s.state = 'stopped'
      join deliveries d on d.ledger_id = c.ledger_id and d.campaign_id = c.id
                       and (d.slice = -s.number
                            or d.slice in (select p.slice from probation_slices p where p.campaign_id = c.id and p.source = s.number))
      join mail_queue q on ` + sqlQueued + `
     where c.id = $1 and c.state in ('sending', 'paused') and d.state = 'queued' and d.slice <> 0
     limit $4
       for update of q skip locked
), gone as (
    delete from mail_queue where ctid = any(array(select place from batch))
)
update deliveries d
   set state = case when d.doubted then 'in_doubt' else $2 end::delivery_state, class = 'probation_stopped', updated_at = $3
  from batch where d.ledger_id = batch.ledger_id and d.id = batch.id
returning d.campaign_id, coalesce(d.provider_id, 0), d.domain_id, batch.state::text, d.doubted`

	sqlStoppedCampaigns = `
select distinct c.id from campaigns c join probation_sources s on s.campaign_id = c.id and s.state = 'stopped'
 where c.state in ('sending', 'paused')`

	sqlOnTrial = `
select exists (select from probation_sources where campaign_id = $1 and state in ('trying', 'stopped'))
       or exists (select from stopped_files where campaign_id = $1)`

	sqlStoppedResults = `
select coalesce(sum(delivered), 0)::bigint, coalesce(sum(bounced), 0)::bigint from (
select count(*) filter (where d.state = 'delivered') as delivered, count(*) filter (where d.state = 'bounced') as bounced
  from campaigns c
  join probation_sources s on s.campaign_id = c.id and s.state = 'stopped'
  join probation_slices p on p.campaign_id = c.id and p.source = s.number
  join deliveries d on d.ledger_id = c.ledger_id and d.campaign_id = c.id and d.slice = p.slice
 where c.id = $1 and d.slice <> 0
union all
select tried - bounced, bounced from stopped_files where campaign_id = $1) stopped`
)

// probationDue is when deliveries that wait for their slice fall due: not in the
// lifetime of a campaign. Postgres' infinity is no time that Go can hold.
var probationDue = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)

// OnTrial reports whether a campaign tries files in slices, or has stopped one:
// many unknown mailboxes then speak against the file, and it is dealt with alone.
func (s *Store) OnTrial(ctx context.Context, campaign int64) (bool, error) {
	var any bool
	if err := s.pool.QueryRow(ctx, sqlOnTrial, campaign).Scan(&any); err != nil {
		return false, fmt.Errorf("probation: %w", err)
	}
	return any, nil
}

// StepProbation judges the open slice of every file that campaigns try, opens
// next slices and stops files that went badly. It returns the campaigns that
// have new mail due or an end to bring about, and is safe to be called by
// several nodes at once.
func (s *Store) StepProbation(ctx context.Context, now time.Time) ([]int64, error) {
	type source struct {
		Campaign int64
		Number   int16
	}
	rows, err := s.pool.Query(ctx, sqlTrying)
	if err != nil {
		return nil, fmt.Errorf("probation: %w", err)
	}
	trying, err := pgx.CollectRows(rows, pgx.RowToStructByPos[source])
	if err != nil {
		return nil, fmt.Errorf("probation: %w", err)
	}
	var changed []int64
	for _, t := range trying {
		moved := false
		err := s.InTx(ctx, func(tx pgx.Tx) error {
			moved, err = stepSource(ctx, tx, t.Campaign, t.Number, now)
			return err
		})
		if err != nil {
			return changed, fmt.Errorf("probation of campaign %d: %w", t.Campaign, err)
		}
		if moved {
			changed = append(changed, t.Campaign)
		}
	}
	return changed, nil
}

// openFirstSlices begins the probation of a campaign whose ledger is complete.
// A paused one begins when it is resumed.
func openFirstSlices(ctx context.Context, tx pgx.Tx, id int64, now time.Time) error {
	rows, err := tx.Query(ctx, sqlTryingOf, id)
	if err != nil {
		return err
	}
	numbers, err := pgx.CollectRows(rows, pgx.RowTo[int16])
	if err != nil {
		return err
	}
	for _, number := range numbers {
		if _, err := stepSource(ctx, tx, id, number, now); err != nil {
			return err
		}
	}
	return nil
}

// trial is one file in the probation of one campaign.
type trial struct {
	campaign  int64
	number    int16
	imported  int64
	ledger    int32
	launched  bool                // all of the file's contacts stand in the ledger
	own       campaign.ReaderTime // zero: everybody at one moment
	file      string
	fileKnown bool
}

func stepSource(ctx context.Context, tx pgx.Tx, campaignID int64, number int16, now time.Time) (bool, error) {
	t := trial{campaign: campaignID, number: number}
	var terms []byte
	err := tx.QueryRow(ctx, sqlLockSource, campaignID, number).Scan(&t.imported, &t.ledger, &t.launched, &terms)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil // another node has it in hand
	}
	if err != nil {
		return false, err
	}
	settings, err := campaign.ParseSettings(terms)
	if err != nil {
		return false, err
	}
	t.own = settings.ReaderTime
	var slice int16
	var ordinal int
	var course probation.Course
	err = tx.QueryRow(ctx, sqlLastSlice, campaignID, number).Scan(&slice, &ordinal, &course)
	if errors.Is(err, pgx.ErrNoRows) {
		return t.open(ctx, tx, 1, now)
	}
	if err != nil {
		return false, err
	}
	if course == probation.Wait {
		var tally probation.Tally
		err := tx.QueryRow(ctx, sqlTallySlice, campaignID, slice, t.ledger).Scan(&tally.Size, &tally.Waiting, &tally.Deferred,
			&tally.Delivered, &tally.Bounced, &tally.Complained, &tally.Opened)
		if err != nil {
			return false, err
		}
		var words string
		if course, words = tally.Judge(now); course == probation.Wait {
			return false, nil
		}
		if _, err := tx.Exec(ctx, sqlCourse, campaignID, slice, string(course), words); err != nil {
			return false, err
		}
		if err := t.tell(ctx, tx, course, words, ordinal, now); err != nil {
			return false, err
		}
		if course == probation.Stop {
			return true, t.stop(ctx, tx, words, now)
		}
	}
	return t.open(ctx, tx, ordinal+1, now)
}

// open draws the next slice. A file of which nothing waits any more has passed.
func (t *trial) open(ctx context.Context, tx pgx.Tx, ordinal int, now time.Time) (bool, error) {
	size := probation.SliceSize(ordinal)
	var waiting int
	if err := tx.QueryRow(ctx, sqlSourceWaits, t.ledger, t.campaign, -t.number, size).Scan(&waiting); err != nil {
		return false, err
	}
	switch {
	case waiting < size && !t.launched:
		return false, nil // the rest of the file is still on its way into the ledger
	case waiting == 0:
		_, err := tx.Exec(ctx, sqlEndSource, t.campaign, t.number, "passed")
		return false, err
	}
	var slice int16
	if err := tx.QueryRow(ctx, sqlNewSlice, t.campaign, t.number, ordinal, now).Scan(&slice); err != nil {
		return false, err
	}
	last, err := t.draw(ctx, tx, slice, size, now)
	if err != nil {
		return false, err
	}
	if _, err := tx.Exec(ctx, sqlTallySlice, t.campaign, slice, t.ledger); err != nil {
		return false, err
	}
	if err := t.name(ctx, tx); err != nil {
		return false, err
	}
	words := fmt.Sprintf("Trying %d unproven contacts of %s (slice %d).", waiting, t.file, ordinal)
	if last.After(now) {
		words = fmt.Sprintf("Trying %d unproven contacts of %s (slice %d), each at the time of their own zone; the last of them at %s UTC.",
			waiting, t.file, ordinal, last.UTC().Format("15:04 on Mon 2 Jan"))
	}
	_, err = tx.Exec(ctx, sqlInsertEvent, t.campaign, now, "probation", words)
	return true, err
}

// draw takes size of the file's waiting contacts into a slice, and returns when
// the last of them falls due: now, or later where each reader has a time of
// their own, before which nobody is mailed.
func (t *trial) draw(ctx context.Context, tx pgx.Tx, slice int16, size int, now time.Time) (last time.Time, err error) {
	args := []any{t.ledger, t.campaign, -t.number, slice, now, size}
	if t.own.IsZero() {
		_, err = tx.Exec(ctx, sqlOpenSlice, args...)
		return now, err
	}
	if _, err = tx.Exec(ctx, sqlOpenSliceByZone, append(args, t.own.Wall(), t.own.Field, t.own.Default())...); err != nil {
		return now, err
	}
	err = tx.QueryRow(ctx, sqlSliceOpens, t.campaign, slice, t.ledger).Scan(&last)
	return last, err
}

// stop ends the file, for this campaign and for the ones to come.
func (t *trial) stop(ctx context.Context, tx pgx.Tx, words string, now time.Time) error {
	if _, err := tx.Exec(ctx, sqlEndSource, t.campaign, t.number, "stopped"); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, sqlStopImport, t.imported, now, words)
	return err
}

// tell writes what a slice came to into the campaign's feed.
func (t *trial) tell(ctx context.Context, tx pgx.Tx, course probation.Course, words string, ordinal int, now time.Time) error {
	if course == probation.Next {
		return nil
	}
	if err := t.name(ctx, tx); err != nil {
		return err
	}
	kind, end := "warning", "The next slice opens all the same."
	if course == probation.Stop {
		kind, end = "probation_stopped", "What was left of the file is not sent; the campaign goes on."
	}
	_, err := tx.Exec(ctx, sqlInsertEvent, t.campaign, now, kind, fmt.Sprintf("%s, slice %d: %s. %s", t.file, ordinal, words, end))
	return err
}

func (t *trial) name(ctx context.Context, tx pgx.Tx) error {
	if t.fileKnown {
		return nil
	}
	t.fileKnown = true
	return tx.QueryRow(ctx, sqlImportName, t.imported).Scan(&t.file)
}

// StoppedCampaigns returns campaigns of which a file was stopped.
func (s *Store) StoppedCampaigns(ctx context.Context) ([]int64, error) {
	return s.ids(ctx, sqlStoppedCampaigns)
}

// CancelStopped ends up to limit waiting deliveries of stopped files of a
// campaign and returns how many it was.
func (s *Store) CancelStopped(ctx context.Context, id int64, limit int, now time.Time) (int, error) {
	return s.endBatch(ctx, id, campaign.DeliveryCancelled, sqlCancelStopped, limit, now)
}

// StoppedResults returns what the stopped files of a campaign delivered and
// bounced: these speak of the files, not of the campaign.
func (s *Store) StoppedResults(ctx context.Context, id int64) (delivered, bounced int64, err error) {
	if err = s.pool.QueryRow(ctx, sqlStoppedResults, id).Scan(&delivered, &bounced); err != nil {
		return 0, 0, fmt.Errorf("stopped files of campaign %d: %w", id, err)
	}
	return delivered, bounced, nil
}
