package service

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/pacing"
)

// ProviderStanding is how a provider takes our mail now.
type ProviderStanding struct {
	postgres.Provider
	Waiting int64           // messages of campaigns that are sending or paused
	Recent  postgres.Recent // of the last hour
	Sources []SourceStanding
}

// SourceStanding is the pace of one source at a provider.
type SourceStanding struct {
	Source  postgres.Source
	Known   bool // something was sent, or decided by hand; else Pace is where it would begin
	Updated time.Time
	Pace    pacing.Pace
	Said    time.Time // when Pace.Reason was decided
	Learned []string  // one sentence for each limit that is known, the firmest first
	Cap     float64   // messages per second, set by hand; 0 none
	Budget  float64   // refusals that the search for more may still cost
}

// Main returns the standing at the source that was used last, and false when
// there is no pace yet.
func (p ProviderStanding) Main() (SourceStanding, bool) {
	var found SourceStanding
	for _, s := range p.Sources {
		if s.Known && (!found.Known || s.Updated.After(found.Updated)) {
			found = s
		}
	}
	return found, found.Known
}

// DeferredShare returns which part of the last hour's attempts was put off,
// from 0 to 1.
func (p ProviderStanding) DeferredShare() float64 {
	all := p.Recent.Accepted + p.Recent.Deferred + p.Recent.Bounced
	if all == 0 {
		return 0
	}
	return float64(p.Recent.Deferred) / float64(all)
}

// recentFor is how far back "lately" goes.
const recentFor = time.Hour

// Providers returns how all providers take our mail, by name.
func (s *Service) Providers(ctx context.Context) ([]ProviderStanding, error) {
	known, err := s.Store.Providers(ctx)
	if err != nil {
		return nil, err
	}
	paces, err := s.Store.Paces(ctx)
	if err != nil {
		return nil, err
	}
	waiting, err := s.Store.Waiting(ctx)
	if err != nil {
		return nil, err
	}
	recent, err := s.Store.Recent(ctx, now().Add(-recentFor))
	if err != nil {
		return nil, err
	}
	return s.standings(ctx, known, paces, waiting, recent)
}

// Provider returns how one provider takes our mail.
func (s *Service) Provider(ctx context.Context, id int64) (ProviderStanding, error) {
	if id == 0 { // stands for domains that are being looked up
		return ProviderStanding{}, postgres.ErrNotFound
	}
	known, err := s.Store.Provider(ctx, id)
	if err != nil {
		return ProviderStanding{}, err
	}
	paces, err := s.Store.PacesOf(ctx, id)
	if err != nil {
		return ProviderStanding{}, err
	}
	waiting, err := s.Store.WaitingOf(ctx, id)
	if err != nil {
		return ProviderStanding{}, err
	}
	recent, err := s.Store.RecentOf(ctx, id, now().Add(-recentFor))
	if err != nil {
		return ProviderStanding{}, err
	}
	all, err := s.standings(ctx, []postgres.Provider{known}, paces, map[int64]int64{id: waiting}, map[int64]postgres.Recent{id: recent})
	if err != nil {
		return ProviderStanding{}, err
	}
	return all[0], nil
}

func (s *Service) standings(ctx context.Context, known []postgres.Provider, paces []postgres.Pace,
	waiting map[int64]int64, recent map[int64]postgres.Recent) ([]ProviderStanding, error) {

	at := now()
	sources, err := s.Store.Sources(ctx)
	if err != nil {
		return nil, err
	}
	byProvider := make(map[int64][]SourceStanding)
	for _, p := range paces {
		i := slices.IndexFunc(sources, func(s postgres.Source) bool { return s.ID == p.Source })
		if i < 0 {
			continue // of a node that could not send
		}
		var state pacing.State
		if err := json.Unmarshal(p.State, &state); err != nil {
			return nil, fmt.Errorf("stored pace of %s: %w", p.Name, err)
		}
		byProvider[p.Provider] = append(byProvider[p.Provider], newStanding(sources[i], state, p.Updated, at))
	}
	all := make([]ProviderStanding, len(known))
	for i, p := range known {
		all[i] = ProviderStanding{Provider: p, Waiting: waiting[p.ID], Recent: recent[p.ID], Sources: byProvider[p.ID]}
	}
	return all, nil
}

func newStanding(source postgres.Source, state pacing.State, updated, at time.Time) SourceStanding {
	return SourceStanding{Source: source, Known: true, Updated: updated, Pace: state.Pace(at, pacing.Demand{Waiting: plenty}),
		Said: state.Said.At.Time(), Learned: state.Learned(), Cap: state.Hand.Cap, Budget: state.Budget.Left}
}

// UnknownProvider says that nobody is called so, and who might have been meant.
type UnknownProvider struct {
	Reference string
	Nearest   []string // keys, the nearest first; may be empty
}

// Error says what was wrong and what to do.
func (u *UnknownProvider) Error() string {
	words := fmt.Sprintf("there is no provider %q", u.Reference)
	if len(u.Nearest) > 0 {
		return words + "; did you mean " + strings.Join(u.Nearest, " or ") + "?"
	}
	return words + "; `headway providers` lists those that mail was ever meant for"
}

// FindProvider returns a provider by its key, its name, its number or one of
// its domains. The error is an [*UnknownProvider] when there is none.
func (s *Service) FindProvider(ctx context.Context, reference string) (postgres.Provider, error) {
	reference = strings.TrimSpace(reference)
	all, err := s.Store.Providers(ctx)
	if err != nil {
		return postgres.Provider{}, err
	}
	number, noNumber := strconv.ParseInt(strings.TrimPrefix(reference, "#"), 10, 64)
	for _, same := range []func(postgres.Provider) bool{
		func(p postgres.Provider) bool { return strings.EqualFold(p.Key, reference) },
		func(p postgres.Provider) bool { return strings.EqualFold(p.Name, reference) },
		func(p postgres.Provider) bool { return noNumber == nil && p.ID == number },
	} {
		if i := slices.IndexFunc(all, same); i >= 0 {
			return all[i], nil
		}
	}
	found, err := s.Store.ProviderOfDomain(ctx, strings.ToLower(reference))
	if errors.Is(err, postgres.ErrNotFound) {
		return found, &UnknownProvider{Reference: reference, Nearest: nearest(reference, all)}
	}
	return found, err
}

// nearestShown is how many names an error proposes.
const nearestShown = 3

// nearest returns the keys that a person probably meant: those that contain
// what was typed, and those that a few typing mistakes away.
func nearest(typed string, all []postgres.Provider) []string {
	type candidate struct {
		key      string
		distance int
	}
	typed = strings.ToLower(typed)
	var found []candidate
	for _, p := range all {
		key, name := strings.ToLower(p.Key), strings.ToLower(p.Name)
		d := min(distance(typed, key), distance(typed, name))
		if len(typed) >= 3 && (strings.Contains(key, typed) || strings.Contains(name, typed)) {
			d = 0
		}
		if d <= max(1, len(typed)/3) {
			found = append(found, candidate{p.Key, d})
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return cmp.Compare(a.distance, b.distance) })
	keys := make([]string, min(len(found), nearestShown))
	for i := range keys {
		keys[i] = found[i].key
	}
	return keys
}

// distance counts the letters to insert, remove or replace between two words
// (Levenshtein 1966).
func distance(a, b string) int {
	from, to := []rune(a), []rune(b)
	row := make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	for i, c := range from {
		diagonal := row[0]
		row[0] = i + 1
		for j, d := range to {
			cost := diagonal
			if c != d {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(to)]
}
