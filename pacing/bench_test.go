package pacing

import (
	"testing"
)

// BenchmarkMessage is one message's share: its permit and its outcome.
func BenchmarkMessage(b *testing.B) {
	s := New(Profile{MaxRate: 50}, t0)
	now := t0
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(duration(0.02))
		s, _ = Take(s, 1, now, 0)
		s, _ = Step(s, []Event{{Kind: Accepted, At: now, Launched: now}}, now)
	}
}
