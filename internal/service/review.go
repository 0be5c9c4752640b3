package service

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/headwaymail/headway/campaign/review"
	"github.com/headwaymail/headway/internal/postgres"
)

// readersLooked is how many readers are looked at for empty merge fields: few
// enough for a page, enough to meet what is often missing.
const readersLooked = 500

// reviewPatience is how long a checklist waits for the DNS. It is asked again at
// the next look.
const reviewPatience = 100 * time.Millisecond

// Review returns the checklist of a campaign that is to start at a time; zero
// stands for now. Who will receive is reached, or -1 when it is not known.
func (s *Service) Review(ctx context.Context, c postgres.Campaign, start time.Time, reached int64) ([]review.Item, error) {
	f := review.Facts{Content: c.Content, Settings: c.Settings, Start: start, Reached: reached}
	lists, err := s.Store.CampaignLists(ctx, c.ID, false)
	if err != nil {
		return nil, err
	}
	segments, err := s.Store.CampaignSegments(ctx, c.ID, false)
	if err != nil {
		return nil, err
	}
	f.Sources = len(lists) + len(segments)
	if f.Missing, err = s.missing(ctx, c); err != nil {
		return nil, err
	}
	if f.Tested, err = s.Store.HasEvent(ctx, c.ID, eventTest); err != nil {
		return nil, err
	}
	relays, err := s.relays()
	if err != nil {
		return nil, err
	}
	f.Signing, f.SignAll = relays.Signing(), relays.Unsigned() == ""
	if err := s.reviewLetter(ctx, c, &f); err != nil {
		return nil, err
	}
	return review.Check(f, now()), nil
}

// missing says what the installation lacks for a campaign.
func (s *Service) missing(ctx context.Context, c postgres.Campaign) ([]string, error) {
	from, err := s.parseAddress(c.Content.FromAddress)
	if err != nil {
		return nil, nil // what is wrong with the address is an item of its own
	}
	var lacks *NotReady
	if err := s.Ready(ctx, from.Domain); errors.As(err, &lacks) {
		return lacks.Missing, nil
	} else if err != nil {
		return nil, err
	}
	domain, err := s.unpublished(ctx, from.Domain, reviewPatience)
	if err != nil || domain == "" {
		return nil, err
	}
	return []string{"the DKIM record of " + domain + " in DNS: publish what the page Setup shows, or `headway dkim list`"}, nil
}

// reviewLetter composes the message for one reader and looks at the fields of
// some others.
func (s *Service) reviewLetter(ctx context.Context, c postgres.Campaign, f *review.Facts) error {
	readers, err := s.Store.Readers(ctx, c.ID, readersLooked)
	if err != nil {
		return err
	}
	first := somebody
	if len(readers) > 0 {
		first = readers[0]
	}
	letter, err := s.compose(c, first)
	if err != nil {
		f.Problem = err
		return nil
	}
	f.Rendered, f.Raw, f.LeaveURL, f.ViewURL, f.Fields = letter.Rendered, letter.Raw, letter.LeaveURL, letter.ViewURL, nil
	if f.Lost, err = s.lostImages(ctx, review.Images(letter.Rendered.HTML)); err != nil {
		return err
	}
	for _, name := range letter.Fields {
		use := review.FieldUse{Name: name, Looked: len(readers)}
		for _, r := range readers {
			if v, ok := r.Fields[name]; !ok || strings.TrimSpace(fmt.Sprint(v)) == "" {
				use.Without++
			}
		}
		f.Fields = append(f.Fields, use)
	}
	return nil
}

// Blocked is what stands in the way of a campaign.
type Blocked struct{ Items []review.Item }

// Error lists everything that is in the way.
func (e *Blocked) Error() string {
	var b strings.Builder
	b.WriteString("the campaign cannot go out yet:")
	for _, i := range e.Items {
		b.WriteString("\n  - " + i.Title + ": " + i.Words + " " + i.Fix)
	}
	return b.String()
}
