package postgres

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/listhygiene/bounce"
)

// walker takes one campaign through random steps.
type walker struct {
	*world
	r        *rapid.T
	id       int64
	provider int64
	contacts []int64
	held     map[int64][]Claimed // node → what it claimed and has not recorded
	lost     []lost              // claims of nodes that were buried
	received map[int64]bool      // contacts that a server accepted for, whether recorded or not
}

// lost is what a node had claimed that was buried since.
type lost struct {
	Claimed
	node int64
}

// Whatever happens to a campaign, and in whatever order, after each step its
// counters say what the ledger holds, and what a server accepted is in the end
// called delivered.
func TestLedgerWalk(t *testing.T) {
	t.Parallel()
	base := newWorld(t)
	base.crowd("Crowd", 1, "a.test", "b.test")
	base.look("a.test", "shared")
	base.look("b.test", "shared")
	provider := base.provider("shared")
	round := 0
	rapid.Check(t, func(r *rapid.T) {
		round++
		w := &walker{world: &world{Store: base.Store, t: r, now: noon}, r: r, provider: provider,
			held: make(map[int64][]Claimed), received: make(map[int64]bool)}
		w.prepare(fmt.Sprintf("Round %d", round))
		steps := []func(){w.fillSome, w.claimSome, w.claimSome, w.recordOne, w.recordOne, w.recordOne, w.giveBack, w.expireSome,
			w.pauseOrResume, w.leave, w.bury, w.recordLate, w.sweep, w.later, w.cancel, w.count}
		for range rapid.IntRange(4, 16).Draw(r, "steps") {
			steps[rapid.IntRange(0, len(steps)-1).Draw(r, "step")]()
			w.balanced()
		}
		w.finish()
	})
}

// prepare makes a list of six contacts at two domains and a campaign to it.
func (w *walker) prepare(list string) {
	var names []string
	for n := range 6 {
		names = append(names, fmt.Sprintf("%d@%s", rand.Int64(), []string{"a.test", "b.test"}[n%2]))
	}
	w.contacts = w.join(list, names...)
	w.id = w.draft(list)
	w.change(w.id, campaign.Launch)
	w.must(w.OpenLedger(context.Background(), w.id, w.now))
	w.exec(`update campaigns set launch_cursor = $2 where id = $1`, w.id, w.contacts[0]-1) // spares the walk the earlier rounds
}

func (w *walker) fillSome() {
	_, err := w.LaunchBatch(context.Background(), w.id, rapid.IntRange(1, 4).Draw(w.r, "batch"), w.now)
	w.must(err)
}

func (w *walker) claimSome() {
	node := int64(rapid.IntRange(1, 2).Draw(w.r, "node"))
	w.held[node] = append(w.held[node], w.claim(w.id, w.provider, node, rapid.IntRange(1, 3).Draw(w.r, "limit"))...)
}

// take removes the first that a node holds.
func (w *walker) take() (Claimed, bool) {
	for _, node := range []int64{1, 2} {
		if held := w.held[node]; len(held) > 0 {
			w.held[node] = held[1:]
			return held[0], true
		}
	}
	return Claimed{}, false
}

// outcome draws what came of an attempt.
func (w *walker) outcome(d Claimed) Outcome {
	switch rapid.IntRange(0, 4).Draw(w.r, "outcome") {
	case 0, 1:
		w.received[d.Contact] = true
		return w.accepted(d, w.provider)
	case 2:
		return w.refused(d, w.provider, campaign.Deferred, 452, "full")
	case 3:
		w.received[d.Contact] = w.received[d.Contact] || rapid.Bool().Draw(w.r, "received")
		return w.doubted(d, w.provider)
	}
	o := w.refused(d, w.provider, campaign.Bounced, 550, "no such user")
	if rapid.Bool().Draw(w.r, "suppress") {
		o.Address = bounce.Effect{Kind: bounce.Suppress}
	}
	return o
}

func (w *walker) recordOne() {
	if d, ok := w.take(); ok {
		w.keep(w.outcome(d))
	}
}

