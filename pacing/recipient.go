package pacing

import (
	"math/bits"
	"time"

	"github.com/headwaymail/headway/pacing/reply"
)

// recipients watches refusals that concern single recipients.
//
// Greylisting puts off the first message to everybody and takes the retry.
// It is no limit: first attempts then run in a second, equal stream of
// permits, since they cost the receiver little and are known to be put off,
// while retries keep the first one.
//
// Where the words do not tell, greylisting is inferred: nearly all first
// attempts fail at RCPT and retries of old messages pass.
type recipients struct {
	Recent  uint64  `json:"recent,omitzero"` // the last outcomes at RCPT, 1 refused
	Known   int     `json:"known,omitzero"`  // how many of them
	First   float64 `json:"first,omitzero"`  // first attempts
	Failed  float64 `json:"failed,omitzero"` // … refused at RCPT
	Retried float64 `json:"retried,omitzero"`
	Passed  float64 `json:"passed,omitzero"` // retries that passed

	Greylists bool    `json:"greylists,omitempty"`
	Suspect   bool    `json:"suspect,omitempty"` // the hold in force may be greylisting
	Delay     float64 `json:"delay,omitzero"`    // seconds after which a retry passes
	Permits   permits `json:"permits,omitzero"`  // the stream of first attempts
}

const (
	greylistDelay  = 300 // seconds: what most greylisting software asks for by default
	greylistMargin = 5   // seconds more than the shortest delay that worked
	recentKept     = 50
	retryAge       = 30 // seconds after which a second attempt is a retry
)

func (r *recipients) outcome(refused bool) {
	r.Recent <<= 1
	if refused {
		r.Recent |= 1
	}
	r.Recent &= 1<<recentKept - 1
	r.Known = min(r.Known+1, recentKept)
}

func (r *recipients) share() float64 {
	return float64(bits.OnesCount64(r.Recent)) / float64(max(r.Known, 1))
}

// delay is the retry delay for put-off recipients, in seconds.
func (r *recipients) delay() float64 {
	if r.Delay > 0 {
		return r.Delay + greylistMargin
	}
	return greylistDelay + greylistMargin
}

// accepted takes in that a message, and with it its recipient, was taken.
func (r *recipients) accepted(e Event, knock bool) {
	r.outcome(false)
	switch {
	case e.First:
		r.First++
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

// refused takes in a refusal that names greylisting.
func (r *recipients) greylisted(e Event) {
	r.Greylists = true
	if e.Meaning.Hint > 0 {
		r.Delay = e.Meaning.Hint.Seconds()
	} else if r.Delay == 0 {
		r.Delay = greylistDelay
	}
}

// plausible says whether a refusal that sounds like greylisting behaves like
// it: retries that waited long enough pass. Some limiters use the same words.
func (r *recipients) plausible(e Event) bool {
	if !e.First && e.Age.Seconds() >= r.delay() {
		r.Retried++
	}
	if r.Retried > 100 {
		r.Retried, r.Passed = r.Retried/2, r.Passed/2
	}
	if r.Retried >= 8 && r.Passed < 0.6*r.Retried {
		r.Greylists = false
		return false
	}
	return true
}

// infer sorts an unexplained refusal at RCPT: greylisting, one mailbox, or,
// when everybody is put off, perhaps a block.
func (r *recipients) infer(e Event) reply.Class {
	if e.First {
		r.First++
		r.Failed++
	} else if e.Age.Seconds() > retryAge {
		r.Retried++
	}
	r.outcome(true)
	switch {
	case r.Greylists:
		return reply.ClassGreylist
	case r.First >= 10 && r.Failed > 0.8*r.First && r.Passed >= 3 && r.Passed > 0.3*r.Retried:
		r.Greylists = true
		return reply.ClassGreylist
	case r.Known >= 10 && r.share() > 0.95:
		r.Suspect = true
		return reply.ClassUnknown
	}
	return reply.ClassMailbox
}

// TakeFirst grants permits for first attempts at a provider that greylists,
// beside those of [Take]: see [Pace].Greylists. It grants none elsewhere.
func TakeFirst(s State, want int, now time.Time, horizon time.Duration) (State, Block) {
	t := begin(&s, now)
	if !s.Recipients.Greylists || t.held() || want < 1 || t.blockedUntil() > t.now {
		return s, Block{}
	}
	block := s.Recipients.Permits.cut(t.now, t.now, t.allowed(), want, horizon)
	block.Version = s.Version
	return s, block
}
