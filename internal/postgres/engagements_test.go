package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/campaign/engagement"
	"github.com/headwaymail/headway/listhygiene/segment"
)

// did is one thing that a reader did.
func did(campaign, contact int64, kind engagement.Kind, link int, rule engagement.Rule, at time.Time) Engagement {
	return Engagement{Touch: Touch{campaign, contact}, Kind: kind, Link: link, Rule: rule, Times: 1, First: at, Last: at}
}

// counted fails unless the sums say what the rows hold.
func (w *world) counted() {
	w.t.Helper()
	checked, err := w.Check(context.Background())
	w.must(err)
	if len(checked.Differences) > 0 {
		w.t.Fatalf("the sums differ from the rows: %+v", checked.Differences)
	}
}

func TestEngage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ids := w.join("Readers", "ana@a.test", "ben@a.test")
	id := w.launch("Readers")
	later := w.now.Add(time.Hour)
	w.must(w.Engage(t.Context(), []Engagement{
		did(id, ids[0], engagement.Click, 2, engagement.Person, w.now),
		did(id, ids[0], engagement.Click, 1, engagement.Person, later),
		did(id, ids[0], engagement.Click, 2, engagement.Person, later),
		did(id, ids[1], engagement.Click, 2, engagement.Scanner, w.now),
		did(id, ids[0], engagement.Open, 0, engagement.Proxy, w.now),
		did(id, 999, engagement.Click, 2, engagement.Person, w.now), // nobody
	}))
	w.must(w.Engage(t.Context(), []Engagement{did(id, ids[0], engagement.Click, 2, engagement.Person, later)}))
	sums, err := w.CampaignEngagement(t.Context(), id)
	w.must(err)
	want := []EngagementSum{
		{engagement.Click, 0, false, 1, 4}, {engagement.Click, 0, true, 1, 1},
		{engagement.Click, 1, false, 1, 1},
		{engagement.Click, 2, false, 1, 3}, {engagement.Click, 2, true, 1, 1},
		{engagement.Open, 0, true, 1, 1},
	}
	if diff := cmp.Diff(want, sums); diff != "" {
		t.Errorf("sums (-want +got):\n%s", diff)
	}
	w.counted()
	w.exec(`update engagements set times = times + 1 where link = 1`)
	if checked, err := w.Check(t.Context()); err != nil || len(checked.Differences) == 0 {
		t.Errorf("the recount finds no difference: %v", err)
	}
}

// Whatever is recorded, in whatever portions and by how many at once, the sums
// agree with the rows.
func TestEngagementsAddUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ids := w.join("Readers", "ana@a.test", "ben@a.test", "eve@a.test")
	id := w.launch("Readers")
	rapid.Check(t, func(t *rapid.T) {
		w.exec(`truncate engagements, campaign_engagement`)
		portions := rapid.SliceOfN(rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Engagement {
			e := did(id, rapid.SampledFrom(ids).Draw(t, "reader"), engagement.Open, 0,
				rapid.SampledFrom([]engagement.Rule{engagement.Person, engagement.Proxy}).Draw(t, "rule"), w.now)
			if rapid.Bool().Draw(t, "click") {
				e.Kind, e.Link = engagement.Click, rapid.IntRange(1, 3).Draw(t, "link")
			}
			return e
		}), 1, 8), 1, 6).Draw(t, "portions")
		var all sync.WaitGroup
		failed := make([]error, len(portions))
		for i, portion := range portions {
			all.Go(func() { failed[i] = w.Engage(context.Background(), portion) })
		}
		all.Wait()
		if err := errors.Join(failed...); err != nil {
			t.Fatal(err)
		}
		w.counted()
		var times int64
		for _, portion := range portions {
			for _, e := range portion {
				if e.Kind == engagement.Click {
					times++
				}
			}
		}
		if got := one[int64](w, `select coalesce(sum(times), 0) from campaign_engagement where kind = 'click' and link = 0`); got != times {
			t.Fatalf("%d clicks are counted, want %d", got, times)
		}
	})
}

