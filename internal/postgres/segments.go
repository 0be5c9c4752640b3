package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/listhygiene/segment"
)

const (
	sqlSegments = `
select id, name, rule, built_in, coalesce(counted, 0), counted_at, created_at from segments where $1 = 0 or id = $1
 order by built_in <> '', name`
	sqlSegmentNamed  = `select id from segments where name = $1`
	sqlInsertSegment = `
insert into segments (name, rule, created_at, updated_at) values ($1, $2, $3, $3) on conflict (name) do nothing returning id`
	sqlUpdateSegment = `
update segments set name = $2, rule = $3, updated_at = $4, counted = null, counted_at = null
 where id = $1 and built_in = '' and not exists (select from segments where name = $2 and id <> $1)`
	sqlDeleteSegment = `
delete from segments s where s.id = $1 and s.built_in = '' and not exists (select from campaign_segments c where c.segment_id = s.id)`
	sqlSegmentCounted = `update segments set counted = $2, counted_at = $3 where id = $1`

	sqlCampaignSegment = `
insert into campaign_segments (campaign_id, segment_id, exclude) select $1, id, $3 from segments where name = $2`
	sqlCampaignSegmentNames = `
select s.name from campaign_segments cs join segments s on s.id = cs.segment_id
 where cs.campaign_id = $1 and cs.exclude = $2 order by s.name`
	sqlFreezeSegments = `
update campaign_segments cs set rule = s.rule from segments s
 where cs.campaign_id = $1 and s.id = cs.segment_id and cs.rule is null`
	// As they stood at the launch, and before it as they stand now.
	sqlFrozenSegments = `
select coalesce(cs.rule, s.rule), cs.exclude
  from campaign_segments cs join segments s on s.id = cs.segment_id where cs.campaign_id = $1 order by cs.segment_id`

	// No list says what somebody would leave who leaves the campaign: a segment
	// reaches whoever is on any list, and messages such as tests go to no list.
	sqlBeyondLists = `
select exists (select from campaign_segments where campaign_id = $1 and not exclude)
    or not exists (select from campaign_lists where campaign_id = $1 and not exclude)`
)

// Segment is a saved filter of contacts.
type Segment struct {
	ID        int64           `json:"id"`
	Name      string          `json:"name"`
	Rule      segment.Segment `json:"rule"`
	BuiltIn   string          `json:"built_in,omitempty"`  // its key if it comes with the program, see segment.BuiltIns
	Count     int64           `json:"count"`               // how many contacts it held
	CountedAt time.Time       `json:"counted_at,omitzero"` // then; zero before the first count
	CreatedAt time.Time       `json:"created_at"`
}

// ErrBuiltIn says that a segment comes with the program and stays as it is.
var ErrBuiltIn = errors.New("it comes with Headway and cannot be changed; a copy of it can")

// Segments returns all segments by name, those that come with the program last.
func (s *Store) Segments(ctx context.Context) ([]Segment, error) { return s.segments(ctx, 0) }

// Segment returns one segment, or [ErrNotFound].
func (s *Store) Segment(ctx context.Context, id int64) (Segment, error) {
	if id == 0 {
		return Segment{}, fmt.Errorf("segment 0: %w", ErrNotFound)
	}
	found, err := s.segments(ctx, id)
	if err == nil && len(found) == 0 {
		return Segment{}, fmt.Errorf("segment %d: %w", id, ErrNotFound)
	}
	if err != nil {
		return Segment{}, err
	}
	return found[0], nil
}

func (s *Store) segments(ctx context.Context, id int64) ([]Segment, error) {
	rows, err := s.pool.Query(ctx, sqlSegments, id)
	if err != nil {
		return nil, fmt.Errorf("segments: %w", err)
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (g Segment, err error) {
		var rule []byte
		var counted *time.Time
		if err := row.Scan(&g.ID, &g.Name, &rule, &g.BuiltIn, &g.Count, &counted, &g.CreatedAt); err != nil {
			return g, err
		}
		g.CountedAt = nullAsZero(counted)
		return g, json.Unmarshal(rule, &g.Rule)
	})
	return found, wrap(err, "segments")
}

// SegmentNamed returns the id of a segment, or [ErrNotFound].
func (s *Store) SegmentNamed(ctx context.Context, name string) (id int64, err error) {
	err = s.pool.QueryRow(ctx, sqlSegmentNamed, name).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrNotFound
	}
	return id, wrap(err, fmt.Sprintf("segment %q", name))
}

// SaveSegment makes a segment (id 0) or changes one, and returns its id. The
// error is [ErrExists] when another has the name, [ErrBuiltIn] for one that comes
// with the program.
func (s *Store) SaveSegment(ctx context.Context, id int64, name string, rule segment.Segment, now time.Time) (int64, error) {
	stored, err := json.Marshal(rule)
	if err != nil {
		return 0, err
	}
	if id == 0 {
		err = s.pool.QueryRow(ctx, sqlInsertSegment, name, stored, now).Scan(&id)
		if errors.Is(err, pgx.ErrNoRows) {
			err = ErrExists
		}
		return id, wrap(err, fmt.Sprintf("segment %q", name))
	}
	tag, err := s.pool.Exec(ctx, sqlUpdateSegment, id, name, stored, now)
	if err == nil && tag.RowsAffected() == 0 {
		err = s.whyKept(ctx, id, ErrExists)
	}
	return id, wrap(err, fmt.Sprintf("segment %q", name))
}

