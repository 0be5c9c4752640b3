package pacing

import "time"

// Slots is where the streams of permits stand: the next slot of [Take] and that
// of [TakeFirst]. It is the only part of a state that changes with every grant,
// so nodes that share a state keep it apart from what was learned.
type Slots struct {
	Next, First time.Time
}

// Slots returns where the streams of permits stand.
func (s State) Slots() Slots {
	return Slots{Next: s.Permits.Next.Time(), First: s.Recipients.Permits.Next.Time()}
}

// AtSlots returns the state with its streams of permits at other slots.
func (s State) AtSlots(at Slots) State {
	s.Permits.Next, s.Recipients.Permits.Next = momentOf(at.Next), momentOf(at.First)
	return s
}
