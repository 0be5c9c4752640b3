package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/listhygiene"
)

const (
	sqlPublicListNames = `
select coalesce(nullif(l.public_name, ''), l.name) from campaign_lists cl join lists l on l.id = cl.list_id
 where cl.campaign_id = $1 and not cl.exclude
   and not exists (select from campaign_segments where campaign_id = $1 and not exclude) order by 1`

	sqlSetPublicName = `update lists set public_name = $2 where name = $1`
	sqlPublicName    = `select public_name from lists where id = $1`

	// A list that nothing was ever sent to, and without a name for readers, is
	// something between colleagues. Index: campaign_lists_list.
	sqlPreferenceLists = `
select l.id, coalesce(nullif(l.public_name, ''), l.name), m.status <> 'unsubscribed', m.since,
       l.public_name <> '' or exists (select from campaign_lists cl join campaigns k on k.id = cl.campaign_id
                                       where cl.list_id = l.id and not cl.exclude and k.launched_at is not null)
  from list_members m join lists l on l.id = m.list_id where m.contact_id = $1 order by 2, 1`

	// What holds against an address; a pause leaves everything as it is. Their own
	// wish to leave names the message by which it came. Indexes: suppressions_once,
	// suppressions_canonical.
	sqlPreferenceBars = `
select s.id, s.created_at, s.reason, coalesce(s.list_id, 0),
       s.kind = 'address' and s.key = c.address_key and s.evidence ? 'campaign'
       and s.evidence ->> 'by' in ('one-click', 'page', 'mail', 'preferences')
  from contacts c join domains d on d.id = c.domain_id
  join suppressions s on s.kind = 'address' and (s.key = c.address_key or s.canonical_key = c.canonical_key)
                      or s.kind = 'domain' and s.key = d.name
 where c.id = $1 and s.reason <> 'paused' and (s.expires_at is null or s.expires_at > $2)`

	sqlLeaveThese = `
update list_members set status = 'unsubscribed', since = $3
 where contact_id = $1 and list_id = any($2) and status <> 'unsubscribed'`

	sqlSuppressForThese = `
insert into suppressions (scope, list_id, kind, key, canonical_key, reason, evidence, created_at)
select 'list', m.list_id, 'address', $3, $4, 'unsubscribed', jsonb_build_object('campaign', $5::bigint, 'by', 'preferences'), $6
  from list_members m where m.contact_id = $1 and m.list_id = any($2)
 order by m.list_id
on conflict do nothing`

	sqlComeBack = `
update list_members
   set status = 'subscribed', since = $3,
       consent = coalesce(consent, '{}') || jsonb_build_object('source', 'their own preferences page', 'at', $3::timestamptz, 'ip', $4::text)
 where contact_id = $1 and list_id = any($2)`

	sqlContactBack = `
update contacts set status = 'active', status_since = $2, updated_at = $2 where id = $1 and status = 'unsubscribed'`
)

// CampaignPublicLists returns the names that readers know of the lists that
// somebody leaves who leaves a campaign: those that it includes. There are none
// where leaving it means leaving everything, see [Store.Unsubscribe].
func (s *Store) CampaignPublicLists(ctx context.Context, id int64) ([]string, error) {
	rows, err := s.pool.Query(ctx, sqlPublicListNames, id)
	if err != nil {
		return nil, fmt.Errorf("lists of campaign %d: %w", id, err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return names, wrap(err, "lists of the campaign")
}

// SetPublicName says what readers see as the name of a list; the name itself
// when it is empty. It returns [ErrNotFound] for a list that does not exist.
func (s *Store) SetPublicName(ctx context.Context, list, name string) error {
	tag, err := s.pool.Exec(ctx, sqlSetPublicName, list, name)
	if err == nil && tag.RowsAffected() == 0 {
		err = ErrNotFound
	}
	return wrap(err, fmt.Sprintf("public name of the list %q", list))
}

// PublicName returns what readers see as the name of a list; empty for the name
// itself.
func (s *Store) PublicName(ctx context.Context, list int64) (name string, err error) {
	err = s.pool.QueryRow(ctx, sqlPublicName, list).Scan(&name)
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrNotFound
	}
	return name, wrap(err, "public name of a list")
}

// Preference is a list as its reader sees it.
type Preference struct {
	List     int64
	Name     string
	On       bool // they get it
	Possible bool // they do not get it, and may put themselves on it again
}

// preferenceBar is what holds against an address.
type preferenceBar struct {
	id int64
	at time.Time
	listhygiene.Bar
}

// ended reports whether a person's own wish took them off a list at a time. Who
// was off it before they left everything stays off.
func (b preferenceBar) ended(list int64, since time.Time) bool {
	return b.Own && (b.List == list || b.List == 0 && !b.at.After(since))
}

// Preferences returns the lists that a contact gets or may get again, of those
// that readers know of: with a name for them, or that something was sent to.
func (s *Store) Preferences(ctx context.Context, contact int64, now time.Time) ([]Preference, error) {
	all, _, err := preferences(ctx, s.pool, contact, now)
	return all, wrap(err, "preferences of contact "+strconv.FormatInt(contact, 10))
}

func preferences(ctx context.Context, q queryer, contact int64, now time.Time) (all []Preference, bars []preferenceBar, err error) {
	rows, err := q.Query(ctx, sqlPreferenceBars, contact, now)
	if err != nil {
		return nil, nil, err
	}
	bars, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (b preferenceBar, err error) {
		return b, row.Scan(&b.id, &b.at, &b.Reason, &b.List, &b.Own)
	})
	if err != nil {
		return nil, nil, err
	}
	rules := make([]listhygiene.Bar, len(bars))
	for i, b := range bars {
		rules[i] = b.Bar
	}
	if rows, err = q.Query(ctx, sqlPreferenceLists, contact); err != nil {
		return nil, nil, err
	}
	var (
		p     Preference
		since time.Time
		known bool
	)
	_, err = pgx.ForEachRow(rows, []any{&p.List, &p.Name, &p.On, &since, &known}, func() error {
		barred, theirs := false, p.On
		for _, b := range bars {
			barred = barred || b.List == 0 || b.List == p.List
			theirs = theirs || b.ended(p.List, since)
		}
		p.On = p.On && !barred
		p.Possible = !p.On && theirs && listhygiene.MayComeBack(p.List, rules)
		if known && (p.On || p.Possible) {
			all = append(all, p)
		}
		return nil
	})
	return all, bars, err
}

