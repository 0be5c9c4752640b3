package cli

import (
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
)

const (
	// heapRoom is what the heap of a server may always grow to before it is
	// collected. Little in it lives long: 8 MB where all mail goes to one relay, some
	// 15 MB where it goes to 2,000 domains. Collected whenever that little has grown
	// by half, it would cost a quarter of the processor's time. The program's own
	// pages, stacks and what the collector needs come to 50 MB, so that a server
	// stays below 100 MB.
	heapRoom = 36 << 20
	// heapStep is by how much a heap may always grow beyond what lives in it. With
	// the paces of 4,000 providers in memory the room was nearly full of what lives,
	// and pages that look at all of them collected once each: two fifths of their
	// processor time.
	heapStep = 16 << 20
	// collectAt is by how many percent a heap that needs more may grow: a small
	// machine has to keep that for it.
	collectAt = 20
)

// heapKeeper sets, after each collection, when the next one begins.
type heapKeeper struct {
	percent int // in force
	ended   atomic.Bool
}

// keepHeap begins to do so, until its end is called.
func keepHeap() (end func()) {
	k := &heapKeeper{}
	before := debug.SetGCPercent(collectAt)
	k.await()
	return func() {
		k.ended.Store(true)
		debug.SetGCPercent(before)
	}
}

// await makes the next collection call back: it finds something that nobody holds.
func (k *heapKeeper) await() {
	runtime.AddCleanup(&struct{ of *heapKeeper }{}, (*heapKeeper).collected, k)
}

func (k *heapKeeper) collected() {
	if k.ended.Load() {
		return
	}
	found := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"}}
	metrics.Read(found)
	percent := collectPercent(found[0].Value.Uint64(), found[1].Value.Uint64()+found[2].Value.Uint64())
	if percent != k.percent {
		k.percent = percent
		debug.SetGCPercent(percent)
	}
	k.await()
}

// collectPercent is by how many percent a heap of which live bytes live may grow.
// The collector counts stacks and globals as well.
func collectPercent(live, others uint64) int {
	room := math.Max(heapRoom-float64(live), heapStep) / math.Max(float64(live+others), 1) * 100
	return int(min(max(room, collectAt), 1000)/10) * 10 // in steps: setting it stops the world
}
