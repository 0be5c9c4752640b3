package pacing

import (
	"testing"
	"unsafe"
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

// TestIdleProvidersAreSmall: 10,000 idle providers take 64 MB at most.
func TestIdleProvidersAreSmall(t *testing.T) {
	t.Parallel()
	const providers, most = 10_000, 64 << 20
	if size := unsafe.Sizeof(State{}); size*providers > most {
		t.Errorf("a state takes %d bytes", size)
	}
}
