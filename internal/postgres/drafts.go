package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/campaign"
)

const (
	sqlDraftEdit = `
select revision, coalesce(edited_at, created_at), edited_by, (name, content) is not distinct from ($2::text, $3::jsonb)
  from campaigns where id = $1`

	sqlSaveDraft = `
update campaigns
   set name = $2, content = $3, updated_at = $4, edited_at = $4, edited_by = $5, revision = revision + 1
 where id = $1 returning revision`

	sqlSaveTerms = `update campaigns set settings = $2, time_zone = $3, updated_at = $4 where id = $1`
	sqlSetWindow = `
update campaigns set settings = settings - 'window' || $2::jsonb, updated_at = $3
 where id = $1 and state in ('draft', 'scheduled', 'sending', 'paused')`
	sqlNoCampaignLists    = `delete from campaign_lists where campaign_id = $1`
	sqlNoCampaignSegments = `delete from campaign_segments where campaign_id = $1`
	sqlTouchCampaign      = `update campaigns set updated_at = $2 where id = $1`
	sqlDeleteDraft        = `delete from campaigns where id = $1`
	sqlNewestCampaign     = sqlCampaignColumns + ` where not c.system order by c.id desc limit 1`

	// Readers of a campaign's lists, the first by id: of each list as many as are
	// wanted in all. Index: list_members_pkey.
	sqlReaders = `
select c.id, c.address, c.fields
  from (select distinct m.contact_id
          from campaign_lists cl
         cross join lateral (select contact_id from list_members
                              where list_id = cl.list_id and status = 'subscribed' order by contact_id limit $2) m
         where cl.campaign_id = $1 and not cl.exclude
         order by m.contact_id limit $2) r
  join contacts c on c.id = r.contact_id
 order by c.id`

	sqlNewestReaders = `select id, address, fields from contacts order by id desc limit $1`

	sqlReader = `select id, address, fields from contacts where address_key = $1`
)

// ErrNoDraft says that a campaign is past the state in which it can be edited.
var ErrNoDraft = errors.New("is no draft")

// Reader is a contact as a message sees it.
type Reader struct {
	ID      int64
	Address string
	Fields  map[string]any
}

// changeDraft changes a campaign that is a draft, or returns [ErrNoDraft].
func (s *Store) changeDraft(ctx context.Context, id int64, change func(pgx.Tx) error) error {
	err := s.InTx(ctx, func(tx pgx.Tx) error {
		var state campaign.State
		err := tx.QueryRow(ctx, sqlLockCampaign, id).Scan(&state)
		if errors.Is(err, pgx.ErrNoRows) {
			return ErrNotFound
		}
		if err != nil {
			return err
		}
		if state != campaign.Draft {
			return ErrNoDraft
		}
		return change(tx)
	})
	if err != nil {
		return fmt.Errorf("campaign %d: %w", id, err)
	}
	return nil
}

// DraftEdit is what somebody has made of a draft.
type DraftEdit struct {
	Name    string
	Content campaign.Content
	By      string
	Based   int64 // the revision that was changed; 0: whichever is there
}

// Saved is the last save of a draft.
type Saved struct {
	Revision int64
	At       time.Time
	By       string
}

// Overtaken says that somebody saved a draft after the revision that an edit is
// based on; nothing was changed.
type Overtaken struct{ Saved }

// Error says who was quicker.
func (o *Overtaken) Error() string {
	return fmt.Sprintf("%s saved it at %s, after it was opened here", o.By, o.At.UTC().Format("15:04 UTC"))
}

// SaveDraft stores the name and the content of a draft, and returns the save
// with the one before it. Where nothing differs, nothing is changed and both are
// the same. The error is an [*Overtaken] when somebody else was quicker.
func (s *Store) SaveDraft(ctx context.Context, id int64, e DraftEdit, now time.Time) (saved, before Saved, err error) {
	written, err := json.Marshal(e.Content)
	if err != nil {
		return saved, before, err
	}
	err = s.changeDraft(ctx, id, func(tx pgx.Tx) error {
		var same bool
		err := tx.QueryRow(ctx, sqlDraftEdit, id, e.Name, written).Scan(&before.Revision, &before.At, &before.By, &same)
		if err != nil {
			return err
		}
		if same {
			saved = before
			return nil
		}
		if e.Based != 0 && e.Based != before.Revision {
			return &Overtaken{before}
		}
		saved = Saved{At: now, By: e.By}
		return tx.QueryRow(ctx, sqlSaveDraft, id, e.Name, written, now, e.By).Scan(&saved.Revision)
	})
	return saved, before, err
}

// SaveTerms stores under which terms a draft is delivered.
func (s *Store) SaveTerms(ctx context.Context, id int64, settings campaign.Settings, zone string, now time.Time) error {
	written, err := json.Marshal(settings)
	if err != nil {
		return err
	}
	return s.changeDraft(ctx, id, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, sqlSaveTerms, id, written, zone, now)
		return err
	})
}

