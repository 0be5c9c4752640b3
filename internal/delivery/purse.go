package delivery

import (
	"time"

	"github.com/headwaymail/headway/pacing"
)

const (
	// permitLife is how long after its time a permit may still be used.
	permitLife = 1500 * time.Millisecond
	// knockLife is the same for the half-open permit of a hold. The pacer
	// grants another after two minutes.
	knockLife = 90 * time.Second
	// chunkLimit bounds a claim.
	chunkLimit = 200
)

// purse holds the permits of one stream that a node has in hand.
type purse struct{ blocks []pacing.Block }

func (p *purse) add(b pacing.Block) {
	if b.N > 0 {
		p.blocks = append(p.blocks, b)
	}
}

// count returns the number of permits.
func (p *purse) count() int {
	n := 0
	for _, b := range p.blocks {
		n += b.N
	}
	return n
}

// take removes the first permits, at most a number and those of one block.
func (p *purse) take(most int) pacing.Block {
	if len(p.blocks) == 0 || most < 1 {
		return pacing.Block{}
	}
	part := p.blocks[0]
	part.N = min(most, part.N)
	if rest := after(p.blocks[0], part.N); rest.N > 0 {
		p.blocks[0] = rest
	} else {
		p.blocks = p.blocks[1:]
	}
	return part
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
