package postgres

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/listhygiene/segment"
)

// seedSegments makes five contacts on the list News, of whom one left.
func seedSegments(t *testing.T, s *Store) {
	t.Helper()
	for _, sql := range []string{
		`insert into providers (id, key, name) values (1, 'north.test', 'Northmail')`,
		`insert into domains (name, provider_id, mail_host) values ('a.test', 1, 'mx'), ('b.test', null, 'unknown')`,
		`insert into lists (name, created_at) values ('News', now()), ('VIP', now())`,
		`insert into contacts (address, address_key, canonical_key, domain_id, fields, status_since, created_at, updated_at)
		 select k || '@x.test', k || '@x.test', k || '@x.test', 1 + k % 2, jsonb_build_object('city', case k % 2 when 0 then 'Oslo' else 'Bergen' end, 'o''dd "name"', k::text),
		        now(), now() - k * interval '10 days', now() from generate_series(1, 5) k`,
		`insert into list_members (list_id, contact_id, status, since) select 1, id, case id when 4 then 'unsubscribed' else 'subscribed' end, now() - interval '1 hour' from contacts`,
		`insert into list_members (list_id, contact_id, status, since) values (2, 3, 'subscribed', now() - interval '1 hour')`,
	} {
		if _, err := s.pool.Exec(context.Background(), sql); err != nil {
			t.Fatalf("%v\n%s", err, sql)
		}
	}
}

func asks(c ...segment.Condition) segment.Segment {
	return segment.Segment{Group: segment.Group{Match: segment.All, Conditions: c}}
}

func TestSegmentsHold(t *testing.T) {
	t.Parallel()
	s := open(t)
	seedSegments(t, s)
	for name, test := range map[string]struct {
		rule segment.Segment
		want []int64
	}{
		"a field":          {asks(segment.Condition{Subject: segment.Field, Name: "city", Op: segment.Is, Value: "Oslo"}), []int64{2, 4}},
		"an odd name":      {asks(segment.Condition{Subject: segment.Field, Name: `o'dd "name"`, Op: segment.Is, Value: "3"}), []int64{3}},
		"injection":        {asks(segment.Condition{Subject: segment.Field, Name: "x') or true --", Op: segment.Is, Value: "' or 1=1 --"}), []int64{}},
		"contains":         {asks(segment.Condition{Subject: segment.Field, Name: "city", Op: segment.Contains, Value: "ERG"}), []int64{1, 3, 5}},
		"list":             {asks(segment.Condition{Subject: segment.List, Op: segment.Is, Value: "VIP"}), []int64{3}},
		"left":             {asks(segment.Condition{Subject: segment.List, Op: segment.IsNot, Value: "News"}), []int64{4}},
		"provider":         {asks(segment.Condition{Subject: segment.Provider, Op: segment.Is, Value: "northmail"}), []int64{2, 4}},
		"no provider":      {asks(segment.Condition{Subject: segment.Provider, Op: segment.IsNot, Value: "north.test"}), []int64{1, 3, 5}},
		"domain":           {asks(segment.Condition{Subject: segment.Domain, Op: segment.Is, Value: "B.test"}), []int64{1, 3, 5}},
		"known":            {asks(segment.Condition{Subject: segment.Known, Op: segment.Within, Value: "25"}), []int64{1, 2}},
		"any of two":       {segment.Segment{Group: segment.Group{Match: segment.Any, Conditions: []segment.Condition{{Subject: segment.List, Op: segment.Is, Value: "VIP"}, {Subject: segment.Known, Op: segment.Within, Value: "15"}}}}, []int64{1, 3}},
		"a group inside":   {segment.Segment{Group: segment.Group{Match: segment.All, Conditions: []segment.Condition{{Subject: segment.Status, Op: segment.Is, Value: "active"}}, Groups: []segment.Group{{Match: segment.Any, Conditions: []segment.Condition{{Subject: segment.List, Op: segment.Is, Value: "VIP"}, {Subject: segment.Known, Op: segment.Within, Value: "15"}}}}}}, []int64{1, 3}},
		"nothing received": {asks(segment.Condition{Subject: segment.Delivered, Op: segment.NotWithin, Value: "90"}), []int64{1, 2, 3, 4, 5}},
	} {
		got, err := s.SegmentFirst(t.Context(), test.rule, time.Now())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		ids := make([]int64, 0, len(got))
		for _, f := range got {
			ids = append(ids, f.ID)
		}
		if !slices.Equal(ids, test.want) {
			t.Errorf("%s: got %v, want %v", name, ids, test.want)
		}
		if n, err := s.CountSegment(t.Context(), test.rule, time.Now()); err != nil || n != int64(len(test.want)) {
			t.Errorf("%s: counted %d, %v", name, n, err)
		}
	}
}

// Every subject can be asked in every way that the package offers.
func TestEverySegmentPartPrepares(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, subject := range segment.Subjects() {
		for _, op := range subject.Operators() {
			if _, err := s.CountSegment(t.Context(), asks(segment.Condition{Subject: subject, Name: "x", Op: op, Value: "7"}), time.Now()); err != nil {
				t.Errorf("%s %s: %v", subject, op, err)
			}
		}
	}
}

