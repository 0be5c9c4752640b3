package pacing

import (
	"math"
	"math/bits"
	"time"

	"github.com/headwaymail/headway/pacing/reply"
)

// recipients watches refusals that concern single recipients.
//
// Greylisting puts off the first message to everybody and takes the retry.
// It is no limit: first attempts then run in a second, equal stream of
// permits, since they cost the receiver little and are known to be put off,
// while retries keep the first one. Retries that are refused still do not
// make it a limit either: the delay is longer than was thought. Where a limit
// speaks before RCPT, those who are put off have cost what others cost: they count
// as having passed it, and have no stream of their own.
//
// But limits speak at RCPT as well, often in the words of greylisting or in
// none that anybody knows. Two things tell them apart. Greylisting lets no
// first attempt pass; and single mailboxes in trouble are a small share,
// spread evenly, while a limit refuses many in a row. So:
//
//   - nearly every first attempt is refused: greylisting if the words say so
//     or an old retry passed; without either, perhaps, and a hold finds out;
//   - first attempts used to pass, and now a row of refusals: a limit;
//   - refusals among acceptances: single recipients, as long as their share
//     stays within what mailboxes do.
type recipients struct {
	Recent  uint64  `json:"recent,omitzero"` // the last outcomes of first attempts at RCPT, 1 refused
	Again   int     `json:"again,omitzero"`  // others in a row that were refused
	Known   int     `json:"known,omitzero"`  // how many of them
	First   float64 `json:"first,omitzero"`  // first attempts, lately
	Failed  float64 `json:"failed,omitzero"` // … refused at RCPT
	Retried float64 `json:"retried,omitzero"`
	Passed  float64 `json:"passed,omitzero"` // retries that passed
	Took    float64 `json:"took,omitzero"`   // first attempts that ever passed
	Crowd   float64 `json:"crowd,omitzero"`  // log-likelihood that a limit refuses, not mailboxes
	Blamed  int     `json:"blamed,omitzero"` // outcomes for which it is not believed that single mailboxes get too much

	Greylists bool    `json:"greylists,omitempty"`
	PutOff    float64 `json:"put_off,omitzero"`  // recipients that were refused, ever
	Counted   bool    `json:"counted,omitempty"` // the limit counts those, too: it spoke before RCPT
	Suspect   bool    `json:"suspect,omitempty"` // the hold in force may be greylisting
	Delay     float64 `json:"delay,omitzero"`    // seconds after which a retry passes
	Permits   permits `json:"permits,omitzero"`  // the stream of first attempts
}

const (
	greylistDelay  = 300      // seconds: what most greylisting software asks for by default
	greylistMost   = 4 * 3600 // seconds: after that a first attempt is forgotten (postgrey, RFC 6647)
	greylistGrowth = 1.5      // when a retry after the delay is refused
	greylistMargin = 5        // seconds more than the shortest delay that worked
	recentKept     = 50
	recentRow      = 8    // refusals in a row that are no single mailboxes
	againRow       = 40   // … of those who were refused before, perhaps for a reason of their own
	firstKept      = 60   // first attempts that count as lately
	retryAge       = 30   // seconds after which a second attempt is a retry
	firstTook      = 20   // first attempts that passed show that not everybody is greylisted
	mailboxShare   = 0.05 // of recipients may be in trouble for now
	crowdShare     = 0.25 // a limit that we overrun refuses as much
	crowdAlarm     = 5    // log-likelihood
	blamedFor      = 1000 // outcomes
)

// outcome takes in how RCPT went. A mailbox in trouble is tried again and again:
// only first attempts tell how many there are.
func (r *recipients) outcome(e Event, refused bool) {
	r.Blamed = max(0, r.Blamed-1)
	if !refused {
		r.Again = 0
	}
	if !e.First && e.Age > 0 {
		if refused {
			r.Again++
		}
		return
	}
	r.Recent <<= 1
	if refused {
		r.Recent |= 1
		r.Crowd += math.Log(crowdShare / mailboxShare)
	} else {
		r.Crowd = max(0, r.Crowd+math.Log((1-crowdShare)/(1-mailboxShare)))
	}
	r.Recent &= 1<<recentKept - 1
	r.Known = min(r.Known+1, recentKept)
}

func (r *recipients) share() float64 {
	return float64(bits.OnesCount64(r.Recent)) / float64(max(r.Known, 1))
}

