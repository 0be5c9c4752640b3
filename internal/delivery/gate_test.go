package delivery

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/pacing"
)

// bareGate is a gate without a broker, whose rounds never come.
func bareGate(lanes int) *gate {
	g := &gate{now: time.Now, kick: func() {}, wake: func() {}, spare: func() int { return 1 }, scarce: func() bool { return false }, drain: make(chan struct{}), news: make(chan struct{}),
		own: &envelope{}, domains: make(map[string]*envelope), content: make(contentWatch), lanes: make(map[int]bool),
		allowed: lanes, atOnce: 1, met: time.Now().Add(time.Hour), seated: true}
	for slot := range lanes {
		g.lanes[slot] = true
	}
	return g
}

func (g *gate) grant(blocks ...pacing.Block) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, b := range blocks {
		g.own.permits.add(b)
	}
	close(g.news)
	g.news = make(chan struct{})
}

// However lanes take permits and give them back, never is more sent than was
// granted, and each slot at most once.
func TestPermitsAreSentOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		g := bareGate(rapid.IntRange(1, 8).Draw(t, "lanes"))
		granted, sent := make(map[time.Time]int), make(map[time.Time]int)
		next := noon
		var held []permit
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 2).Draw(t, "step") {
			case 0:
				b := pacing.Block{First: next, Interval: time.Millisecond, N: rapid.IntRange(1, 300).Draw(t, "n")}
				for i := range b.N {
					granted[b.Slot(i)]++
				}
				next = b.Slot(b.N)
				g.grant(b)
			case 1:
				if p, _, ok := g.tryAcquire(0, chunkLimit, 0, noon); ok {
					if p.block.N < 1 || p.block.N > chunkLimit {
						t.Fatalf("a lane got %d permits", p.block.N)
					}
					held = append(held, p)
				}
			case 2:
				if len(held) == 0 {
					continue
				}
				p := held[0]
				held = held[1:]
				n := rapid.IntRange(0, p.block.N).Draw(t, "used")
				for i := range n {
					sent[p.at(i)]++
				}
				p.giveBack(n)
			}
		}
		left := make(map[time.Time]int)
		for _, p := range held {
			g.grant(p.block)
		}
		for _, b := range g.own.permits.blocks {
			for i := range b.N {
				left[b.Slot(i)]++
			}
		}
		for slot, n := range granted {
			if sent[slot]+left[slot] != n {
				t.Fatalf("slot %s was granted %d times, sent %d, and is left %d times", slot, n, sent[slot], left[slot])
			}
		}
		for slot := range sent {
			if granted[slot] == 0 {
				t.Fatalf("slot %s was sent and never granted", slot)
			}
		}
	})
}

func TestPermitsLapse(t *testing.T) {
	t.Parallel()
	second := pacing.Block{First: noon, Interval: time.Second, N: 10, Version: 3}
	probe := pacing.Block{First: noon, N: 1, Probe: true, Version: 3}
	tests := []struct {
		name    string
		block   pacing.Block
		version int // of the pace
		after   time.Duration
		want    int // permits that are left
	}{
		{"at once", second, 3, 0, 10},
		{"just within their life", second, 3, permitLife, 10},
		{"the first one's life is over", second, 3, permitLife + 1, 9},
		{"four are over", second, 3, permitLife + 3*time.Second + 1, 6},
		{"all are over", second, 3, time.Minute, 0},
		{"a refusal ended them", second, 4, 0, 0},
		{"cut after the refusal that we heard of", second, 2, 0, 10},
		{"a probe is patient", probe, 3, knockLife, 1},
		{"a probe survives the news that it causes", probe, 9, 0, 1},
		{"a probe ends too", probe, 3, knockLife + 1, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := bareGate(1)
			g.own.pace.Version = tt.version
			g.grant(tt.block)
			g.own.drop(noon.Add(tt.after))
			if left := g.own.permits.count(); left != tt.want {
				t.Errorf("%d permits are left; want %d", left, tt.want)
			}
			if p := (permit{block: tt.block, gate: g}); p.valid(0, noon.Add(tt.after)) != (tt.want == tt.block.N) {
				t.Errorf("the first in hand is valid: %v", p.valid(0, noon.Add(tt.after)))
			}
		})
	}
}