// A campaign goes to whom its segments held at launch, never to who left, and
// not by what the segment became afterwards.
func TestLaunchBySegment(t *testing.T) {
	t.Parallel()
	s := open(t)
	seedSegments(t, s)
	ctx, now := t.Context(), time.Now()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	oslo, err := s.SaveSegment(ctx, 0, "Oslo", asks(segment.Condition{Subject: segment.Field, Name: "city", Op: segment.Is, Value: "Oslo"}), now)
	must(err)
	_, err = s.SaveSegment(ctx, 0, "New", asks(segment.Condition{Subject: segment.Known, Op: segment.Within, Value: "35"}), now)
	must(err)
	id, err := s.CreateCampaign(ctx, NewCampaign{Name: "Letter", Weight: 4, Content: campaign.Content{}, Settings: campaign.DefaultSettings(), TimeZone: "UTC",
		Lists: []string{"VIP"}, Segments: []string{"Oslo"}}, now)
	must(err)
	_, err = s.ChangeCampaign(ctx, id, Change{Verb: campaign.Launch, At: now}, nil)
	must(err)
	must(s.OpenLedger(ctx, id, now))
	for size := 1; ; size++ {
		done, err := s.LaunchBatch(ctx, id, size, now)
		must(err)
		if size == 1 { // changed while it is launched: too late
			_, err = s.SaveSegment(ctx, oslo, "Oslo", asks(segment.Condition{Subject: segment.Field, Name: "city", Op: segment.Is, Value: "Bergen"}), now)
			must(err)
		}
		if done {
			break
		}
	}
	rows, err := s.pool.Query(ctx, `select contact_id from deliveries where campaign_id = $1 order by 1`, id)
	must(err)
	var got []int64
	for rows.Next() {
		var c int64
		must(rows.Scan(&c))
		got = append(got, c)
	}
	if !slices.Equal(got, []int64{2, 3}) { // 2 from Oslo, 3 from VIP; 4 is from Oslo and left
		t.Errorf("it went to %v", got)
	}
	c, err := s.Campaign(ctx, id)
	must(err)
	if c.Audience.WillReceive != 2 || c.Audience.Unsubscribed != 1 {
		t.Errorf("audience %+v", c.Audience)
	}
	if err := s.DeleteSegment(ctx, oslo); err == nil {
		t.Error("a segment in use was deleted")
	}
	// Who came by a segment and leaves, leaves everything.
	_, _, err = s.Unsubscribe(ctx, Unsubscribe{Campaign: id, Contact: 2, By: "page", At: now})
	must(err)
	var status string
	must(s.pool.QueryRow(ctx, `select status from contacts where id = 2`).Scan(&status))
	if status != "unsubscribed" {
		t.Errorf("the contact is %s", status)
	}
}

// The migration brings what the program says is built in, and nobody changes it.
func TestBuiltInSegments(t *testing.T) {
	t.Parallel()
	s := open(t)
	found, err := s.Segments(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []segment.BuiltIn
	for _, g := range found {
		got = append(got, segment.BuiltIn{Key: g.BuiltIn, Name: g.Name, Rule: g.Rule, Purpose: segment.Purpose(g.BuiltIn)})
		if _, err := s.SaveSegment(t.Context(), g.ID, "Mine", g.Rule, time.Now()); !errors.Is(err, ErrBuiltIn) {
			t.Errorf("%s was changed: %v", g.Name, err)
		}
		if err := s.DeleteSegment(t.Context(), g.ID); !errors.Is(err, ErrBuiltIn) {
			t.Errorf("%s was deleted: %v", g.Name, err)
		}
	}
	if diff := cmp.Diff(segment.BuiltIns(), got); diff != "" {
		t.Errorf("built in (-program +migration):\n%s", diff)
	}
}

// Quiet is who got something, is known for long, and whose clicks and opens were
// all those of programs.
func TestSunsetSegments(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ids := w.join("Readers", "silent@a.test", "clicks@a.test", "opens@a.test", "scanner@a.test", "new@a.test", "unmailed@a.test")
	id := w.launch("Readers")
	w.exec(`update deliveries set state = 'delivered' where campaign_id = $1 and contact_id <> $2`, id, ids[5])
	w.exec(`update contacts set created_at = $1 where id <> $2`, w.now.AddDate(-1, 0, 0), ids[4])
	for i, sign := range []struct {
		contact int64
		kind    string
		machine bool
	}{{ids[1], "click", false}, {ids[2], "open", false}, {ids[3], "click", true}} {
		w.exec(`insert into engagements (campaign_id, contact_id, kind, link, machine, times, first_at, last_at) values ($1, $2, $3, 0, $4, 1, $5, $5)`,
			id, sign.contact, sign.kind, sign.machine, w.now.AddDate(0, 0, -i))
	}
	for _, b := range segment.BuiltIns() {
		want := map[string][]int64{"active-90": {ids[1], ids[2]}, "quiet-180": {ids[0], ids[3]}, "quiet-270": {ids[0], ids[3]}}[b.Key]
		found, err := w.SegmentFirst(t.Context(), b.Rule, w.now)
		w.must(err)
		var got []int64
		for _, c := range found {
			got = append(got, c.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s holds %v, not %v", b.Name, got, want)
		}
	}
}
