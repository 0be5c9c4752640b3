package delivery

import (
	"cmp"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/headwaymail/headway/pacing"
)

// shared is what the nodes at one provider tell each other in every round,
// beside what was learned: how many messages were accepted since that was
// written, and who uses how many lanes. It travels in the row, under its lock.
type shared struct {
	// Passed counts acceptances by the second, from the second From on. What
	// was learned does not contain them yet, whoever sent them: state and
	// Passed together are the whole truth, also after a node was killed.
	From   int64 `json:"from,omitzero"`
	Passed []int `json:"passed,omitempty"`

	// Seats are the nodes that send here now.
	Seats map[int64]seat `json:"seats,omitempty"`

	// Opened is when the newest connection was allowed to be opened, in seconds
	// since 1970: the least gap between two openings holds over all nodes.
	Opened float64 `json:"opened,omitzero"`
}

// seat is a node's place at a provider, renewed by each of its rounds.
type seat struct {
	Want    int     `json:"want,omitzero"`    // lanes that it could use
	Lanes   int     `json:"lanes,omitzero"`   // connections that it may have, or still has, open
	Open    int     `json:"open,omitzero"`    // of these, connections open or being opened
	Opening int     `json:"opening,omitzero"` // of which it may be opening at the same time
	At      float64 `json:"at"`               // seconds since 1970
}

const (
	// seatLife is how long a silent node keeps its lanes: longer than a round
	// that hangs, as long as a node may be silent before it is taken for dead.
	seatLife = 15.0
	// demandLife is how long its demand counts: five rounds.
	demandLife = 2.0
	// passedKept bounds Passed, far above the ten seconds after which what was
	// learned is written.
	passedKept = 120
)

func parseShared(data []byte) (s shared, err error) {
	if len(data) > 0 {
		err = json.Unmarshal(data, &s)
	}
	return s, err
}

// clone returns a copy that may be changed.
func (s shared) clone() shared {
	s.Passed, s.Seats = slices.Clone(s.Passed), maps.Clone(s.Seats)
	return s
}

// seconds is a time as the shared record holds it.
func seconds(t time.Time) float64 { return float64(t.UnixNano()) / 1e9 }

// unix is its inverse.
func unix(at float64) time.Time {
	whole, part := math.Modf(at)
	return time.Unix(int64(whole), int64(part*1e9))
}

// pass counts n acceptances at a moment. Late news from before From count in
// its second.
func (s *shared) pass(at time.Time, n int) {
	second := at.Unix()
	if len(s.Passed) == 0 {
		s.From = second
	}
	i := int(min(max(second-s.From, 0), passedKept-1))
	for len(s.Passed) <= i {
		s.Passed = append(s.Passed, 0)
	}
	s.Passed[i] += n
}

// since returns the acceptances that s counts and before did not, one event for
// each second. before must be an earlier s of the same written state.
func (s shared) since(before shared, latency time.Duration) []pacing.Event {
	var events []pacing.Event
	for i, n := range s.Passed {
		second := s.From + int64(i)
		if j := second - before.From; j >= 0 && j < int64(len(before.Passed)) {
			n -= before.Passed[j]
		}
		if n > 0 {
			at := time.Unix(second+1, 0)
			events = append(events, pacing.Event{Kind: pacing.Accepted, At: at, Launched: at.Add(-latency), Count: n})
		}
	}
	return events
}

// forget drops the seats of nodes that have been silent for too long.
func (s *shared) forget(now float64) {
	maps.DeleteFunc(s.Seats, func(_ int64, other seat) bool { return now-other.At > seatLife })
}

// share is the part of the permits that node should take: in proportion to the
// connections of all who sent lately, since that is what they can use. Whoever
// has none yet counts as one.
func (s shared) share(node int64, now float64) float64 {
	own, all := s.Seats[node].carries(), 0.0
	for _, other := range s.Seats {
		if now-other.At <= demandLife && other.Want > 0 && other.Lanes > 0 {
			all += other.carries()
		}
	}
	if all <= own {
		return 1
	}
	return own / all
}

func (s seat) carries() float64 { return float64(max(s.Open, 1)) }

// others sums up what the other nodes have.
func (s shared) others(node int64) (lanes, opening int) {
	for id, other := range s.Seats {
		if id != node {
			lanes += other.Lanes
			opening += other.Opening
		}
	}
	return lanes, opening
}

// claim is what a node asks for when it renews its seat.
type claim struct {
	want    int // lanes that it could use
	used    int // connections open, parked or being opened
	opening int // connections being opened or about to be
}

// renew gives the node its seat: as many lanes as are free, at most its even
// part of limit and never fewer than it uses. It returns how many it may use;
// when that is less than it does, it must close some.
func (s *shared) renew(node int64, c claim, limit, atOnce int, now float64) (lanes, opening int) {
	if s.Seats == nil {
		s.Seats = make(map[int64]seat)
	}
	s.forget(now)
	own := s.Seats[node]
	own.Want, own.At = c.want, now
	s.Seats[node] = own
	taken, theirOpening := s.others(node)
	// Where all together have too many, each goes on with its part of its own;
	// what is above is closed, and nothing is opened.
	lanes = max(min(s.part(node, limit, now), max(limit-taken, c.used)), 0)
	opening = max(min(c.opening, atOnce-theirOpening), 0)
	if len(s.Seats) == 1 {
		opening = max(atOnce, 1) // nobody to ask
	}
	own.Lanes, own.Open, own.Opening = max(lanes, c.used), c.used, min(opening, lanes)
	if c.opening == 0 {
		own.Opening = 0
	}
	s.Seats[node] = own
	if own.Want == 0 && own.Lanes == 0 {
		delete(s.Seats, node)
	}
	return lanes, opening
}

// part is the node's even part of limit lanes: they are dealt out one by one, to
// nodes that have more first, so that nobody gives up a lane for nothing, until
// each has what it wants or none is left.
func (s shared) part(node int64, limit int, now float64) int {
	ids := slices.DeleteFunc(slices.Collect(maps.Keys(s.Seats)), func(id int64) bool {
		return now-s.Seats[id].At > demandLife || s.Seats[id].Want == 0
	})
	slices.SortFunc(ids, func(a, b int64) int {
		return cmp.Or(cmp.Compare(s.Seats[b].Lanes, s.Seats[a].Lanes), cmp.Compare(a, b))
	})
	dealt := make(map[int64]int, len(ids))
	for left := limit; left > 0; {
		before := left
		for _, id := range ids {
			if left > 0 && dealt[id] < s.Seats[id].Want {
				dealt[id]++
				left--
			}
		}
		if left == before {
			break
		}
	}
	return dealt[node]
}

// open returns when one more connection may be opened, and books it: not before
// after, and at least gap after the one before, whichever node opened it.
func (s *shared) open(now, after time.Time, gap time.Duration) time.Time {
	at := max(seconds(now), s.Opened+gap.Seconds())
	if !after.IsZero() {
		at = max(at, seconds(after))
	}
	s.Opened = at
	return unix(at)
}
