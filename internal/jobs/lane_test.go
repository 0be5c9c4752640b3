package jobs

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/headwaymail/headway/internal/delivery"
	"github.com/headwaymail/headway/internal/postgres/pgtest"
	"github.com/headwaymail/headway/internal/postgres/storetest"
)

func TestMain(m *testing.M) {
	if url := os.Getenv(victimVariable); url != "" {
		beVictim(url)
		return
	}
	pgtest.Main(m)
}

// racesVariable names the environment variable with the number of inserts that
// are raced against completions; the full measure is 10000.
const racesVariable = "HEADWAY_LANE_RACES"

// mailbag is due mail by lane, and who carries it away.
type mailbag struct {
	mu      sync.Mutex
	due     map[delivery.Lane][]time.Time // since when each waits; guarded by mu
	running map[delivery.Lane]int         // guarded by mu
	carried int                           // guarded by mu
	longest time.Duration                 // that anything waited; guarded by mu
	doubled int                           // lanes that ran twice at once; guarded by mu
}

// RunLane carries away what is due, as a lane does: in a moment or two, and
// what falls due after its last look is left.
func (b *mailbag) RunLane(_ context.Context, lane delivery.Lane) error {
	b.mu.Lock()
	b.running[lane]++
	if b.running[lane] > 1 {
		b.doubled++
	}
	b.mu.Unlock()
	time.Sleep(time.Duration(rand.IntN(3)) * time.Millisecond)
	b.mu.Lock()
	now := time.Now()
	for _, since := range b.due[lane] {
		b.longest = max(b.longest, now.Sub(since))
		b.carried++
	}
	delete(b.due, lane)
	b.mu.Unlock()
	time.Sleep(time.Duration(rand.IntN(3)) * time.Millisecond) // mail of this moment meets a lane that is about to end
	b.mu.Lock()
	defer b.mu.Unlock()
	b.running[lane]--
	return nil
}

func (b *mailbag) put(lane delivery.Lane) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.due[lane] = append(b.due[lane], time.Now())
}

func (b *mailbag) waiting() []delivery.Lane {
	b.mu.Lock()
	defer b.mu.Unlock()
	lanes := make([]delivery.Lane, 0, len(b.due))
	for lane := range b.due {
		lanes = append(lanes, lane)
	}
	return lanes
}

// Mail falls due while its lane is about to end, thousands of times. An insert
// that comes too early is swallowed by the lane that still runs, but nothing is
// stranded: the next comparison of due mail with lanes finds it. No lane ever
// runs twice at once.
func TestLaneInsertsRaceCompletions(t *testing.T) {
	t.Parallel()
	races := 2000
	if text := os.Getenv(racesVariable); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("%s: %v", racesVariable, err)
		}
		races = n
	}
	const (
		writers = 4
		lanes   = 20
		tick    = time.Second     // of the reconciler
		slack   = 5 * time.Second // beside other work; what is stranded waits for hours
	)
	ctx := t.Context()
	store := storetest.Open(t, 12)
	bag := &mailbag{due: make(map[delivery.Lane][]time.Time), running: make(map[delivery.Lane]int)}
	queue, err := Start(ctx, store, Work{Node: 1, Lanes: bag}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := queue.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	}()

	reconciling, stop := context.WithCancel(ctx)
	var reconciler, inserting sync.WaitGroup
	reconciler.Go(func() {
		ticker := time.NewTicker(tick)
		defer ticker.Stop()
		for {
			select {
			case <-reconciling.Done():
				return
			case <-ticker.C:
			}
			if due := bag.waiting(); len(due) > 0 {
				if err := queue.AskForLanes(ctx, due); err != nil {
					t.Error(err)
				}
			}
		}
	})
	for range writers {
		inserting.Go(func() {
			for range races / writers {
				lane := delivery.Lane{Node: 1, Source: 1, Provider: int64(rand.IntN(lanes)), Slot: 0}
				bag.put(lane)
				if err := queue.AskForLanes(ctx, []delivery.Lane{lane}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	inserting.Wait()
	for deadline := time.Now().Add(tick + slack); len(bag.waiting()) > 0 && time.Now().Before(deadline); {
		time.Sleep(20 * time.Millisecond)
	}
	stop()
	reconciler.Wait()

	bag.mu.Lock()
	defer bag.mu.Unlock()
	if want := races / writers * writers; bag.carried != want || len(bag.due) > 0 {
		t.Errorf("of %d, %d were carried away; %d lanes are stranded", want, bag.carried, len(bag.due))
	}
	if bag.longest > tick+slack {
		t.Errorf("something waited for %s; the reconciler comes every %s", bag.longest, tick)
	}
	if bag.doubled > 0 {
		t.Errorf("%d times a lane ran while it ran already", bag.doubled)
	}
	t.Logf("%d inserts; the longest wait was %s", races, bag.longest.Round(time.Millisecond))
}

// A lane that failed comes back in a second, not in River's hours.
func TestSoon(t *testing.T) {
	t.Parallel()
	for attempt, want := range map[int]time.Duration{0: time.Second, 1: time.Second, 3: 3 * time.Second, 40: 5 * time.Second} {
		wait := time.Until(soon(attempt))
		if wait > want || wait < want-time.Second {
			t.Errorf("after attempt %d the wait is %s; want %s", attempt, wait, want)
		}
	}
}