// row is how many were refused since one was accepted.
func (r *recipients) row() int { return min(bits.TrailingZeros64(^r.Recent), r.Known) }

// tried counts a first attempt; old ones fade.
func (r *recipients) tried(refused bool) {
	r.First++
	if refused {
		r.Failed++
	} else {
		r.Took++
	}
	if r.First > firstKept {
		r.First, r.Failed = r.First/2, r.Failed/2
	}
}

// everybody says whether nearly all first attempts are refused.
func (r *recipients) everybody() bool { return r.First >= 10 && r.Failed > 0.8*r.First }

// delay is the retry delay for put-off recipients, in seconds.
func (r *recipients) delay() float64 {
	if r.Delay > 0 {
		return r.Delay + greylistMargin
	}
	return greylistDelay + greylistMargin
}

// knocksUntried says whether a knock should be by somebody who was never tried.
// A mailbox that is full would answer for the provider, again and again; but
// greylisting puts off whoever was never tried. Where nothing tells which it
// is, both take turns.
func (r *recipients) knocksUntried(knocks int) bool {
	if r.Suspect || r.Greylists {
		return false
	}
	return r.Took >= firstTook || knocks%2 == 1
}

// accepted takes in that a message, and with it its recipient, was taken.
func (r *recipients) accepted(e Event, knock bool) {
	r.outcome(e, false)
	switch {
	case e.First:
		r.tried(false)
		if r.Greylists && r.First >= 10 && r.Failed < 0.5*r.First {
			r.Greylists = false // it takes first attempts now
		}
	case e.Age.Seconds() > retryAge:
		r.Retried++
		r.Passed++
		if knock && r.Suspect {
			r.Greylists, r.Delay = true, e.Age.Seconds()
		} else if r.Greylists {
			r.Delay = min(max(r.Delay, 1), e.Age.Seconds())
		}
	}
}

// greylisted takes in a refusal that means greylisting.
func (r *recipients) greylisted(e Event) {
	if r.everybody() || r.Failed >= r.First {
		r.Greylists = true
	}
	early := e.First || e.Age.Seconds() < r.delay()
	switch hint := e.Meaning.Hint.Seconds(); {
	case hint > 0 && e.First:
		r.Delay = hint
	case r.Delay == 0:
		r.Delay = greylistDelay
	case !early:
		r.Delay = min(greylistMost, max(greylistGrowth*r.Delay, e.Age.Seconds()+hint))
	}
}

// refused sorts a refusal at RCPT whose words name greylisting (named), or
// nothing that is known.
func (r *recipients) refused(e Event, named bool) reply.Class {
	if e.First {
		r.tried(true)
	} else if e.Age.Seconds() > retryAge {
		r.Retried++
	}
	r.outcome(e, true)
	switch {
	case r.everybody() && (named || r.Greylists || r.Took < firstTook && r.Passed >= 3 && r.Passed > 0.3*r.Retried):
		return reply.ClassGreylist
	case r.everybody() && r.Known >= 10 && r.share() > 0.95:
		r.Suspect = true
		return reply.ClassUnknown
	case r.First >= 10 && r.row() >= recentRow, !named && r.Crowd >= crowdAlarm, r.Again >= againRow:
		r.Crowd, r.Again = 0, 0
		return reply.ClassUnknown
	case named:
		return reply.ClassGreylist
	}
	return reply.ClassMailbox
}

// mailedTooOften says whether a refusal that speaks of a single mailbox's rate is
// about ours. A newsletter brings each mailbox one message: many of them at a time
// do not get too much from others.
func (r *recipients) mailedTooOften(e Event) bool {
	if e.First {
		r.tried(true)
	}
	r.outcome(e, true)
	if r.row() >= recentRow || r.Crowd >= crowdAlarm {
		r.Crowd, r.Blamed = 0, blamedFor
	}
	return r.Blamed > 0
}

// TakeFirst grants permits for first attempts at a provider that greylists,
// beside those of [Take]: see [Pace].Greylists. It grants none elsewhere.
func TakeFirst(s State, want int, now time.Time, horizon time.Duration) (State, Block) {
	t := begin(&s, now, nil)
	if !s.Recipients.Greylists || s.Recipients.Counted || t.held() || want < 1 || t.blockedUntil() > t.now {
		return s, Block{}
	}
	block := s.Recipients.Permits.cut(t.now, t.now, t.allowed(), want, horizon)
	block.Version = s.Version
	return s, block
}
