package service

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/campaign/message"
	"github.com/headwaymail/headway/internal/postgres"
)

const (
	// maxCampaignName bounds a name, in characters: it stands in lists and titles.
	maxCampaignName = 200
	// maxHeader bounds each field that becomes a header, in bytes.
	maxHeader = 900
	// maxBody bounds each body, in bytes: Gmail cuts at a fifth of it.
	maxBody = 512 << 10
	// Unnamed is what a draft without a name and a subject is called, until it has
	// one of them.
	Unnamed = "Untitled newsletter"
)

// ErrTooLong says that a text of a draft is longer than it may be.
var ErrTooLong = errors.New("is too long")

// Blank returns what a new draft begins with: the sender, the postal address and
// the layout of the last campaign.
func (s *Service) Blank(ctx context.Context) (campaign.Content, error) {
	last, err := s.Store.NewestCampaign(ctx)
	switch {
	case errors.Is(err, postgres.ErrNotFound):
		return campaign.Content{Layout: string(message.LayoutLetter)}, nil
	case err != nil:
		return campaign.Content{}, err
	}
	c := last.Content
	if c.Layout == "" {
		c.Layout = string(message.LayoutLetter)
	}
	return campaign.Content{FromName: c.FromName, FromAddress: c.FromAddress, ReplyTo: c.ReplyTo,
		PostalAddress: c.PostalAddress, Layout: c.Layout}, nil
}

// StartDraft stores what a person has written so far; it need not be complete.
// The time zone is that of the last campaign.
func (s *Service) StartDraft(ctx context.Context, name string, c campaign.Content, by Actor) (int64, error) {
	name, c, err := tidyDraft(name, c)
	if err != nil {
		return 0, err
	}
	if err := s.takeFrame(ctx, &c, campaign.Content{}); err != nil {
		return 0, err
	}
	zone := "UTC"
	if last, err := s.Store.NewestCampaign(ctx); err == nil {
		zone = last.TimeZone
	}
	id, err := s.Store.CreateCampaign(ctx, postgres.NewCampaign{Name: name, Weight: WeightNormal, Content: c,
		Settings: campaign.DefaultSettings(), TimeZone: zone, By: by.Name}, now())
	if err != nil {
		return 0, err
	}
	return id, s.auditCampaign(ctx, by, "create", id)
}

// sitting is how long saves of one person count as one edit in the audit log.
const sitting = 30 * time.Minute

// SaveDraft stores what a person has made of the revision based of a draft; 0
// stands for whichever is there. The error wraps [postgres.ErrNoDraft] for a
// campaign that cannot be edited any more, and is a [*postgres.Overtaken] when
// somebody else has saved it since.
func (s *Service) SaveDraft(ctx context.Context, id int64, name string, c campaign.Content, based int64, by Actor) (postgres.Saved, error) {
	name, c, err := tidyDraft(name, c)
	if err != nil {
		return postgres.Saved{}, err
	}
	if strings.HasPrefix(c.Layout, ownLayout) {
		stored, err := s.Store.Campaign(ctx, id)
		if err != nil {
			return postgres.Saved{}, err
		}
		if err := s.takeFrame(ctx, &c, stored.Content); err != nil {
			return postgres.Saved{}, err
		}
	}
	saved, before, err := s.Store.SaveDraft(ctx, id, postgres.DraftEdit{Name: name, Content: c, By: by.Name, Based: based}, now())
	if err != nil || saved == before || before.By == by.Name && saved.At.Sub(before.At) < sitting {
		return saved, err
	}
	return saved, s.auditCampaign(ctx, by, "edit", id)
}

// Clone makes a draft of any campaign, with its lists, segments and terms, and returns its
// id. What belongs to one time only, such as the time to finish by, is left out.
func (s *Service) Clone(ctx context.Context, id int64, by Actor) (int64, error) {
	c, err := s.Store.Campaign(ctx, id)
	if err != nil {
		return 0, err
	}
	n := postgres.NewCampaign{Name: copyName(c.Name), Weight: c.Weight, Content: c.Content, Settings: c.Settings, TimeZone: c.TimeZone, By: by.Name}
	n.Settings.FinishBy, n.Settings.StopBy, n.Settings.ReaderTime = time.Time{}, time.Time{}, campaign.ReaderTime{}
	audience, err := s.Store.Audience(ctx, id)
	if err != nil {
		return 0, err
	}
	n.Lists, n.Exclude, n.Segments, n.ExcludeSegments = audience.Lists, audience.Exclude, audience.Segments, audience.ExcludeSegments
	clone, err := s.Store.CreateCampaign(ctx, n, now())
	if err != nil {
		return 0, err
	}
	return clone, s.auditCampaign(ctx, by, "clone", id)
}

// copyName names a clone: "Autumn (copy)", "Autumn (copy 2)".
func copyName(name string) string {
	base, n := name, 1
	if open := strings.LastIndex(name, " (copy"); open > 0 && strings.HasSuffix(name, ")") {
		number := strings.TrimSpace(strings.TrimSuffix(name[open+len(" (copy"):], ")"))
		if number == "" {
			base, n = name[:open], 2
		} else if k, err := strconv.Atoi(number); err == nil {
			base, n = name[:open], k+1
		}
	}
	base = cut(base, maxCampaignName-len(" (copy 9999)"))
	if n == 1 {
		return base + " (copy)"
	}
	return fmt.Sprintf("%s (copy %d)", base, n)
}

// DeleteDraft deletes a draft for good.
func (s *Service) DeleteDraft(ctx context.Context, id int64, by Actor) error {
	if err := s.Store.DeleteDraft(ctx, id); err != nil {
		return err
	}
	return s.auditCampaign(ctx, by, "delete", id)
}

func (s *Service) auditCampaign(ctx context.Context, by Actor, what string, id int64) error {
	return s.audit(ctx, by, now(), "campaign."+what, "campaign "+strconv.FormatInt(id, 10), "", struct{}{})
}

// tidyDraft makes one line of each field that becomes a header, so that none can
// bring another along, and refuses what is too long to keep.
func tidyDraft(name string, c campaign.Content) (string, campaign.Content, error) {
	for _, field := range []struct {
		called string
		text   *string
	}{{"name", &name}, {"From name", &c.FromName}, {"From address", &c.FromAddress}, {"Reply-To", &c.ReplyTo},
		{"subject", &c.Subject}, {"preheader", &c.Preheader}} {
		*field.text = oneLine(*field.text)
		if len(*field.text) > maxHeader {
			return "", c, fmt.Errorf("the %s %w: it has %d characters; %d is the most", field.called, ErrTooLong, utf8.RuneCountInString(*field.text), maxHeader)
		}
	}
	for _, body := range []string{c.Markdown, c.HTML, c.Text, c.PostalAddress} {
		if len(body) > maxBody {
			return "", c, fmt.Errorf("the content %w: it has %d KB; %d is the most", ErrTooLong, len(body)>>10, maxBody>>10)
		}
	}
	if name == "" {
		name = c.Subject
	}
	if name == "" {
		name = Unnamed
	}
	return cut(name, maxCampaignName), c, nil
}

// oneLine turns line breaks and other control characters into blanks.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
	return strings.TrimSpace(s)
}

func cut(s string, runes int) string {
	if all := []rune(s); len(all) > runes {
		return string(all[:runes])
	}
	return s
}