func TestErasureForgetsWhatTheyDid(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ids := w.join("Readers", "ana@a.test", "ben@a.test")
	id := w.launch("Readers")
	both := []Engagement{did(id, ids[0], engagement.Click, 1, engagement.Person, w.now), did(id, ids[1], engagement.Click, 1, engagement.Person, w.now)}
	w.must(w.Engage(t.Context(), both))
	w.must(w.Erase(t.Context(), Erasure{Key: "ana@a.test", Address: "ana@a.test", Hashes: [][]byte{[]byte("x")}, At: w.now}))
	w.must(w.Engage(t.Context(), both)) // what was on its way when she was erased
	if n := one[int](w, `select count(*) from engagements where contact_id = $1`, ids[0]); n != 0 {
		t.Errorf("%d rows say what an erased person did", n)
	}
	if n := one[int64](w, `select readers from campaign_engagement where link = 1`); n != 1 {
		t.Errorf("%d readers are counted, want 1", n)
	}
	w.counted()
}

func TestHanded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ids := w.join("Readers", "ana@a.test", "ben@a.test", "eve@a.test")
	id := w.launch("Readers")
	w.exec(`update deliveries set state = 'delivered', updated_at = $2 where contact_id = $1`, ids[0], w.now)
	w.exec(`update deliveries set doubted = true where contact_id = $1`, ids[2])
	got, err := w.Handed(t.Context(), []Touch{{id, ids[0]}, {id, ids[1]}, {id, ids[2]}, {id, 999}, {999, ids[0]}})
	w.must(err)
	if one, other := got[Touch{id, ids[0]}], got[Touch{id, ids[2]}]; len(got) != 2 || !one.Accepted.Equal(w.now) || one.Doubted ||
		!other.Accepted.IsZero() || !other.Doubted {
		t.Errorf("got %v", got)
	}
}

func TestLinksKeepTheirNumbers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.launchedWithLinks()
	const a, b, c = "https://a.test/", "https://b.test/?x=1&y='2'", "https://c.test/"
	var all sync.WaitGroup // several nodes begin at once
	for range 4 {
		all.Go(func() {
			numbers, err := w.LinkNumbers(t.Context(), id, []string{a, b})
			if err != nil || !slices.Equal(numbers, []int{1, 2}) {
				t.Errorf("%v %v", numbers, err)
			}
		})
	}
	all.Wait()
	numbers, err := w.LinkNumbers(t.Context(), id, []string{c, b, c})
	if w.must(err); !slices.Equal(numbers, []int{3, 2, 3}) {
		t.Errorf("numbers %v, want 3, 2 and 3", numbers)
	}
	if url, err := w.Link(t.Context(), id, 2); err != nil || url != b {
		t.Errorf("link 2 leads to %q, %v", url, err)
	}
	for _, wrong := range [][2]int64{{id, 4}, {id, 0}, {id + 1, 1}, {id, -1}} {
		if _, err := w.Link(t.Context(), wrong[0], wrong[1]); !errors.Is(err, ErrNotFound) {
			t.Errorf("link %v: %v", wrong, err)
		}
	}
}

func (w *world) launchedWithLinks() int64 {
	w.t.Helper()
	w.join("Readers", "ana@a.test")
	return w.launch("Readers")
}

