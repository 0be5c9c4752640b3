package delivery

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/postgres/pgtest"
	"github.com/headwaymail/headway/pacing"
)

// victimVariable turns this test program into a node that is there to be killed;
// its value is a database and a provider in it.
const victimVariable = "HEADWAY_TEST_VICTIM"

// lonely is a broker with one gate and no engine around it.
func lonely(store *postgres.Store, node, source int64, provider postgres.Provider, start float64) (*broker, *gate) {
	e := &Engine{clock: newClock(time.Now, time.Time{}), node: node, source: source, log: slog.New(slog.DiscardHandler), most: 8, wake: make(chan struct{}, 1),
		admission: newAdmission(1),
		drain:     make(chan struct{}), profile: func(string) pacing.Profile { return pacing.Profile{Start: start} }}
	e.broker = &broker{store: store, source: source, node: node, log: e.log, wake: make(chan struct{}, 1), now: e.clock.now,
		scarce: e.admission.crowded, held: func(context.Context, string, postgres.Provider, pacing.Decision) {}, gates: make(map[int64]*gate)}
	g := newGate(e, provider)
	e.broker.gates[provider.ID] = g
	g.turns.update([]postgres.Due{{Campaign: 1, Provider: provider.ID, At: time.Now(), Waiting: 1 << 20, Weight: 4, Launched: time.Now()}})
	return e.broker, g
}

// introduce makes a source and a provider.
func introduce(t *testing.T, store *postgres.Store) (source, provider int64) {
	t.Helper()
	source, err := store.EnsureSource(t.Context(), "127.0.0.1", "mail.sender.test")
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Pool().QueryRow(t.Context(), `insert into providers (key, name) values ('a.test', 'a.test') returning id`).Scan(&provider); err != nil {
		t.Fatal(err)
	}
	return source, provider
}

// victim sends nothing to nobody as fast as it may, and says on its output which
// slots it has used. Each counts as an accepted message.
func victim(url, provider string) error {
	ctx := context.Background()
	store, err := postgres.Open(ctx, url, 4)
	if err != nil {
		return err
	}
	id, err := strconv.ParseInt(provider, 10, 64)
	if err != nil {
		return err
	}
	b, g := lonely(store, 1, 1, postgres.Provider{ID: id, Name: "a.test"}, 60)
	go b.run(ctx)
	g.enter(0)
	for {
		p, ok := g.acquire(ctx, 0, chunkLimit, time.Minute)
		if !ok {
			continue
		}
		for i := range p.block.N {
			time.Sleep(time.Until(p.at(i)))
			fmt.Println(p.at(i).UnixNano())
			g.report(happening{Event: pacing.Event{Kind: pacing.Accepted, At: time.Now(), Launched: time.Now().Add(-10 * time.Millisecond), Lanes: 1}})
		}
	}
}

// A node that is killed loses nothing that matters: permits that it has used
// are granted to nobody again, and of what it counted less than a hundredth of a
// minute's mail is missing.
func TestKilledNode(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	url := pgtest.Database(t, postgres.Migrate, postgres.MigrationsFingerprint())
	store, err := postgres.Open(ctx, url, 4)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	source, provider := introduce(t, store)
	if source != 1 {
		t.Fatalf("the source is %d; the victim believes that it is 1", source)
	}
	command := exec.CommandContext(ctx, os.Args[0])
	command.Env = append(os.Environ(), victimVariable+"="+url+" "+strconv.FormatInt(provider, 10))
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	var used []time.Time
	for lines := bufio.NewScanner(out); lines.Scan(); { // to its end: what was said before the kill counts
		at, err := strconv.ParseInt(strings.TrimSpace(lines.Text()), 10, 64)
		if err != nil {
			continue // what the test framework may say
		}
		used = append(used, time.Unix(0, at))
		if len(used) == 1 {
			defer time.AfterFunc(7*time.Second, func() { _ = command.Process.Kill() }).Stop()
		}
	}
	_ = command.Wait() // it was killed
	if len(used) < 100 {
		t.Fatalf("the victim used only %d permits", len(used))
	}

	b, g := lonely(store, 2, source, postgres.Provider{ID: provider, Name: "a.test"}, 60)
	g.enter(0)
	if err := b.round(ctx, true); err != nil {
		t.Fatal(err)
	}
	lost := len(used) - int(g.own.state.Total)
	perMinute := g.own.pace.Rate * 60
	t.Logf("%d permits were used at up to %.0f/s; %d acceptances are lost, %.2f %% of a minute's", len(used), g.own.pace.Rate, lost, 100*float64(lost)/perMinute)
	if lost < 0 || float64(lost) > 0.01*perMinute {
		t.Errorf("of %d acceptances %d are lost; want at most %.0f", len(used), lost, 0.01*perMinute)
	}
	if g.own.permits.count() == 0 {
		t.Fatal("the next node got no permits")
	}
	last := used[0]
	for _, at := range used {
		if at.After(last) {
			last = at
		}
	}
	if first := g.own.permits.blocks[0].First; !first.After(last) {
		t.Errorf("the slot of %s was granted again: the killed node had used those up to %s", first, last)
	}
}

// A server that was cut off forgets its last rounds. What they granted is not
// granted again.
func TestForgottenRounds(t *testing.T) {
	t.Parallel()
	for _, start := range []float64{100, 10, 3} {
		t.Run(fmt.Sprintf("%.0f a second", start), func(t *testing.T) {
			t.Parallel()
			e := &envelope{}
			now := noon
			row := postgres.PaceRow{Version: 1, Up: 1000, State: stateOf(t, pacing.Profile{Start: start}, now)}
			in := intake{node: 1, now: now, waiting: 1000, sending: true, claim: claim{want: 4, used: 1}}
			granted := make(map[time.Time]bool)
			round := func() (pacing.Block, *outlook) {
				in.now = now
				o, err := e.meet(row, in)
				if err != nil {
					t.Fatal(err)
				}
				e.adopt(o, now)
				e.permits.empty()
				return o.granted, o
			}
			remember := func(b pacing.Block) {
				for i := range b.N {
					if granted[b.Slot(i)] {
						t.Errorf("the slot of %s was granted twice", b.Slot(i))
					}
					granted[b.Slot(i)] = true
				}
			}
			keep := func(o *outlook) {
				row.State, row.Shared, row.Slot, row.PermitVersion = nil, o.change.Shared, o.change.Slot, o.change.PermitVersion
				row.Version = o.version
			}
			for range 5 {
				b, o := round()
				remember(b)
				keep(o)
				now = now.Add(roundEvery)
			}
			state, flushed := e.state, row // what the server will remember
			for range 2 {
				b, o := round()
				remember(b)
				keep(o)
				now = now.Add(roundEvery / 2)
			}
			crash := now
			row = flushed
			e = &envelope{} // another node, which knows nothing
			row.State = marshal(t, *state)
			for up := 300 * time.Millisecond; up < 2*time.Second; up += roundEvery {
				now = crash.Add(up)
				row.Up = up.Seconds()
				b, o := round()
				if up < settleTime && b.N > 0 {
					t.Errorf("permits were granted %s after the start", up)
				}
				if b.Interval <= horizon { // slower ones are committed durably
					remember(b)
				}
				keep(o)
				row.State = nil
			}
		})
	}
}

func stateOf(t *testing.T, p pacing.Profile, now time.Time) []byte {
	t.Helper()
	return marshal(t, pacing.New(p, now))
}

func marshal(t *testing.T, s pacing.State) []byte {
	t.Helper()
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
