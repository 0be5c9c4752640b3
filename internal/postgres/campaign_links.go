package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

const (
	// Nodes that begin with the same campaign number its links one after the
	// other. The campaign's own row is not locked: a launch holds it for long.
	sqlLinksLock = `select pg_advisory_xact_lock(hashtextextended('campaign links', $1::bigint))`

	sqlLinks = `select number, url from campaign_links where campaign_id = $1 order by number`

	sqlAddLinks = `
insert into campaign_links (campaign_id, number, url)
select $1, $2 + t.place, t.url from unnest($3::text[]) with ordinality as t (url, place)`

	sqlLink = `select url from campaign_links where campaign_id = $1 and number = $2::bigint`
)

// LinkNumbers returns the numbers under which the counted links of a campaign
// lead where they lead, in their order. A link that has one keeps it: messages
// that were sent carry it.
func (s *Store) LinkNumbers(ctx context.Context, campaign int64, links []string) ([]int, error) {
	if len(links) == 0 {
		return nil, nil
	}
	known := make(map[string]int)
	err := s.InTx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, sqlLinksLock, campaign); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, sqlLinks, campaign)
		if err != nil {
			return err
		}
		var (
			number, last int
			link         string
		)
		if _, err := pgx.ForEachRow(rows, []any{&number, &link}, func() error {
			known[link], last = number, number
			return nil
		}); err != nil {
			return err
		}
		var fresh []string
		for _, link := range links {
			if known[link] == 0 {
				fresh = append(fresh, link)
				known[link] = last + len(fresh)
			}
		}
		if len(fresh) == 0 {
			return nil
		}
		_, err = tx.Exec(ctx, sqlAddLinks, campaign, last, fresh)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("links of campaign %d: %w", campaign, err)
	}
	numbers := make([]int, len(links))
	for i, link := range links {
		numbers[i] = known[link]
	}
	return numbers, nil
}

// Link returns where a counted link of a campaign leads, or [ErrNotFound].
func (s *Store) Link(ctx context.Context, campaign, number int64) (string, error) {
	var url string
	err := s.pool.QueryRow(ctx, sqlLink, campaign, number).Scan(&url)
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrNotFound
	}
	return url, wrap(err, fmt.Sprintf("link %d of campaign %d", number, campaign))
}
