package jobs

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/postgres"
)

// tuesdays is a campaign that repeats, planned for a run.
func tuesdays(planned time.Time, rule string) postgres.Campaign {
	start := time.Date(2026, 10, 20, 7, 0, 0, 0, time.UTC) // 09:00 in Warsaw, before clocks go back
	c := postgres.Campaign{ID: 1, Name: "Weekly", State: campaign.Scheduled, ScheduledAt: planned, Settings: campaign.DefaultSettings(),
		Series: &postgres.Series{Rule: rule, Starts: start, Zone: "Europe/Warsaw"}}
	c.Settings.FinishBy = start.Add(8 * time.Hour)
	return c
}

func TestPlanRun(t *testing.T) {
	t.Parallel()
	const weekly = "FREQ=WEEKLY;BYDAY=TU"
	day := func(month time.Month, day, hour, minute int) time.Time {
		return time.Date(2026, month, day, hour, minute, 0, 0, time.UTC)
	}
	for name, test := range map[string]struct {
		rule             string
		planned, now     time.Time
		run              string
		next, finish     time.Time
		says, doesNotSay string
	}{
		"in time, after clocks went back": {rule: weekly, planned: day(10, 27, 8, 0), now: day(10, 27, 8, 0),
			run: "Weekly, 27 Oct 2026", next: day(11, 3, 8, 0), finish: day(10, 27, 16, 0), doesNotSay: "Not sent"},
		"an hour late": {rule: weekly, planned: day(10, 20, 7, 0), now: day(10, 20, 8, 0),
			run: "Weekly, 20 Oct 2026", next: day(10, 27, 8, 0), finish: day(10, 20, 15, 0), doesNotSay: "Not sent"},
		"three hours late": {rule: weekly, planned: day(10, 20, 7, 0), now: day(10, 20, 10, 0), next: day(10, 27, 8, 0),
			says: "Not sent: the run of Tue 20 Oct 09:00 Europe/Warsaw. No node was up at that time, and by now it is 3 h late; 2 h is the most."},
		"weeks late, just after a run": {rule: weekly, planned: day(10, 20, 7, 0), now: day(11, 17, 8, 30), run: "Weekly, 17 Nov 2026", finish: day(11, 17, 16, 0),
			next: day(11, 24, 8, 0), says: "Not sent: 4 runs, of Tue 20 Oct 09:00 Europe/Warsaw; Tue 27 Oct 09:00 Europe/Warsaw; Tue 3 Nov 09:00 Europe/Warsaw; and 1 more. No node was up"},
		"a week late, just after a run": {rule: weekly, planned: day(11, 10, 8, 0), now: day(11, 17, 8, 30), run: "Weekly, 17 Nov 2026", finish: day(11, 17, 16, 0),
			next: day(11, 24, 8, 0), says: "No node was up at that time, and the next run has come."},
		"the last": {rule: weekly + ";COUNT=2", planned: day(10, 27, 8, 0), now: day(10, 27, 8, 1),
			run: "Weekly, 27 Oct 2026", finish: day(10, 27, 16, 0), says: "The series is over"},
		"the last, missed": {rule: weekly + ";COUNT=1", planned: day(10, 20, 7, 0), now: day(10, 24, 7, 0), says: "Not sent"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := planRun(tuesdays(test.planned, test.rule), test.now)
			if err != nil {
				t.Fatal(err)
			}
			said := ""
			for _, e := range p.Events {
				said += e.Words + "\n"
			}
			if p.Name != test.run || !p.Next.Equal(test.next) || !strings.Contains(said, test.says) ||
				test.doesNotSay != "" && strings.Contains(said, test.doesNotSay) {
				t.Errorf("run %q, next %s, says %q", p.Name, p.Next, said)
			}
			if p.Name != "" && !p.Settings.FinishBy.Equal(test.finish) {
				t.Errorf("to finish by %s, want %s", p.Settings.FinishBy, test.finish)
			}
		})
	}
}

// A series makes its runs one by one, each a campaign of its own, and is a draft
// again when its rule names no more days.
func TestSeriesRuns(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := newVerifyWorld(t, nil, "anna@good.test")
	w.exec(`insert into lists (name, created_at) values ('Others', now())`)
	w.start()
	defer func() { w.stop(time.Minute) }()
	starts := time.Now().UTC().Add(-49 * time.Hour).Truncate(time.Second)
	id, err := w.store.CreateCampaign(ctx, postgres.NewCampaign{Name: "Daily", Weight: 4, TimeZone: "UTC", Lists: []string{"Readers"}, Exclude: []string{"Others"},
		Settings: campaign.DefaultSettings(), Content: campaign.Content{Subject: "Today"}}, starts)
	if err != nil {
		t.Fatal(err)
	}
	plan := func(at time.Time) {
		t.Helper()
		change := postgres.Change{Verb: campaign.Schedule, At: time.Now(), Start: at, TimeZone: "UTC"}
		_, err := w.store.ChangeCampaign(ctx, id, change, func(tx pgx.Tx) error {
			if err := w.store.SaveSeriesTx(ctx, tx, id, postgres.Series{Rule: "FREQ=DAILY;COUNT=3", Starts: starts, Zone: "UTC"}); err != nil {
				return err
			}
			if err := w.queue.LaunchTx(ctx, tx, id, at); err != nil {
				return err
			}
			return w.queue.LaunchTx(ctx, tx, id, at) // as after a crash: it makes no second run
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	until := func(run int) (template postgres.Campaign, newest postgres.Campaign) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
			if template, err = w.store.Campaign(ctx, id); err != nil {
				t.Fatal(err)
			}
			runs, err := w.store.Runs(ctx, id, 10)
			if err != nil {
				t.Fatal(err)
			}
			if len(runs) == run && runs[0].LaunchDone {
				return template, runs[0]
			}
			if time.Now().After(deadline) {
				t.Fatalf("%d runs, want %d", len(runs), run)
			}
		}
	}
	plan(starts) // two days late: the last of the three is an hour late
	template, run := until(1)
	if diff := cmp.Diff(postgres.RunOf{Campaign: id, Name: "Daily", Number: 1}, run.RunOf); diff != "" || run.Content.Subject != "Today" || run.Audience.WillReceive != 1 {
		t.Errorf("%s, %+v, %+v", diff, run.Content, run.Audience)
	}
	for excluded, want := range map[bool]string{false: "Readers", true: "Others"} {
		if lists, err := w.store.CampaignLists(ctx, run.ID, excluded); err != nil || len(lists) != 1 || lists[0] != want {
			t.Errorf("lists %v, %v", lists, err)
		}
	}
	if template.State != campaign.Draft || template.Series != nil || template.Counters.Targeted != 0 {
		t.Errorf("after its last run the series is %s, %+v", template.State, template.Series)
	}

	// Begun anew it goes on counting, and plans the time after.
	starts = time.Now().UTC().Add(-time.Minute).Truncate(time.Second)
	plan(starts)
	template, run = until(2)
	if run.RunOf.Number != 2 || template.State != campaign.Scheduled || !template.ScheduledAt.Equal(starts.AddDate(0, 0, 1)) {
		t.Errorf("run %d; %s at %s", run.RunOf.Number, template.State, template.ScheduledAt)
	}
}