// A lane waits for permits as long as it was told, and no longer than the node
// works.
func TestAcquireWaits(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		does func(g *gate, drain chan struct{}, cancel func())
		ok   bool
		took time.Duration
	}{
		{"nothing comes", func(*gate, chan struct{}, func()) {}, false, permitWait},
		{"permits come", func(g *gate, _ chan struct{}, _ func()) { g.grant(pacing.Block{First: time.Now(), N: 1}) }, true, time.Second},
		{"news without permits", func(g *gate, _ chan struct{}, _ func()) { g.grant() }, false, permitWait},
		{"the job is cancelled", func(_ *gate, _ chan struct{}, cancel func()) { cancel() }, false, time.Second},
		{"the node drains", func(_ *gate, drain chan struct{}, _ func()) { close(drain) }, false, time.Second},
		{"the lane is one too many", func(g *gate, _ chan struct{}, _ func()) {
			g.mu.Lock()
			g.allowed = 1
			g.mu.Unlock()
			g.grant()
		}, false, time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, drain := bareGate(2), make(chan struct{})
				g.drain = drain
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				var wait sync.WaitGroup
				wait.Go(func() {
					time.Sleep(time.Second)
					tt.does(g, drain, cancel)
				})
				began := time.Now()
				_, ok := g.acquire(ctx, 1, chunkLimit, permitWait)
				if took := time.Since(began); ok != tt.ok || took != tt.took {
					t.Errorf("got %v after %s; want %v after %s", ok, took, tt.ok, tt.took)
				}
				wait.Wait()
			})
		})
	}
}

// A lane that has nothing to do keeps its place only while the node has others.
func TestIdleLanesMakeRoom(t *testing.T) {
	t.Parallel()
	mail := []postgres.Due{{Campaign: 1, Provider: 1, At: noon, Waiting: 5}}
	tests := []struct {
		name  string
		due   []postgres.Due
		bare  int // deliveries in hand without a permit
		spare int // lanes that the node could still run
		rests bool
		wants bool
	}{
		{name: "nothing is due, and there is no other lane", wants: false},
		{name: "nothing is due, and there are other lanes", spare: 1, wants: true},
		{name: "mail is due", due: mail, wants: true},
		{name: "the campaign rests for a moment", due: mail, rests: true, wants: true},
		{name: "a claim waits for permits", bare: 3, wants: true},
		{name: "the next mail is due later", due: []postgres.Due{{Campaign: 1, Provider: 1, At: noon.Add(time.Minute), Waiting: 5}}, wants: false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := bareGate(1)
			g.spare, g.bare = func() int { return tt.spare }, tt.bare
			g.turns.update(tt.due)
			if tt.rests {
				g.turns.pause(1, noon.Add(time.Second))
			}
			if _, news, ok := g.tryAcquire(0, 1, 0, noon); ok || (news != nil) != tt.wants {
				t.Errorf("permit %v, waits %v; want it to wait: %v", ok, news != nil, tt.wants)
			}
		})
	}
}

func TestMayOpen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := bareGate(3)
		g.allowed = 2
		first := g.mayOpen(t.Context(), time.Second)
		if first == nil {
			t.Fatal("the first connection may not be opened")
		}
		if g.mayOpen(t.Context(), time.Second) != nil {
			t.Error("two are opening at once")
		}
		first.end(true)
		second := g.mayOpen(t.Context(), time.Second)
		if second == nil {
			t.Fatal("the second connection may not be opened")
		}
		second.end(true)
		if g.mayOpen(t.Context(), time.Second) != nil {
			t.Error("a third connection may be opened")
		}
		g.closed()
		g.own.pace.OpenAfter = time.Now().Add(300 * time.Millisecond)
		began := time.Now()
		third := g.mayOpen(t.Context(), time.Second)
		if third == nil || time.Since(began) != 300*time.Millisecond {
			t.Fatalf("the next one opened after %s; want 300 ms", time.Since(began))
		}
		third.end(false)
		if g.open != 1 || g.opening != 0 {
			t.Errorf("%d are open and %d opening", g.open, g.opening)
		}
		g.mayOpen(t.Context(), time.Second).end(true)
		g.closed()
		began = time.Now()
		if g.mayOpen(t.Context(), time.Second) == nil || time.Since(began) <= goingFor {
			t.Errorf("one took the place of another %s after its goodbye; servers count it for a while", time.Since(began))
		}
	})
}

