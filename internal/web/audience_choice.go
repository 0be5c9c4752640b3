package web

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/postgres"
)

// receivedOffered is how many of the last campaigns are offered as “whoever
// received”.
const receivedOffered = 50

// audiencePart is one side of an audience: who gets it, or who is left out.
type audiencePart struct {
	Key      string // of the fields: in or out
	Lists    []audienceChoice
	Segments []audienceChoice
	Received []choice // campaigns whose readers may be added to the segments
}

// AnySegment reports whether a segment is chosen.
func (p audiencePart) AnySegment() bool {
	return slices.ContainsFunc(p.Segments, func(c audienceChoice) bool { return c.Chosen })
}

// audienceChoice is a list or a segment that may be chosen.
type audienceChoice struct {
	ID     int64
	Name   string
	Words  string // what a segment asks
	Count  int64
	Known  bool // how many there are
	Chosen bool
}

// audienceParts returns what can be chosen, and what is.
func (s *Server) audienceParts(ctx context.Context, chosen postgres.AudienceChoice) (in, out audiencePart, err error) {
	lists, err := s.service.Store.ListIndex(ctx)
	if err != nil {
		return in, out, err
	}
	counted, err := s.service.ListCounts(ctx, figureWait)
	if err != nil {
		return in, out, err
	}
	subscribed := make(map[int64]int64, len(counted.Value))
	for _, l := range counted.Value {
		subscribed[l.ID] = l.Subscribed
	}
	segments, err := s.service.Store.Segments(ctx)
	if err != nil {
		return in, out, err
	}
	sent, err := s.received(ctx)
	if err != nil {
		return in, out, err
	}
	part := func(key string, onLists, inSegments []string) audiencePart {
		p := audiencePart{Key: key, Received: sent}
		for _, l := range lists {
			n, known := subscribed[l.ID]
			p.Lists = append(p.Lists, audienceChoice{ID: l.ID, Name: l.Name, Count: n, Known: known, Chosen: slices.Contains(onLists, l.Name)})
		}
		for _, g := range segments {
			is := slices.Contains(inSegments, g.Name)
			if !is && g.Rule.OnlyReceived() != 0 {
				continue // those are chosen by their campaign
			}
			p.Segments = append(p.Segments, audienceChoice{ID: g.ID, Name: g.Name, Words: capital(g.Rule.Words()), Count: g.Count,
				Known: !g.CountedAt.IsZero(), Chosen: is})
		}
		return p
	}
	return part("in", chosen.Lists, chosen.Segments), part("out", chosen.Exclude, chosen.ExcludeSegments), nil
}

// received returns the campaigns that somebody may have received, the last first.
func (s *Server) received(ctx context.Context) ([]choice, error) {
	campaigns, err := s.service.Store.Campaigns(ctx, receivedOffered)
	if err != nil {
		return nil, err
	}
	var sent []choice
	for _, c := range campaigns {
		if c.State == campaign.Draft || c.LaunchedAt.IsZero() {
			continue
		}
		sent = append(sent, choice{Value: strconv.FormatInt(c.ID, 10), Words: c.Name + ", " + moment(c.LaunchedAt, time.Now())})
	}
	return sent, nil
}

// readAudience reads what was chosen. Names that are not there any more are left
// out, as the page then shows.
func (s *Server) readAudience(r *http.Request) (chosen postgres.AudienceChoice, err error) {
	lists, err := s.service.Store.ListIndex(r.Context())
	if err != nil {
		return chosen, err
	}
	segments, err := s.service.Store.Segments(r.Context())
	if err != nil {
		return chosen, err
	}
	for _, side := range []struct {
		key                string
		onLists, inSegment *[]string
	}{{"in", &chosen.Lists, &chosen.Segments}, {"out", &chosen.Exclude, &chosen.ExcludeSegments}} {
		has := func(field string, id int64) bool {
			return slices.Contains(r.PostForm[field], strconv.FormatInt(id, 10))
		}
		for _, l := range lists {
			if has(side.key, l.ID) {
				*side.onLists = append(*side.onLists, l.Name)
			}
		}
		for _, g := range segments {
			if has(side.key+"_segment", g.ID) {
				*side.inSegment = append(*side.inSegment, g.Name)
			}
		}
		if text := r.PostForm.Get(side.key + "_received"); text != "" {
			id, err := idOf(text)
			if err != nil {
				return chosen, err
			}
			name, err := s.service.ReceivedSegment(r.Context(), id)
			if err != nil {
				return chosen, err
			}
			if !slices.Contains(*side.inSegment, name) {
				*side.inSegment = append(*side.inSegment, name)
			}
		}
	}
	return chosen, nil
}
