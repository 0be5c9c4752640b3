package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/listhygiene/probation"
)

// ImportTrial is one slice of an import's contacts in the probation of a
// campaign.
type ImportTrial struct {
	Campaign     int64
	CampaignName string
	Ordinal      int
	Tally        probation.Tally
	Course       probation.Course
	Words        string
}

// ImportQuality is what sending has shown of an import's contacts.
type ImportQuality struct {
	Trials     []ImportTrial // oldest first
	Sum        probation.Tally
	StoppedAt  time.Time // zero unless its contacts went badly
	StoppedWhy string
}

const (
	sqlImportTrials = `
select p.campaign_id, c.name, p.ordinal, p.size, p.waiting, p.deferred, p.delivered, p.bounced, p.complained, p.opened_at,
       p.course, p.words
  from probation_sources s
  join probation_slices p on p.campaign_id = s.campaign_id and p.source = s.number
  join campaigns c on c.id = s.campaign_id
 where s.import_id = $1
 order by p.opened_at, p.ordinal`

	sqlImportStopped = `select stopped_at, stopped_why from imports where id = $1`

	sqlTrustImport = `update imports set stopped_at = null, stopped_why = '' where id = $1`
)

// ImportQuality returns what sending has shown of an import's contacts.
func (s *Store) ImportQuality(ctx context.Context, id int64) (ImportQuality, error) {
	var (
		q       ImportQuality
		stopped *time.Time
	)
	if err := s.pool.QueryRow(ctx, sqlImportStopped, id).Scan(&stopped, &q.StoppedWhy); err != nil {
		return q, fmt.Errorf("quality of import %d: %w", id, err)
	}
	q.StoppedAt = nullAsZero(stopped)
	rows, err := s.pool.Query(ctx, sqlImportTrials, id)
	if err != nil {
		return q, fmt.Errorf("quality of import %d: %w", id, err)
	}
	var t ImportTrial
	n := &t.Tally
	_, err = pgx.ForEachRow(rows, []any{&t.Campaign, &t.CampaignName, &t.Ordinal, &n.Size, &n.Waiting, &n.Deferred, &n.Delivered,
		&n.Bounced, &n.Complained, &n.Opened, &t.Course, &t.Words}, func() error {
		q.Trials = append(q.Trials, t)
		q.Sum = q.Sum.Add(t.Tally)
		return nil
	})
	if err != nil {
		return q, fmt.Errorf("quality of import %d: %w", id, err)
	}
	return q, nil
}

// TrustImport lets campaigns try a stopped import again.
func (s *Store) TrustImport(ctx context.Context, id int64) error {
	if _, err := s.pool.Exec(ctx, sqlTrustImport, id); err != nil {
		return fmt.Errorf("import %d: %w", id, err)
	}
	return nil
}
