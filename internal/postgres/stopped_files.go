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
	// What the contacts of each file met at each provider, without those in
	// slices and those of files that were stopped. A contact belongs to the file
	// that brought it first. Index: deliveries_once, list_members_contact.
	sqlFileResults = `
select coalesce(file.id, 0), coalesce(d.provider_id, 0), count(*),
       count(*) filter (where d.state in ('delivered', 'bounced')),
       count(*) filter (where d.state = 'bounced' and d.class in ('bad_mailbox', 'bad_domain', 'inactive_mailbox'))
  from campaigns c
  join deliveries d on d.ledger_id = c.ledger_id and d.campaign_id = c.id
  left join lateral (select min(m.import_id) as id from list_members m where m.contact_id = d.contact_id) file on true
 where c.id = $1 and d.slice = 0
   and not exists (select from stopped_files s where s.campaign_id = $1 and s.import_id = file.id)
 group by 1, 2`

	sqlStopFile = `
insert into stopped_files (campaign_id, import_id, stopped_at, tried, bounced) values ($1, $2, $3, $4, $5)
on conflict do nothing returning (select file_name from imports where id = $2)`

	sqlUnsweptFiles = `
select s.campaign_id, s.import_id from stopped_files s join campaigns c on c.id = s.campaign_id
 where not s.swept and c.state in ('sending', 'paused') order by 1, 2`

	sqlLockStoppedFile = `
select cursor from stopped_files where campaign_id = $1 and import_id = $2 and not swept for update skip locked`

	// Index: list_members_pkey.
	sqlStoppedFilePage = `
select array_agg(contact_id order by contact_id) from (
    select m.contact_id from imports i join list_members m on m.list_id = i.list_id and m.import_id = i.id
     where i.id = $1 and m.contact_id > $2 order by m.contact_id limit $3) page`

	// Whom something else vouches for still gets the message: a message that they
	// took before, or another way onto a list of the campaign. Index:
	// deliveries_once.
	sqlCancelFile = `
with batch as materialized (
    select q.ctid as place, d.ledger_id, d.id, d.state
      from campaigns c
      join deliveries d on d.ledger_id = c.ledger_id and d.campaign_id = c.id and d.contact_id = any($5::bigint[])
      join contacts k on k.id = d.contact_id and k.verdict <> 'deliverable'
      join mail_queue q on ` + sqlQueued + `
     where c.id = $1 and c.state in ('sending', 'paused') and d.state = 'queued' and d.slice = 0
       and not exists (
           select from list_members m left join imports i on i.id = m.import_id
            where m.contact_id = d.contact_id and m.status = 'subscribed' and i.stopped_at is null
              and (exists (select from campaign_lists cl where cl.campaign_id = $1 and cl.list_id = m.list_id and not cl.exclude)
                   or exists (select from campaign_segments cs where cs.campaign_id = $1 and not cs.exclude)))
     limit $4
       for update of q skip locked
), gone as (
    delete from mail_queue where ctid = any(array(select place from batch))
)
update deliveries d
   set state = case when d.doubted then 'in_doubt' else $2 end::delivery_state, class = 'file_stopped', updated_at = $3
  from batch where d.ledger_id = batch.ledger_id and d.id = batch.id
returning d.campaign_id, coalesce(d.provider_id, 0), d.domain_id, batch.state::text, d.doubted`

	sqlStoppedFileSwept = `
update stopped_files set cursor = $3, swept = $4 where campaign_id = $1 and import_id = $2`
)

// FileResults returns what the contacts of each import file have met in a
// campaign, apart from those that are tried in slices. It looks at every
// delivery of the campaign.
func (s *Store) FileResults(ctx context.Context, campaign int64) ([]probation.Result, error) {
	rows, err := s.pool.Query(ctx, sqlFileResults, campaign)
	if err != nil {
		return nil, fmt.Errorf("files of campaign %d: %w", campaign, err)
	}
	results, err := pgx.CollectRows(rows, pgx.RowToStructByPos[probation.Result])
	return results, wrap(err, fmt.Sprintf("files of campaign %d", campaign))
}

// StopFile stops an import file for a campaign that sends it without slices, and
// for the campaigns to come, and says so in the campaign's feed. It reports
// whether the file was not stopped before; [Store.CancelFile] ends what it still
// had to send.
func (s *Store) StopFile(ctx context.Context, campaignID int64, f probation.BadFile, now time.Time) (stopped bool, err error) {
	err = s.InTx(ctx, func(tx pgx.Tx) error {
		var name string
		err := tx.QueryRow(ctx, sqlStopFile, campaignID, f.File, now, f.Tried, f.Bounced).Scan(&name)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil // another node did
		}
		if err != nil {
			return err
		}
		stopped = true
		if _, err := tx.Exec(ctx, sqlStopImport, f.File, now, f.Words); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, sqlInsertEvent, campaignID, now, "file_stopped",
			fmt.Sprintf("%s: %s. What was left of the file is not sent; the campaign goes on.", name, f.Words))
		return err
	})
	if err != nil {
		return false, fmt.Errorf("campaign %d: stop the file of import %d: %w", campaignID, f.File, err)
	}
	return stopped, nil
}

// StoppedFile is a file that a campaign stopped.
type StoppedFile struct{ Campaign, Import int64 }

// UnsweptFiles returns stopped files that may still have deliveries waiting.
func (s *Store) UnsweptFiles(ctx context.Context) ([]StoppedFile, error) {
	rows, err := s.pool.Query(ctx, sqlUnsweptFiles)
	if err != nil {
		return nil, fmt.Errorf("stopped files: %w", err)
	}
	files, err := pgx.CollectRows(rows, pgx.RowToStructByPos[StoppedFile])
	return files, wrap(err, "stopped files")
}

// CancelFile ends the waiting deliveries of the next limit contacts of a stopped
// file and returns how many contacts it looked at; 0 when none is left, or when
// another node has the file in hand.
func (s *Store) CancelFile(ctx context.Context, f StoppedFile, limit int, now time.Time) (looked int, err error) {
	err = s.InTx(ctx, func(tx pgx.Tx) error {
		var cursor int64
		err := tx.QueryRow(ctx, sqlLockStoppedFile, f.Campaign, f.Import).Scan(&cursor)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		var page []int64
		if err := tx.QueryRow(ctx, sqlStoppedFilePage, f.Import, cursor, limit).Scan(&page); err != nil {
			return err
		}
		if looked = len(page); looked > 0 {
			cursor = page[looked-1]
			if _, err := endIn(ctx, tx, campaign.DeliveryCancelled, sqlCancelFile, f.Campaign, campaign.DeliveryCancelled, now, limit, page); err != nil {
				return err
			}
		}
		_, err = tx.Exec(ctx, sqlStoppedFileSwept, f.Campaign, f.Import, cursor, looked == 0)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("campaign %d: cancel what is left of import %d: %w", f.Campaign, f.Import, err)
	}
	return looked, nil
}
