package delivery

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/headwaymail/headway/pacing"
)

// A claim gets as many permits as are due and fresh, the newest of them; what a
// stall has left behind does not go out in a burst.
func TestPurseTake(t *testing.T) {
	t.Parallel()
	const every = 100 * time.Millisecond
	for _, tt := range []struct {
		name     string
		at       time.Duration // after the first of twenty slots
		most     int
		from, n  int // slots taken
		interval time.Duration
	}{
		{"none is due yet", -time.Second, 3, 0, 3, every},
		{"one is", 50 * time.Millisecond, 3, 0, 3, every},
		{"some are", 450 * time.Millisecond, 3, 2, 3, every},
		{"more than are fresh", 450 * time.Millisecond, 9, 2, 9, every},
		{"all are, most stale", 1950 * time.Millisecond, 9, 17, 3, every},
		{"all are and fresh", 195 * time.Millisecond, 9, 11, 9, 10 * time.Millisecond},
		{"a burst", 0, 9, 11, 9, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := purse{blocks: []pacing.Block{{First: noon, Interval: tt.interval, N: 20}}}
			got := p.take(tt.most, noon.Add(tt.at))
			if got.N != tt.n || !got.First.Equal(noon.Add(time.Duration(tt.from)*tt.interval)) {
				t.Errorf("%d permits from %s after noon on, want %d from slot %d on", got.N, got.First.Sub(noon), tt.n, tt.from)
			}
			if left := p.count(); left != 20-tt.n {
				t.Errorf("%d are left", left)
			}
		})
	}
}

// What is taken and given back in pieces, in any order, is one block again.
func TestPurseIsWholeAgain(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		every := time.Duration(rapid.Int64Range(0, 200).Draw(t, "interval")) * time.Millisecond
		whole := pacing.Block{First: noon, Interval: every, N: rapid.IntRange(1, 40).Draw(t, "permits"), Version: 3}
		p := purse{}
		p.add(whole)
		var pieces []pacing.Block
		for p.count() > 0 {
			at := noon.Add(time.Duration(rapid.Int64Range(0, 4000).Draw(t, "at")) * time.Millisecond)
			piece := p.take(rapid.IntRange(1, 9).Draw(t, "most"), at)
			if used := rapid.IntRange(0, piece.N).Draw(t, "split"); used > 0 && used < piece.N {
				front := piece
				front.N = used
				pieces = append(pieces, front)
				piece = after(piece, used)
			}
			pieces = append(pieces, piece)
		}
		for _, piece := range rapid.Permutation(pieces).Draw(t, "order") {
			p.add(piece)
		}
		if len(p.blocks) != 1 || p.blocks[0] != whole {
			t.Errorf("%+v came back as %+v", whole, p.blocks)
		}
	})
}
