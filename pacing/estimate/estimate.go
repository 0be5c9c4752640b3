package estimate

import (
	"math"
	"time"
)

// Estimate is when one provider's part of a campaign will be done.
type Estimate struct {
	// Early says that too little was sent to say anything; Why then says how
	// little. Beyond says that it takes longer than can be foreseen.
	Early  bool `json:"early,omitempty"`
	Beyond bool `json:"beyond,omitempty"`

	// Done is when the last message is likely to be done, Low and High the
	// range that it lies in most of the time.
	Done time.Time `json:"done_at,omitzero"`
	Low  time.Time `json:"low_at,omitzero"`
	High time.Time `json:"high_at,omitzero"`

	// Sent is when everything will have been tried; what is done later are
	// retries, of about Tail messages.
	Sent time.Time `json:"sent_at,omitzero"`
	Tail int64     `json:"tail,omitempty"`

	// Left is what is not done now; Rate the mean pace until Sent, in
	// messages per second.
	Left int64   `json:"left"`
	Rate float64 `json:"rate,omitempty"`

	Bound Bound  `json:"bound"`
	Why   string `json:"why"` // the reason in words: a sentence without a full stop

	steps []step // how the end comes nearer
}

// step is a part of the work with the time at which it is done.
type step struct {
	at time.Time
	n  int64
}

// A hold that has lasted a while will last half as long again, is the likely
// guess; none longer at the soonest, and twice as long at the latest.
const (
	patienceSoon   = 0
	patienceLikely = 0.5
	patienceLate   = 2
)

// For estimates when the work will be done.
func For(w Work, now time.Time) Estimate {
	left := w.Left()
	e := Estimate{Left: left}
	if left == 0 {
		e.Done, e.Low, e.High, e.Sent, e.Bound = now, now, now, now, Nothing
		e.Why = "nothing is left"
		return e
	}
	p, ok := w.ahead(now)
	if !ok {
		e.Early, e.Bound = true, Unknown
		e.Why = w.tooEarly(now)
		return e
	}
	sent, done := w.run(p, p.rate, patienceLikely, now, &e.steps)
	_, soon := w.run(p, p.high, patienceSoon, now, nil)
	_, late := w.run(p, p.low, patienceLate, now, nil)
	e.Beyond = done >= longest
	e.Sent, e.Done = w.at(now, sent), w.at(now, done)
	e.Low = w.at(now, min(soon, done*(1-rangeLeast)))
	e.High = w.at(now, max(late, done*(1+rangeLeast)))
	if last := lastDue(w.Later); e.Low.Before(last) {
		e.Low = last
	}
	e.Rate = float64(left) / math.Max(sent, 1)
	e.Tail = w.tailSize(e)
	e.putLast(e.Tail)
	e.Bound, e.Why = w.explain(e, p, now)
	return e
}

// fewFor is how many seconds' worth of messages are few: when no more than
// that may go now, the past was short of mail and not of pace.
const fewFor = 30

// ahead is the pace to reckon with.
func (w Work) ahead(now time.Time) (seen, bool) {
	o := w.Outlook
	s := w.look(now)
	few := o.Rate > 0 && float64(w.Ready) <= o.Rate*fewFor
	switch {
	case few:
		s.rate, s.low, s.high = max(s.rate, o.Rate), min(s.low, o.Rate), max(s.high, o.Rate)
		if s.low <= 0 {
			s.low = s.rate
		}
	case s.known:
	case o.Starting || o.Rate <= 0:
		return s, false
	default:
		// Nothing of this work was sent yet, but the provider is known.
		s.rate, s.low, s.high = o.Rate, 0.7*o.Rate, 1.1*o.Rate
	}
	return s, true
}

// run lets the work run down a course. It returns when everything was tried
// and when everything is done, in seconds from now.
func (w Work) run(p seen, rate, patience float64, now time.Time, steps *[]step) (sent, done float64) {
	c := newCourse(w.Outlook, rate, p.past, patience, now)
	note := func(n int64, at float64) {
		if steps != nil {
			*steps = append(*steps, step{w.at(now, at), n})
		}
	}
	gone := 0.0
	walk := func(n int64, parts int64) {
		parts = max(1, min(parts, n))
		for i := range parts {
			part := n*(i+1)/parts - n*i/parts
			before := w.load(gone)
			gone += float64(part)
			note(part, c.pass(w.load(gone)-before))
		}
	}
	if w.Outlook.PutOff == 0 {
		walk(w.Ready, 100)
	}
	for _, l := range w.Later {
		c.wait(l.Due.Sub(now).Seconds())
		walk(l.N, 10)
	}
	if w.Outlook.PutOff > 0 && w.Ready > 0 {
		// First attempts run beside the retries, and are all put off once.
		c.wait(w.Outlook.PutOff.Seconds())
		walk(w.Ready, 100)
	}
	sent = c.at
	rateThen := gone / math.Max(sent, 1)
	done = min(sent+w.tail(gone, rateThen), longest)
	return sent, done
}

func lastDue(waves []Wave) time.Time {
	var last time.Time
	for _, l := range waves {
		if l.Due.After(last) {
			last = l.Due
		}
	}
	return last
}

// tailSize is how many messages are about to be put off once more.
func (w Work) tailSize(e Estimate) int64 {
	if e.Done.Sub(e.Sent) < time.Minute {
		return 0
	}
	return max(1, int64(math.Round(w.PutOff*math.Min(float64(e.Left), e.Rate*w.Retry[0].Seconds()))))
}

// putLast takes n messages from the end of the steps and has them done last.
func (e *Estimate) putLast(n int64) {
	for i := len(e.steps) - 1; i >= 0 && n > 0; i-- {
		part := min(n, e.steps[i].n)
		e.steps[i].n -= part
		n -= part
		e.steps = append(e.steps, step{e.Done, part})
	}
}

// By is how many of the messages left will be done by a time.
func (e Estimate) By(t time.Time) int64 {
	if e.Early {
		return 0
	}
	if !t.Before(e.Done) {
		return e.Left
	}
	n := int64(0)
	for _, s := range e.steps {
		if !s.at.After(t) {
			n += s.n
		}
	}
	return min(n, e.Left)
}

// Late is how many will not be done by a time.
func (e Estimate) Late(t time.Time) int64 { return e.Left - e.By(t) }

func after(now time.Time, seconds float64) time.Time {
	return now.Add(time.Duration(seconds * float64(time.Second)))
}