// Preferring is what a reader wants of the lists that their page showed.
type Preferring struct {
	Campaign int64 // whose message brought them there
	Contact  int64
	Shown    []int64 // lists; others stay as they are
	Keep     []int64 // of these: wanted
	From     string  // the address that the wish came from, kept with the consent
	At       time.Time
}

// Prefer lets a contact leave the lists that were shown and are not kept, which is
// everything when none is left, and
// puts them on kept ones again where they may ([listhygiene.MayComeBack]); their
// older wish to leave everything then becomes one to leave each other list. It
// returns the keys of the address, so that mail in hand can be stopped, and
// [pgx.ErrNoRows] when there is no such contact.
func (s *Store) Prefer(ctx context.Context, p Preferring) (key, canonical string, err error) {
	err = s.InTx(ctx, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, sqlContactKeys, p.Contact).Scan(&key, &canonical); err != nil {
			return err
		}
		all, bars, err := preferences(ctx, tx, p.Contact, p.At)
		if err != nil {
			return err
		}
		leave, back := p.sort(all)
		if len(back) > 0 {
			if leave, err = comeBack(ctx, tx, p, back, leave, bars); err != nil {
				return err
			}
		}
		if len(leave) > 0 && len(back) == 0 && len(leave) == count(all) {
			if err := p.leaveEverything(ctx, tx, key, canonical); err != nil {
				return err
			}
		}
		if len(leave) > 0 {
			if _, err := tx.Exec(ctx, sqlLeaveThese, p.Contact, leave, p.At); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, sqlSuppressForThese, p.Contact, leave, key, canonical, p.Campaign, p.At); err != nil {
				return err
			}
		}
		if err := proveReceipt(ctx, tx, Touch{p.Campaign, p.Contact}, p.At); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, sqlNotify, "suppressed")
		return err
	})
	if err != nil {
		return "", "", fmt.Errorf("preferences of contact %d: %w", p.Contact, err)
	}
	return key, canonical, nil
}

// leaveEverything is what keeping nothing means: lists that readers have no name
// for, and segments, are not to reach them either.
func (p Preferring) leaveEverything(ctx context.Context, tx pgx.Tx, key, canonical string) error {
	evidence, err := json.Marshal(map[string]any{"campaign": p.Campaign, "by": "preferences"})
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, sqlSuppressEverywhere, "address", key, canonical, string(listhygiene.Unsubscribed), evidence, p.At, nil)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, sqlContactLeft, p.Contact, p.At)
	return err
}

// count returns how many of the lists the reader gets.
func count(all []Preference) (n int) {
	for _, one := range all {
		if one.On {
			n++
		}
	}
	return n
}

// sort finds what changes.
func (p Preferring) sort(all []Preference) (leave, back []int64) {
	shown, keep := make(map[int64]bool), make(map[int64]bool)
	for _, list := range p.Shown {
		shown[list] = true
	}
	for _, list := range p.Keep {
		keep[list] = shown[list]
	}
	for _, one := range all {
		switch {
		case !shown[one.List]:
		case one.On && !keep[one.List]:
			leave = append(leave, one.List)
		case one.Possible && keep[one.List]:
			back = append(back, one.List)
		}
	}
	return leave, back
}

// comeBack puts a contact on lists again. It returns what is then left, which
// after a wish to leave everything is every other list.
func comeBack(ctx context.Context, tx pgx.Tx, p Preferring, back, leave []int64, bars []preferenceBar) ([]int64, error) {
	returns := make(map[int64]bool)
	for _, list := range back {
		returns[list] = true
	}
	var lifted []int64
	everything := false
	for _, b := range bars {
		if b.List == 0 || returns[b.List] {
			lifted, everything = append(lifted, b.id), everything || b.List == 0
		}
	}
	if everything {
		rows, err := tx.Query(ctx, sqlPreferenceLists, p.Contact)
		if err != nil {
			return nil, err
		}
		var (
			list  int64
			name  string
			on    bool
			since time.Time
			known bool
		)
		if _, err := pgx.ForEachRow(rows, []any{&list, &name, &on, &since, &known}, func() error {
			if !returns[list] {
				leave = append(leave, list)
			}
			return nil
		}); err != nil {
			return nil, err
		}
		if _, err := tx.Exec(ctx, sqlContactBack, p.Contact, p.At); err != nil {
			return nil, err
		}
	}
	if _, err := tx.Exec(ctx, sqlLift, lifted, p.At, "the reader", "on their own preferences page, from "+p.From); err != nil {
		return nil, err
	}
	_, err := tx.Exec(ctx, sqlComeBack, p.Contact, back, p.At, p.From)
	return leave, err
}