// giveBack ends a claim with what it still holds.
func (w *walker) giveBack() {
	d, ok := w.take()
	if !ok {
		return
	}
	for node, held := range w.held {
		w.held[node] = slices.DeleteFunc(held, func(other Claimed) bool { return other.Epoch == d.Epoch })
	}
	w.must(w.Release(context.Background(), d.Epoch))
}

func (w *walker) recordLate() {
	if len(w.lost) > 0 {
		late := w.lost[0]
		w.lost = w.lost[1:]
		o := w.outcome(late.Claimed)
		o.Node = late.node
		w.keep(o)
	}
}

// keep records an outcome that is counted some steps later.
func (w *walker) keep(o Outcome) { w.must(w.Record(context.Background(), []Outcome{o})) }

func (w *walker) count() { w.must(w.Count(context.Background())) }

func (w *walker) expireSome() {
	_, err := w.ExpireBatch(context.Background(), w.id, w.now.Add(-time.Hour), 2, w.now)
	w.must(err)
}

func (w *walker) pauseOrResume() {
	for _, verb := range []campaign.Verb{campaign.Pause, campaign.Resume} {
		if _, err := w.ChangeCampaign(context.Background(), w.id, Change{Verb: verb, At: w.now}, nil); err == nil {
			return
		}
	}
}

func (w *walker) leave() {
	contact := rapid.SampledFrom(w.contacts).Draw(w.r, "contact")
	_, _, err := w.Unsubscribe(context.Background(), Unsubscribe{Campaign: w.id, Contact: contact,
		Everywhere: rapid.Bool().Draw(w.r, "everywhere"), At: w.now})
	w.must(err)
}

// bury gives away what node 1 holds, as if it had died.
func (w *walker) bury() {
	ctx := context.Background()
	node, err := w.RegisterNode(ctx, "one", "", []string{"lanes"}, w.now)
	w.must(err)
	w.exec(`update claims set node_id = $1 where node_id = 1`, node)
	_, err = w.BuryNode(ctx, node, w.now, settle(w.world))
	w.must(err)
	for _, d := range w.held[1] {
		w.lost = append(w.lost, lost{d, node})
	}
	w.held[1] = nil
}

func (w *walker) sweep() {
	_, err := w.CancelBatch(context.Background(), w.id, 2, w.now)
	w.must(err)
}

func (w *walker) later() { w.now = w.now.Add(50 * time.Minute) }

func (w *walker) cancel() {
	if rapid.IntRange(0, 3).Draw(w.r, "really") == 0 {
		_, _ = w.ChangeCampaign(context.Background(), w.id, Change{Verb: campaign.Cancel, At: w.now}, nil) // or it is already
	}
}

// finish brings every delivery to its end, and compares the ledger with what
// servers accepted.
func (w *walker) finish() {
	ctx := context.Background()
	for _, node := range []int64{1, 2} {
		for _, d := range w.held[node] {
			w.record(w.accepted(d, w.provider))
			w.received[d.Contact] = true
		}
	}
	for _, d := range w.lost {
		o := w.accepted(d.Claimed, w.provider)
		o.Node = d.node
		w.record(o)
		w.received[d.Contact] = true
	}
	if c, err := w.Campaign(ctx, w.id); err == nil && c.State != campaign.Cancelled {
		w.change(w.id, campaign.Cancel)
	}
	_, err := w.CancelBatch(ctx, w.id, 100, w.now)
	w.must(err)
	if c := w.totals(w.id); c.Waiting() != 0 {
		w.t.Fatalf("not everything is final: %+v", c)
	}
	rows, err := w.pool.Query(ctx, `select contact_id, state::text, doubted from deliveries where campaign_id = $1`, w.id)
	w.must(err)
	var (
		contact int64
		state   campaign.DeliveryState
		doubted bool
	)
	_, err = pgx.ForEachRow(rows, []any{&contact, &state, &doubted}, func() error {
		accounted := state == campaign.Delivered || state == campaign.InDoubt || doubted
		if w.received[contact] && !accounted {
			return fmt.Errorf("a server accepted for contact %d, and the ledger says %s", contact, state)
		}
		if state == campaign.Delivered && !w.received[contact] && !doubted {
			return fmt.Errorf("no server accepted for contact %d, and the ledger says %s", contact, state)
		}
		return nil
	})
	w.must(err)
}
