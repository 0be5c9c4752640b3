package delivery

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
)

// turns decides whose turn it is at one provider: campaigns share permits by
// weight, chunk by chunk. Each has a virtual time that grows by messages ÷
// weight; the one that is furthest behind is next.
type turns struct {
	due  []postgres.Due
	time map[int64]float64   // campaign → virtual time
	rest map[int64]time.Time // campaign → until when it cannot use a turn
}

// ageWeight is what each hour of waiting adds to a campaign's weight, up to
// doubling it, so that no campaign starves beside heavier ones.
const ageWeight = 1.0

// leastShare is what each campaign with due mail gets of the permits, however
// heavy the others are; of more than twenty, all get the same.
const leastShare = 0.05

// update takes the newest picture of what is due at the provider.
func (t *turns) update(due []postgres.Due) {
	t.due = due
	if len(due) == len(t.time) && !slices.ContainsFunc(due, t.isNew) {
		return // the same campaigns, as nearly always
	}
	floor := t.floor()
	next := make(map[int64]float64, len(due))
	for _, d := range due {
		if at, ok := t.time[d.Campaign]; ok {
			next[d.Campaign] = at
		} else {
			next[d.Campaign] = floor // newcomers neither wait nor overtake
		}
	}
	t.time = next
	maps.DeleteFunc(t.rest, func(id int64, _ time.Time) bool { _, still := next[id]; return !still })
}

// isNew reports whether a campaign takes part for the first time.
func (t *turns) isNew(d postgres.Due) bool {
	_, known := t.time[d.Campaign]
	return !known
}

// floor is the smallest virtual time of those that take part.
func (t *turns) floor() float64 {
	lowest, found := 0.0, false
	for _, at := range t.time {
		if !found || at < lowest {
			lowest, found = at, true
		}
	}
	return lowest
}

// next returns the campaign whose turn it is among those with due mail.
func (t *turns) next(now time.Time) (postgres.Due, bool) { return t.nextBut(now, nil) }

// nextBut is next without some campaigns, which cannot use their turn.
func (t *turns) nextBut(now time.Time, without map[int64]bool) (postgres.Due, bool) {
	ready := slices.DeleteFunc(slices.Clone(t.due), func(d postgres.Due) bool { return !t.ready(d, now) || without[d.Campaign] })
	if len(ready) == 0 {
		return postgres.Due{}, false
	}
	return slices.MinFunc(ready, func(a, b postgres.Due) int {
		return cmp.Or(cmp.Compare(t.time[a.Campaign], t.time[b.Campaign]), cmp.Compare(a.Campaign, b.Campaign))
	}), true
}

// ready reports whether a campaign has due mail that may be sent.
func (t *turns) ready(d postgres.Due, now time.Time) bool {
	return !d.At.After(now) && !now.Before(t.rest[d.Campaign])
}

// pause lets a campaign rest: its sending domain has no permits here.
func (t *turns) pause(campaign int64, until time.Time) {
	if t.rest == nil {
		t.rest = make(map[int64]time.Time)
	}
	t.rest[campaign] = until
}

// took counts n messages of a campaign. A lane counts what it is about to take
// before it does, so that the next lane chooses another campaign, and takes back
// what came of it less (n below 0).
func (t *turns) took(d postgres.Due, n int, now time.Time) {
	if _, there := t.time[d.Campaign]; !there {
		return // its last mail was in hand; it comes back as a newcomer
	}
	t.time[d.Campaign] += float64(n) / t.weight(d, now)
}

// weight is a campaign's weight beside those that have due mail now: with its
// age, and as much as gives it the least share.
func (t *turns) weight(d postgres.Due, now time.Time) float64 {
	own := aged(d, now)
	others, raised := 0.0, 1.0 // the weight of those above the least share; the number of those raised to it
	for _, other := range t.due {
		if other.Campaign == d.Campaign || !t.ready(other, now) {
			continue
		}
		if w := aged(other, now); w > own {
			others += w
		} else {
			raised++
		}
	}
	if leastShare*raised >= 1 || leastShare*(raised+1) >= 1 {
		return max(own, others)
	}
	return max(own, leastShare*others/(1-leastShare*raised))
}

// aged is a campaign's weight with its age.
func aged(d postgres.Due, now time.Time) float64 {
	weight := float64(max(d.Weight, 1))
	return min(weight+ageWeight*max(now.Sub(d.Launched).Hours(), 0), 2*weight)
}

// empty notes that a campaign turned out to have nothing due right now.
func (t *turns) empty(campaign int64) {
	t.due = slices.DeleteFunc(slices.Clone(t.due), func(d postgres.Due) bool { return d.Campaign == campaign })
}

// any reports whether mail is due, also of campaigns that rest.
func (t *turns) any(now time.Time) bool {
	return slices.ContainsFunc(t.due, func(d postgres.Due) bool { return !d.At.After(now) })
}

// waiting returns the number of messages that wait at the provider in all.
func (t *turns) waiting(now time.Time) int {
	return t.sum(now, func(d postgres.Due) int64 { return d.Waiting })
}

// untried returns how many of them were never tried.
func (t *turns) untried(now time.Time) int {
	return t.sum(now, func(d postgres.Due) int64 { return d.Waiting - d.Deferred })
}

func (t *turns) sum(now time.Time, of func(postgres.Due) int64) int {
	n := int64(0)
	for _, d := range t.due {
		if t.ready(d, now) {
			n += of(d)
		}
	}
	return int(min(n, 1_000_000))
}
