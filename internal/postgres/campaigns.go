package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/campaign"
)

// ErrNotFound says that there is no such row.
var ErrNotFound = errors.New("not found")

// missing is an [ErrNotFound] that says what there is not.
type missing struct{ what string }

func (m missing) Error() string { return "there is no " + m.what }
func (m missing) Unwrap() error { return ErrNotFound }

// Campaign is a campaign as it is stored.
type Campaign struct {
	ID          int64
	Name        string
	State       campaign.State
	System      bool
	Weight      int
	Content     campaign.Content
	Settings    campaign.Settings
	Audience    campaign.Audience
	TimeZone    string
	ScheduledAt time.Time
	LaunchedAt  time.Time
	FinishedAt  time.Time
	Ledger      int32 // 0 before launch
	LaunchDone  bool  // the ledger is filled
	CreatedAt   time.Time
	Saved       Saved   // the last change of its name or content
	Series      *Series // how it repeats; nil for once
	RunOf       RunOf
	Counters    campaign.Counters
}

const (
	sqlInsertCampaign = `
insert into campaigns (name, system, weight, content, settings, time_zone, created_at, updated_at, edited_at, edited_by)
values ($1, $2, $3, $4, $5, $6, $7, $7, $7, $8) returning id`

	sqlCampaignLists = `
insert into campaign_lists (campaign_id, list_id, exclude)
select $1, l.id, $3 from lists l where l.name = any($2)`

	sqlCampaignColumns = `
select c.id, c.name, c.state::text, c.system, c.weight, c.content, c.settings, c.audience, c.time_zone,
       c.scheduled_at, c.launched_at, c.finished_at, coalesce(c.ledger_id, 0), c.launch_done, c.created_at,
       c.revision, coalesce(c.edited_at, c.created_at), c.edited_by, series.rule, series.starts_at, series.time_zone,
       coalesce(c.series_of, 0), coalesce((select t.name from campaigns t where t.id = c.series_of), ''), coalesce(c.series_number, 0),
       coalesce(n.targeted, 0), coalesce(n.queued, 0), coalesce(n.deferred, 0), coalesce(n.delivered, 0),
       coalesce(n.accepted_first, 0), coalesce(n.bounced, 0), coalesce(n.expired, 0), coalesce(n.suppressed, 0),
       coalesce(n.cancelled, 0), coalesce(n.in_doubt, 0)
  from campaigns c
  left join series on series.campaign_id = c.id and series.ended_at is null
  left join lateral (
    select sum(targeted)::bigint as targeted, sum(queued)::bigint as queued, sum(deferred)::bigint as deferred,
           sum(delivered)::bigint as delivered, sum(accepted_first)::bigint as accepted_first,
           sum(bounced)::bigint as bounced, sum(expired)::bigint as expired, sum(suppressed)::bigint as suppressed,
           sum(cancelled)::bigint as cancelled, sum(in_doubt)::bigint as in_doubt
      from campaign_providers p where p.campaign_id = c.id) n on true`

	sqlCampaign       = sqlCampaignColumns + ` where c.id = $1`
	sqlCampaigns      = sqlCampaignColumns + ` where not c.system order by c.id desc limit $1`
	sqlLiveCampaigns  = sqlCampaignColumns + ` where c.state in ('sending', 'paused') order by c.id`
	sqlCampaignsNamed = `select id from campaigns where name = $1 and not system order by id desc`

	sqlCampaignListNames = `
select l.name from campaign_lists cl join lists l on l.id = cl.list_id
 where cl.campaign_id = $1 and cl.exclude = $2 order by l.name`

	sqlLockCampaign = `select state::text from campaigns where id = $1 for update`

	sqlSetCampaignState = `
update campaigns
   set state = $2::campaign_state, updated_at = $3,
       scheduled_at = case when $2 = 'draft' then null else coalesce($4, scheduled_at) end,
       time_zone = coalesce($5, time_zone),
       launched_at = case when $2 = 'sending' then coalesce(launched_at, $3) else launched_at end,
       finished_at = case when $2 in ('finished', 'cancelled') then $3 when $2 = 'sending' then null else finished_at end
 where id = $1`

	sqlInsertEvent = `insert into campaign_events (campaign_id, at, kind, words) values ($1, $2, $3, $4)`

	sqlEventOnce = `
insert into campaign_events (campaign_id, at, kind, words)
select $1, $2, $3, $4 where not exists (select from campaign_events where campaign_id = $1 and kind = $3)`

	sqlHasEvent = `select exists (select from campaign_events where campaign_id = $1 and kind = $2)`

	sqlEvents = `select at, kind, words from campaign_events where campaign_id = $1 order by id desc limit $2`
)

