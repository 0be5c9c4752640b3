package bench

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/sandbox"
)

// pacingJournal is what the simulated receivers saw: when each message that they
// took began, and every refusal.
type pacingJournal struct {
	mu       sync.Mutex
	accepted map[string][]time.Time       // by receiver; guarded by mu
	refused  map[string][]sandbox.Refusal // by receiver; guarded by mu
}

func newPacingJournal(s *sandbox.Sandbox) *pacingJournal {
	j := &pacingJournal{accepted: make(map[string][]time.Time), refused: make(map[string][]sandbox.Refusal)}
	s.OnMessage(func(m sandbox.Message) {
		j.mu.Lock()
		defer j.mu.Unlock()
		j.accepted[m.Provider] = append(j.accepted[m.Provider], m.MailAt)
	})
	s.OnRefusal(func(r sandbox.Refusal) {
		if !r.Cause.Avoidable() {
			return
		}
		j.mu.Lock()
		defer j.mu.Unlock()
		j.refused[r.Provider] = append(j.refused[r.Provider], r)
	})
	return j
}

// sliceLength is what one [PacingSlice] covers.
const sliceLength = 10 * time.Second

// count fills a figure with what happened at its receiver between its times. A
// message counts where it began: limits count it there, too.
func (j *pacingJournal) count(f *PacingFigure) {
	j.mu.Lock()
	defer j.mu.Unlock()
	f.First = -1
	f.Slices = make([]PacingSlice, int(f.To.Sub(f.From)/sliceLength)+1)
	at := func(t time.Time) (*PacingSlice, bool) {
		if t.Before(f.From) || !t.Before(f.To) {
			return nil, false
		}
		return &f.Slices[t.Sub(f.From)/sliceLength], true
	}
	begun := slices.SortedFunc(slices.Values(j.accepted[f.Receiver]), time.Time.Compare)
	for _, t := range begun {
		if slice, inside := at(t); inside {
			f.Accepted++
			slice.Accepted++
			if f.First < 0 || t.Sub(f.From) < f.First {
				f.First = t.Sub(f.From)
			}
		}
	}
	for _, r := range j.refused[f.Receiver] {
		if slice, inside := at(r.At); inside {
			f.Refused++
			slice.Refused++
			f.Noes = append(f.Noes, PacingNo{At: r.At, Words: r.Reply.String(), Cause: string(r.Cause), Open: r.Open,
				Second: within(begun, r.At, time.Second), Seconds: within(begun, r.At, 10*time.Second)})
		}
	}
}

// within counts the times of a sorted list in the span that ends at a time.
func within(sorted []time.Time, end time.Time, span time.Duration) int {
	from, _ := slices.BinarySearchFunc(sorted, end.Add(-span), time.Time.Compare)
	to, _ := slices.BinarySearchFunc(sorted, end, time.Time.Compare)
	return to - from
}

// knocks returns when a receiver was asked between two times, in order, whatever
// it answered.
func (j *pacingJournal) knocks(receiver string, from, to time.Time) []time.Time {
	j.mu.Lock()
	defer j.mu.Unlock()
	all := slices.Clone(j.accepted[receiver])
	for _, r := range j.refused[receiver] {
		all = append(all, r.At)
	}
	all = slices.DeleteFunc(all, func(t time.Time) bool { return t.Before(from) || t.After(to) })
	slices.SortFunc(all, time.Time.Compare)
	return all
}

// taken returns when every message that a receiver took began.
func (j *pacingJournal) taken(receiver string) []time.Time {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.accepted[receiver])
}

// mostEvents bounds how many decisions of one run are read.
const mostEvents = 5000

// decisions fills a figure with what the pacer decided about its receiver.
func decisions(ctx context.Context, store *postgres.Store, f *PacingFigure) error {
	events, err := store.PaceEvents(ctx, 0, 0, mostEvents)
	if err != nil {
		return err
	}
	for _, e := range slices.Backward(events) {
		if !e.At.Before(f.From) && e.At.Before(f.To) && strings.EqualFold(e.Name, domainOf(f.Receiver)) {
			f.Events = append(f.Events, PacingEvent{At: e.At, Kind: e.Kind, Was: e.Was, Now: e.Now,
				Reason: e.Reason, Reply: e.Reply, Until: e.Until})
		}
	}
	return nil
}

// domainOf returns the domain of a receiver's mailboxes, whose name is its
// provider's name, too.
func domainOf(receiver string) string {
	return strings.ToLower(strings.ReplaceAll(receiver, " ", "-")) + ".test"
}
