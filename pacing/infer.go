package pacing

import "github.com/headwaymail/headway/pacing/reply"

// aside says whether a class would keep a refusal away from the rate. That
// takes words: a bare 452 may be a full mailbox or a full quota, and taking
// the second for the first would hammer a provider for ever.
func aside(c reply.Class) bool {
	switch c {
	case reply.ClassMailbox, reply.ClassGreylist, reply.ClassRecipients, reply.ClassDNS,
		reply.ClassContent, reply.ClassPolicy, reply.ClassSession:
		return true
	}
	return false
}

// infer gives an unexplained refusal a class by where and how it came: at
// RCPT it is about recipients; a lane that is always cut at the same message
// carries no more than that. Everything else stays unknown, and time tells
// whether it is a rate (mail goes on passing), a hold (nothing does) or noise.
func (t *turn) infer(e Event) reply.Class {
	class := e.Meaning.Class
	guessed := e.Meaning.Rule == reply.Fallback && aside(class)
	if class == reply.ClassGreylist {
		// Where first attempts have passed, it takes words to believe it.
		return t.Recipients.refused(e, !e.Meaning.Guess || t.Recipients.Took < firstTook)
	}
	if class == reply.ClassMailbox && e.Meaning.Bounce == reply.BounceRateLimited && t.Recipients.mailedTooOften(e) {
		return reply.ClassRate
	}
	if class == reply.ClassNetwork && t.cutShort(e) {
		return reply.ClassSession
	}
	if class != reply.ClassUnknown && class != reply.ClassNone && !guessed {
		return class
	}
	if e.Phase == reply.PhaseRcpt {
		return t.Recipients.refused(e, false)
	}
	if t.cutShort(e) {
		return reply.ClassSession
	}
	return reply.ClassUnknown
}

// cutShort says whether a lane was cut, with 421 or without a word, where
// lanes here are always cut. One burst cuts many lanes at once, young ones
// alike: it counts once.
func (t *turn) cutShort(e Event) bool {
	return (e.Code == 421 || e.Code == 0) && e.Severed && e.Index > 2 &&
		!t.Episode.owns(e.launched()) && t.PerLane.severed(e.Index)
}