// NewCampaign is what a campaign is made of.
type NewCampaign struct {
	Name     string
	System   bool
	Weight   int
	Content  campaign.Content
	Settings campaign.Settings
	TimeZone string
	Lists    []string // names of the lists to send to
	Exclude  []string // names of the lists whose members are left out
	By       string   // who wrote it

	Segments        []string // names of the segments to send to
	ExcludeSegments []string // names of the segments whose contacts are left out
}

// CreateCampaign stores a draft. Every list must exist.
func (s *Store) CreateCampaign(ctx context.Context, n NewCampaign, now time.Time) (int64, error) {
	var id int64
	err := s.InTx(ctx, func(tx pgx.Tx) error {
		content, err := json.Marshal(n.Content)
		if err != nil {
			return err
		}
		settings, err := json.Marshal(n.Settings)
		if err != nil {
			return err
		}
		err = tx.QueryRow(ctx, sqlInsertCampaign, n.Name, n.System, n.Weight, content, settings, n.TimeZone, now, n.By).Scan(&id)
		if err != nil {
			return err
		}
		if err := addCampaignLists(ctx, tx, id, n.Lists, n.Exclude); err != nil {
			return err
		}
		return addCampaignSegments(ctx, tx, id, n)
	})
	if err != nil {
		return 0, fmt.Errorf("create campaign %q: %w", n.Name, err)
	}
	return id, nil
}

// addCampaignLists names the lists of a campaign. Every one must exist.
func addCampaignLists(ctx context.Context, tx pgx.Tx, id int64, include, exclude []string) error {
	for _, part := range []struct {
		names   []string
		exclude bool
	}{{include, false}, {exclude, true}} {
		for _, name := range part.names {
			tag, err := tx.Exec(ctx, sqlCampaignLists, id, []string{name}, part.exclude)
			if err != nil {
				return err
			}
			if tag.RowsAffected() == 0 {
				return missing{fmt.Sprintf("list %q", name)}
			}
		}
	}
	return nil
}

// Campaign returns one campaign with its totals.
func (s *Store) Campaign(ctx context.Context, id int64) (Campaign, error) {
	rows, err := s.pool.Query(ctx, sqlCampaign, id)
	if err != nil {
		return Campaign{}, fmt.Errorf("campaign %d: %w", id, err)
	}
	c, err := pgx.CollectExactlyOneRow(rows, scanCampaign)
	if errors.Is(err, pgx.ErrNoRows) {
		return Campaign{}, missing{fmt.Sprintf("campaign %d", id)}
	}
	if err != nil {
		return Campaign{}, fmt.Errorf("campaign %d: %w", id, err)
	}
	return c, nil
}

// CampaignsNamed returns the ids of the campaigns with a name, newest first.
func (s *Store) CampaignsNamed(ctx context.Context, name string) ([]int64, error) {
	rows, err := s.pool.Query(ctx, sqlCampaignsNamed, name)
	if err != nil {
		return nil, fmt.Errorf("campaigns called %q: %w", name, err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return nil, fmt.Errorf("campaigns called %q: %w", name, err)
	}
	return ids, nil
}

// Campaigns returns the newest campaigns first.
func (s *Store) Campaigns(ctx context.Context, limit int) ([]Campaign, error) {
	return s.campaigns(ctx, sqlCampaigns, limit)
}

// LiveCampaigns returns those that are sending or paused, system ones too.
func (s *Store) LiveCampaigns(ctx context.Context) ([]Campaign, error) {
	return s.campaigns(ctx, sqlLiveCampaigns)
}

func (s *Store) campaigns(ctx context.Context, sql string, args ...any) ([]Campaign, error) {
	rows, err := s.pool.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("campaigns: %w", err)
	}
	all, err := pgx.CollectRows(rows, scanCampaign)
	if err != nil {
		return nil, fmt.Errorf("campaigns: %w", err)
	}
	return all, nil
}

func scanCampaign(row pgx.CollectableRow) (Campaign, error) {
	var (
		c                             Campaign
		content, settings, audience   []byte
		scheduled, launched, finished *time.Time
		rule, zone                    *string
		starts                        *time.Time
	)
	n := &c.Counters
	err := row.Scan(&c.ID, &c.Name, &c.State, &c.System, &c.Weight, &content, &settings, &audience, &c.TimeZone,
		&scheduled, &launched, &finished, &c.Ledger, &c.LaunchDone, &c.CreatedAt,
		&c.Saved.Revision, &c.Saved.At, &c.Saved.By, &rule, &starts, &zone, &c.RunOf.Campaign, &c.RunOf.Name, &c.RunOf.Number,
		&n.Targeted, &n.Queued, &n.Deferred, &n.Delivered, &n.AcceptedFirst, &n.Bounced, &n.Expired, &n.Suppressed,
		&n.Cancelled, &n.InDoubt)
	if err != nil {
		return c, err
	}
	c.ScheduledAt, c.LaunchedAt, c.FinishedAt = nullAsZero(scheduled), nullAsZero(launched), nullAsZero(finished)
	if rule != nil {
		c.Series = &Series{Rule: *rule, Starts: nullAsZero(starts), Zone: *zone}
	}
	if err := json.Unmarshal(content, &c.Content); err != nil {
		return c, fmt.Errorf("content of campaign %d: %w", c.ID, err)
	}
	if err := json.Unmarshal(audience, &c.Audience); err != nil {
		return c, fmt.Errorf("audience of campaign %d: %w", c.ID, err)
	}
	c.Settings, err = campaign.ParseSettings(settings)
	return c, err
}