// SetWindow stores when a campaign's mail goes out. The error is
// [campaign.ErrTransition] for a campaign that is over.
func (s *Store) SetWindow(ctx context.Context, id int64, w campaign.Window, now time.Time) error {
	part := map[string]campaign.Window{}
	if !w.IsZero() {
		part["window"] = w
	}
	written, err := json.Marshal(part)
	if err != nil {
		return err
	}
	tag, err := s.pool.Exec(ctx, sqlSetWindow, id, written, now)
	if err == nil && tag.RowsAffected() == 0 {
		err = fmt.Errorf("it is over: %w", campaign.ErrTransition)
	}
	return wrap(err, fmt.Sprintf("window of campaign %d", id))
}

// AudienceChoice is whom a campaign goes to and whom it leaves out, by name.
type AudienceChoice struct {
	Lists           []string // to send to
	Exclude         []string // lists whose members are left out
	Segments        []string // to send to, besides the lists
	ExcludeSegments []string // segments whose contacts are left out
}

// Mark is short and differs where the choice does: a page names by it what it
// was opened with.
func (a AudienceChoice) Mark() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q", a.Lists, a.Exclude, a.Segments, a.ExcludeSegments))
	return hex.EncodeToString(sum[:8])
}

// Audience returns whom a campaign goes to, as somebody chose it, by name.
func (s *Store) Audience(ctx context.Context, id int64) (AudienceChoice, error) {
	return audienceOf(ctx, s.pool, id)
}

func audienceOf(ctx context.Context, q queryer, id int64) (a AudienceChoice, err error) {
	for _, part := range []struct {
		sql     string
		exclude bool
		into    *[]string
	}{{sqlCampaignListNames, false, &a.Lists}, {sqlCampaignListNames, true, &a.Exclude},
		{sqlCampaignSegmentNames, false, &a.Segments}, {sqlCampaignSegmentNames, true, &a.ExcludeSegments}} {
		rows, err := q.Query(ctx, part.sql, id, part.exclude)
		if err == nil {
			*part.into, err = pgx.CollectRows(rows, pgx.RowTo[string])
		}
		if err != nil {
			return a, fmt.Errorf("audience of campaign %d: %w", id, err)
		}
	}
	return a, nil
}

// AudienceOvertaken says that somebody saved other readers after the choice that
// an edit is based on; nothing was changed.
type AudienceOvertaken struct {
	Now AudienceChoice // what they chose
}

// Error says what happened.
func (o *AudienceOvertaken) Error() string {
	return "somebody saved other readers, after it was opened here"
}

// SaveAudience stores whom a draft goes to, in the place of what was chosen
// before. Every list and segment must exist. based is the mark of the choice that
// was changed, empty for whichever is there; the error is an [*AudienceOvertaken]
// when somebody else was quicker and chose otherwise.
func (s *Store) SaveAudience(ctx context.Context, id int64, a AudienceChoice, based string, now time.Time) error {
	return s.changeDraft(ctx, id, func(tx pgx.Tx) error {
		if based != "" {
			before, err := audienceOf(ctx, tx, id)
			if err != nil {
				return err
			}
			if mark := before.Mark(); mark != based && mark != a.Mark() {
				return &AudienceOvertaken{before}
			}
		}
		if _, err := tx.Exec(ctx, sqlNoCampaignLists, id); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, sqlNoCampaignSegments, id); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, sqlTouchCampaign, id, now); err != nil {
			return err
		}
		if err := addCampaignLists(ctx, tx, id, a.Lists, a.Exclude); err != nil {
			return err
		}
		return addCampaignSegments(ctx, tx, id, NewCampaign{Segments: a.Segments, ExcludeSegments: a.ExcludeSegments})
	})
}

// DeleteDraft deletes a draft. What was launched stays, for its report.
func (s *Store) DeleteDraft(ctx context.Context, id int64) error {
	return s.changeDraft(ctx, id, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, sqlDeleteDraft, id)
		return err
	})
}

// NewestCampaign returns the campaign that was made last, or [ErrNotFound].
func (s *Store) NewestCampaign(ctx context.Context) (Campaign, error) {
	found, err := s.campaigns(ctx, sqlNewestCampaign)
	if err == nil && len(found) == 0 {
		err = missing{"campaign"}
	}
	if err != nil {
		return Campaign{}, err
	}
	return found[0], nil
}

// Readers returns the first readers of a campaign's lists.
func (s *Store) Readers(ctx context.Context, id int64, limit int) ([]Reader, error) {
	return s.readers(ctx, sqlReaders, id, limit)
}

// NewestReaders returns the contacts that were made last.
func (s *Store) NewestReaders(ctx context.Context, limit int) ([]Reader, error) {
	return s.readers(ctx, sqlNewestReaders, limit)
}

func (s *Store) readers(ctx context.Context, sql string, args ...any) ([]Reader, error) {
	rows, err := s.pool.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("readers: %w", err)
	}
	readers, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Reader])
	if err != nil {
		return nil, fmt.Errorf("readers: %w", err)
	}
	return readers, nil
}

// Reader returns the contact with an exact key, or [ErrNotFound].
func (s *Store) Reader(ctx context.Context, key string) (Reader, error) {
	rows, err := s.pool.Query(ctx, sqlReader, key)
	if err != nil {
		return Reader{}, fmt.Errorf("reader %s: %w", key, err)
	}
	r, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Reader])
	if errors.Is(err, pgx.ErrNoRows) {
		return Reader{}, missing{"contact " + key}
	}
	if err != nil {
		return Reader{}, fmt.Errorf("reader %s: %w", key, err)
	}
	return r, nil
}
