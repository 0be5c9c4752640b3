package pacing

import "github.com/headwaymail/headway/pacing/reply"

// infer gives an unexplained refusal a class by where and how it came: at
// RCPT it is about recipients; a lane that is always cut at the same message
// carries no more than that. Everything else stays unknown, and time tells
// whether it is a rate (mail goes on passing), a hold (nothing does) or noise.
func (t *turn) infer(e Event) reply.Class {
	class := e.Meaning.Class
	if class != reply.ClassUnknown && class != reply.ClassNone {
		return class
	}
	if e.Phase == reply.PhaseRcpt {
		return t.Recipients.infer(e)
	}
	if e.Code == 421 && e.Severed && e.Index > 2 && t.PerLane.severed(e.Index) {
		return reply.ClassSession
	}
	return reply.ClassUnknown
}