// CampaignLists returns the names of the lists that a campaign includes, or
// those that it excludes.
func (s *Store) CampaignLists(ctx context.Context, id int64, excluded bool) ([]string, error) {
	rows, err := s.pool.Query(ctx, sqlCampaignListNames, id, excluded)
	if err != nil {
		return nil, fmt.Errorf("lists of campaign %d: %w", id, err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("lists of campaign %d: %w", id, err)
	}
	return names, nil
}

// Change is a step in a campaign's life.
type Change struct {
	Verb     campaign.Verb
	At       time.Time // now
	Start    time.Time // with campaign.Schedule
	TimeZone string    // with campaign.Schedule
}

// ChangeCampaign takes a campaign a step further, if its state allows, and
// calls also in the same transaction (to insert a job). All nodes are told.
func (s *Store) ChangeCampaign(ctx context.Context, id int64, change Change, also func(pgx.Tx) error) (campaign.State, error) {
	var next campaign.State
	err := s.InTx(ctx, func(tx pgx.Tx) error {
		var state campaign.State
		err := tx.QueryRow(ctx, sqlLockCampaign, id).Scan(&state)
		if errors.Is(err, pgx.ErrNoRows) {
			return ErrNotFound
		}
		if err != nil {
			return err
		}
		if next, err = state.After(change.Verb); err != nil {
			return err
		}
		var zone *string
		if change.TimeZone != "" {
			zone = &change.TimeZone
		}
		_, err = tx.Exec(ctx, sqlSetCampaignState, id, string(next), change.At, zeroAsNull(change.Start), zone)
		if err != nil {
			return err
		}
		if also != nil {
			if err := also(tx); err != nil {
				return err
			}
		}
		_, err = tx.Exec(ctx, sqlNotify, "campaign "+strconv.FormatInt(id, 10))
		return err
	})
	if err != nil {
		return "", fmt.Errorf("campaign %d: %w", id, err)
	}
	return next, nil
}

// CampaignEvent is something that happened to a campaign, in plain words.
type CampaignEvent struct {
	At    time.Time
	Kind  string
	Words string
}

// AddEvent appends to a campaign's feed. With once, an event whose kind is
// there already is left out.
func (s *Store) AddEvent(ctx context.Context, id int64, e CampaignEvent, once bool) error {
	statement := sqlInsertEvent
	if once {
		statement = sqlEventOnce
	}
	if _, err := s.pool.Exec(ctx, statement, id, e.At, e.Kind, e.Words); err != nil {
		return fmt.Errorf("event of campaign %d: %w", id, err)
	}
	return nil
}

// HasEvent reports whether a campaign's feed has an event of a kind.
func (s *Store) HasEvent(ctx context.Context, id int64, kind string) (has bool, err error) {
	if err := s.pool.QueryRow(ctx, sqlHasEvent, id, kind).Scan(&has); err != nil {
		return false, fmt.Errorf("events of campaign %d: %w", id, err)
	}
	return has, nil
}

// StopOnce pauses a sending campaign and says why in its feed. A campaign that
// was stopped before, and resumed by a person, is not stopped again.
func (s *Store) StopOnce(ctx context.Context, id int64, e CampaignEvent) (stopped bool, err error) {
	also := func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, sqlEventOnce, id, e.At, e.Kind, e.Words)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return errStoppedBefore
		}
		return nil
	}
	_, err = s.ChangeCampaign(ctx, id, Change{Verb: campaign.Pause, At: e.At}, also)
	if errors.Is(err, errStoppedBefore) {
		return false, nil
	}
	return err == nil, err
}

var errStoppedBefore = errors.New("stopped before")

// Events returns the newest events of a campaign first.
func (s *Store) Events(ctx context.Context, id int64, limit int) ([]CampaignEvent, error) {
	rows, err := s.pool.Query(ctx, sqlEvents, id, limit)
	if err != nil {
		return nil, fmt.Errorf("events of campaign %d: %w", id, err)
	}
	events, err := pgx.CollectRows(rows, pgx.RowToStructByPos[CampaignEvent])
	if err != nil {
		return nil, fmt.Errorf("events of campaign %d: %w", id, err)
	}
	return events, nil
}