func TestSegmentsOfEngagement(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ids := w.join("Readers", "ana@a.test", "ben@a.test", "eve@a.test")
	id := w.launch("Readers")
	ago := func(days int) time.Time { return w.now.AddDate(0, 0, -days) }
	w.must(w.Engage(t.Context(), []Engagement{
		did(id, ids[0], engagement.Click, 1, engagement.Person, ago(10)), // Ana clicked lately
		did(id, ids[1], engagement.Click, 1, engagement.Person, ago(100)),
		did(id, ids[1], engagement.Click, 1, engagement.Scanner, ago(1)), // no sign of life
		did(id, ids[2], engagement.Open, 0, engagement.Person, ago(1)),
		did(id, ids[0], engagement.Open, 0, engagement.AppleMPP, ago(1)),
	}))
	for _, test := range []struct {
		subject segment.Subject
		op      segment.Operator
		want    string
	}{
		{segment.Clicked, segment.Within, "[ana@a.test]"},
		{segment.Clicked, segment.NotWithin, "[ben@a.test eve@a.test]"},
		{segment.Opened, segment.Within, "[eve@a.test]"},
		{segment.Opened, segment.NotWithin, "[ana@a.test ben@a.test]"},
	} {
		rule := segment.Segment{Group: segment.Group{Match: segment.All, Conditions: []segment.Condition{{Subject: test.subject, Op: test.op, Value: "90"}}}}
		found, err := w.SegmentFirst(t.Context(), rule, w.now)
		w.must(err)
		var who []string
		for _, f := range found {
			who = append(who, f.Address)
		}
		if got := fmt.Sprint(who); got != test.want {
			t.Errorf("%s: %s, want %s", rule.Words(), got, test.want)
		}
	}
}

// The timeline has a line for each attempt that did not end in an acceptance and one
// for what the delivery came to, each with the server's words, once.
func TestTimelineTellsEachAttemptOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ids := w.join("Readers", "a@a.test")
	id := w.launch("Readers")
	provider := w.at("a.test")
	w.record(w.refused(w.claim(id, provider, 1, 1)[0], provider, campaign.Deferred, 452, "mailbox full"))
	w.now = w.now.Add(time.Hour)
	w.record(w.refused(w.claim(id, provider, 1, 1)[0], provider, campaign.Bounced, 550, "no such user"))
	p, err := w.Person(context.Background(), "a@a.test", 20)
	w.must(err)
	var got []string
	for _, e := range p.Timeline {
		got = append(got, e.What+": "+e.Reply)
	}
	if want := []string{"bounced: 550 no such user", "deferred: 452 mailbox full"}; p.ID != ids[0] || !slices.Equal(got, want) {
		t.Errorf("the timeline says %q; want %q", got, want)
	}
}

func TestTimelineShowsWhatTheyDid(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ids := w.join("Readers", "ana@a.test")
	id := w.launch("Readers")
	_, err := w.LinkNumbers(t.Context(), id, []string{"https://a.test/"})
	w.must(err)
	w.must(w.Engage(t.Context(), []Engagement{
		did(id, ids[0], engagement.Click, 1, engagement.Person, w.now.Add(3*time.Hour)),
		did(id, ids[0], engagement.Open, 0, engagement.Person, w.now.Add(2*time.Hour)),
		did(id, ids[0], engagement.Click, 1, engagement.Scanner, w.now.Add(time.Hour)),
	}))
	p, err := w.Person(t.Context(), "ana@a.test", 10)
	w.must(err)
	var got []string
	for _, e := range p.Timeline[:3] {
		got = append(got, e.What+" "+e.Reply)
	}
	if diff := cmp.Diff([]string{"clicked https://a.test/", "opened ", "program_clicked scanner"}, got); diff != "" {
		t.Errorf("timeline (-want +got):\n%s", diff)
	}
}

// Whoever uses a link has got the message: no second copy goes out.
func TestUsingALinkEndsDoubt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ids := w.join("Readers", "ana@a.test", "ben@a.test")
	id := w.launch("Readers")
	w.exec(`update deliveries set doubted = true, attempts = 1 where contact_id = $1`, ids[0])
	for _, contact := range append(ids, ids[0], 999) {
		w.must(w.ProveReceipt(t.Context(), Touch{id, contact}, w.now))
	}
	for i, want := range []string{"delivered", "queued"} {
		if state := one[string](w, `select state::text from deliveries where contact_id = $1`, ids[i]); state != want {
			t.Errorf("the message to reader %d is %s, want %s", i+1, state, want)
		}
	}
	w.counted()
}