// The engine's clock is not the machine's: a place is free after the same while when
// they differ by an hour.
func TestMayOpenByItsOwnClock(t *testing.T) {
	t.Parallel()
	for _, apart := range []time.Duration{-time.Hour, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			g := bareGate(1)
			g.now = func() time.Time { return time.Now().Add(apart).Round(0) }
			g.met = g.now()
			g.mayOpen(t.Context(), time.Second).end(true)
			g.closed()
			began := time.Now()
			if g.mayOpen(t.Context(), time.Second) == nil || time.Since(began) > 2*goingFor {
				t.Errorf("with clocks %s apart, a place is free after %s", apart, time.Since(began))
			}
		})
	}
}

// A server that keeps its greeting to itself holds up one lane, not all.
func TestSlowOpeningHoldsUpNobody(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		ok   bool
		open int
	}{{"it opens at last", true, 2}, {"it fails at last", false, 1}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g := bareGate(3)
				g.allowed = 2
				slow := g.mayOpen(t.Context(), time.Second)
				next := g.mayOpen(t.Context(), slowOpening+time.Second)
				if slow == nil || next == nil {
					t.Fatal("nobody may open while a server is slow")
				}
				next.end(true)
				if g.mayOpen(t.Context(), time.Second) != nil {
					t.Error("a slow opening has no place")
				}
				slow.end(tt.ok)
				if g.open != tt.open || g.opening != 0 {
					t.Errorf("%d are open and %d opening, want %d and 0", g.open, g.opening, tt.open)
				}
			})
		})
	}
}

func TestEnter(t *testing.T) {
	t.Parallel()
	g := bareGate(0)
	if !g.enter(1) || g.enter(1) || !g.enter(2) {
		t.Error("a slot runs twice, or another does not run")
	}
	g.leave(1, 0)
	if !g.enter(1) {
		t.Error("a slot that was left cannot be entered")
	}
}

// A permit that would lapse before its message is ready is not begun with; what
// of it will still be valid goes to whoever asks next.
func TestNearlyLapsedPermitsAreLeftOut(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		late  time.Duration // of the first of four slots, 100 ms apart
		fresh bool
		left  int // permits given back
	}{
		{"in time", 0, true, 0},
		{"late, with time enough", permitLife - claimTakes, true, 0},
		{"the first would lapse", permitLife - claimTakes + 50*time.Millisecond, false, 3},
		{"all would", permitLife + time.Second, false, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := bareGate(1)
			p := permit{gate: g, block: pacing.Block{First: noon, Interval: 100 * time.Millisecond, N: 4}}
			fresh := p.fresh(noon.Add(tt.late))
			left := g.own.permits.count()
			if fresh != tt.fresh || left != tt.left {
				t.Errorf("fresh %t and %d given back, want %t and %d", fresh, left, tt.fresh, tt.left)
			}
		})
	}
}

// A lane that would get a few permits, as most have been due for a while, waits for
// fresh ones; where few are wanted, or it is time itself that makes them few, it
// takes what there is.
func TestStalePermitsAreRenewed(t *testing.T) {
	t.Parallel()
	plenty := pacing.Block{First: noon, Interval: time.Microsecond, N: 100}
	tests := []struct {
		name  string
		block pacing.Block
		most  int
		after time.Duration
		got   int // permits; 0: it waits for others
	}{
		{"fresh", plenty, 80, freshLife / 2, 50},
		{"due for a while", plenty, 80, 2 * freshLife, 0},
		{"due for a while, and few are wanted", plenty, 3, 2 * freshLife, 1},
		{"over", plenty, 80, 2 * permitLife, 0},
		{"one by one", pacing.Block{First: noon, Interval: freshLife, N: 20}, 80, 2 * freshLife, 10},
		{"a probe", pacing.Block{First: noon, N: 1, Probe: true}, 80, 2 * freshLife, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := bareGate(2)
			g.met = noon // by the round that granted them
			g.grant(tt.block)
			p, news, ok := g.tryAcquire(0, tt.most, 0, noon.Add(tt.after))
			if p.block.N != tt.got || ok != (tt.got > 0) || ok == (news != nil) {
				t.Fatalf("got %d permits (%v); want %d", p.block.N, ok, tt.got)
			}
			back := 0
			for _, b := range g.own.unused {
				back += b.N
			}
			if !ok && (back != tt.block.N || !g.urgent) {
				t.Errorf("%d permits go back, urgent is %v; want all %d at once", back, g.urgent, tt.block.N)
			}
		})
	}
}
