package delivery

import (
	"slices"
	"time"

	"github.com/headwaymail/headway/pacing"
)

const (
	// permitLife is how long after its time a permit may still be used.
	permitLife = time.Second
	// freshLife is how long a permit is as good as new: whoever takes it has time
	// left to use it.
	freshLife = permitLife / 4
	// knockLife is the same for the half-open permit of a hold. The pacer
	// grants another after two minutes.
	knockLife = 90 * time.Second
	// chunkLimit bounds a claim.
	chunkLimit = 200
)

// purse holds the permits of one stream that a node has in hand.
type purse struct{ blocks []pacing.Block }

// add puts permits in. Those that were taken and come back join what they were
// taken from, so that one claim may use them all.
func (p *purse) add(b pacing.Block) {
	if b.N < 1 {
		return
	}
	for i := 0; i < len(p.blocks); i++ {
		whole, ok := join(p.blocks[i], b)
		if !ok {
			whole, ok = join(b, p.blocks[i])
		}
		if ok {
			b = whole
			p.blocks = slices.Delete(p.blocks, i, i+1)
			i = -1 // what it joined may reach to another one now
		}
	}
	p.blocks = append(p.blocks, b)
}

// join makes one block of two that follow each other.
func join(a, b pacing.Block) (pacing.Block, bool) {
	follows := a.Slot(a.N).Equal(b.First) && a.Interval == b.Interval && a.Version == b.Version &&
		!a.Probe && !b.Probe && a.Untried == b.Untried
	a.N += b.N
	return a, follows
}

// count returns the number of permits.
func (p *purse) count() int {
	n := 0
	for _, b := range p.blocks {
		n += b.N
	}
	return n
}

// take removes permits, at most a number and those of one block, to be used from
// a time on, one after the other: those that are due by then and fresh, the
// newest with as many before it as are wanted, so that what a stall has left
// behind comes last, and lapses rather than going out in a burst; else from the
// first on.
func (p *purse) take(most int, at time.Time) pacing.Block {
	if len(p.blocks) == 0 || most < 1 {
		return pacing.Block{}
	}
	chosen, skip := 0, 0
	var newest time.Time
	for i, b := range p.blocks {
		n := due(b, at)
		if n > 0 && b.Slot(n-1).After(newest) {
			chosen, newest = i, b.Slot(n-1)
			skip = n - 1
			for skip > 0 && n-skip < most && !b.Slot(skip-1).Before(at.Add(-freshLife)) {
				skip--
			}
		}
	}
	b := p.blocks[chosen]
	part := after(b, skip)
	part.N = min(most, part.N)
	var rest []pacing.Block
	if skip > 0 {
		head := b
		head.N = skip
		rest = append(rest, head)
	}
	if tail := after(b, skip+part.N); tail.N > 0 {
		rest = append(rest, tail)
	}
	p.blocks = slices.Replace(p.blocks, chosen, chosen+1, rest...)
	return part
}

// due returns how many permits of a block may be used at a time.
func due(b pacing.Block, at time.Time) int {
	if at.Before(b.First) {
		return 0
	}
	if b.Interval <= 0 {
		return b.N
	}
	return min(int(at.Sub(b.First)/b.Interval)+1, b.N)
}

// drop removes the permits that are over and returns those that may be handed
// back to the pacer: nothing but time has ended them.
func (p *purse) drop(version int, now time.Time) (unused []pacing.Block) {
	kept := p.blocks[:0]
	for _, b := range p.blocks {
		over := 0
		for over < b.N && lapsed(b, over, version, now) {
			over++
		}
		if over > 0 && b.Version >= version {
			head := b
			head.N = over
			unused = append(unused, head)
		}
		if b = after(b, over); b.N > 0 {
			kept = append(kept, b)
		}
	}
	p.blocks = kept
	return unused
}

// stale removes the blocks whose permits are all due and not fresh any more.
func (p *purse) stale(now time.Time) (unused []pacing.Block) {
	kept := p.blocks[:0]
	for _, b := range p.blocks {
		if !b.Probe && b.Slot(b.N-1).Before(now.Add(-freshLife)) {
			unused = append(unused, b)
		} else {
			kept = append(kept, b)
		}
	}
	p.blocks = kept
	return unused
}

// empty removes all permits.
func (p *purse) empty() []pacing.Block {
	all := p.blocks
	p.blocks = nil
	return all
}

// after is a block without its first n permits.
func after(b pacing.Block, n int) pacing.Block {
	b.First, b.N = b.Slot(n), b.N-n
	return b
}

// lapsed reports whether permit i of a block is over: a refusal since, or too
// much time, ends it. version is that of the pace now.
func lapsed(b pacing.Block, i, version int, now time.Time) bool {
	if b.Probe {
		return now.After(b.Slot(i).Add(knockLife))
	}
	return b.Version < version || now.After(b.Slot(i).Add(permitLife))
}