// whyKept says why a segment was not changed: otherwise, unless there is none or
// it comes with the program.
func (s *Store) whyKept(ctx context.Context, id int64, otherwise error) error {
	g, err := s.Segment(ctx, id)
	switch {
	case err != nil:
		return err
	case g.BuiltIn != "":
		return ErrBuiltIn
	}
	return otherwise
}

// DeleteSegment deletes a segment. The error is [ErrInUse] when a campaign names
// it, [ErrNotFound] when there is none, [ErrBuiltIn] for one that comes with the
// program.
func (s *Store) DeleteSegment(ctx context.Context, id int64) error {
	tag, err := s.pool.Exec(ctx, sqlDeleteSegment, id)
	if err == nil && tag.RowsAffected() == 0 {
		err = s.whyKept(ctx, id, ErrInUse)
	}
	return wrap(err, "delete the segment")
}

// allContacts is the greatest id of a contact.
const allContacts = 1<<63 - 1

// CountSegment counts the contacts of a filter as of now. It looks at every
// contact.
func (s *Store) CountSegment(ctx context.Context, rule segment.Segment, now time.Time) (n int64, err error) {
	sql, args, err := compileSegment(sqlSegmentCount, rule, now, 0, allContacts)
	if err == nil {
		err = s.pool.QueryRow(ctx, sql, args...).Scan(&n)
	}
	return n, wrap(err, "count the segment")
}

// SegmentFirst returns the first contacts of a filter as of now.
func (s *Store) SegmentFirst(ctx context.Context, rule segment.Segment, now time.Time) ([]Found, error) {
	sql, args, err := compileSegment(sqlSegmentFirst, rule, now, 0, allContacts)
	if err != nil {
		return nil, wrap(err, "first of the segment")
	}
	rows, err := s.pool.Query(ctx, sql, args...)
	if err != nil {
		return nil, wrap(err, "first of the segment")
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Found])
	return found, wrap(err, "first of the segment")
}

// SetSegmentCount remembers a count and when it was made.
func (s *Store) SetSegmentCount(ctx context.Context, id, n int64, at time.Time) error {
	_, err := s.pool.Exec(ctx, sqlSegmentCounted, id, n, at)
	return wrap(err, "remember the count of a segment")
}

// CampaignSegments returns the names of the segments that a campaign includes,
// or those that it excludes.
func (s *Store) CampaignSegments(ctx context.Context, id int64, excluded bool) ([]string, error) {
	rows, err := s.pool.Query(ctx, sqlCampaignSegmentNames, id, excluded)
	if err != nil {
		return nil, wrap(err, "segments of the campaign")
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return names, wrap(err, "segments of the campaign")
}

// chosenBySegment returns the contacts after after, up to upto, that the
// segments of a campaign include and exclude, by the rules as they stood at its
// launch and as of then; before it, by those of now.
func chosenBySegment(ctx context.Context, tx pgx.Tx, id, after, upto int64, launched time.Time) (include, exclude []int64, err error) {
	rows, err := tx.Query(ctx, sqlFrozenSegments, id)
	if err != nil {
		return nil, nil, err
	}
	type frozen struct {
		Rule    []byte
		Exclude bool
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[frozen])
	if err != nil {
		return nil, nil, err
	}
	include, exclude = []int64{}, []int64{}
	for _, f := range all {
		var rule segment.Segment
		if err := json.Unmarshal(f.Rule, &rule); err != nil {
			return nil, nil, err
		}
		sql, args, err := compileSegment(sqlSegmentRange, rule, launched, after, upto)
		if err != nil {
			return nil, nil, err
		}
		var ids []int64
		if err := tx.QueryRow(ctx, sql, args...).Scan(&ids); err != nil {
			return nil, nil, err
		}
		if f.Exclude {
			exclude = append(exclude, ids...)
		} else {
			include = append(include, ids...)
		}
	}
	return include, exclude, nil
}

// addCampaignSegments lets a campaign include and exclude segments, which must
// exist.
func addCampaignSegments(ctx context.Context, tx pgx.Tx, id int64, n NewCampaign) error {
	for _, part := range []struct {
		names   []string
		exclude bool
	}{{n.Segments, false}, {n.ExcludeSegments, true}} {
		for _, name := range part.names {
			tag, err := tx.Exec(ctx, sqlCampaignSegment, id, name, part.exclude)
			if err != nil {
				return err
			}
			if tag.RowsAffected() == 0 {
				return missing{fmt.Sprintf("segment %q", name)}
			}
		}
	}
	return nil
}
