package receiver

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headwaymail/headway/pacing/reply"
)

func TestCheckExplainsEveryMistake(t *testing.T) {
	t.Parallel()
	good := &Bucket{Rate: 1}
	for name, test := range map[string]struct {
		spec Spec
		want []Problem
	}{
		"nothing is right":                 {Spec{}, nil},
		"something of everything is right": {rich(), nil},
		"several mistakes at once": {
			Spec{
				Latency:  Latency{Jitter: 3},
				Greylist: &Greylist{Delay: time.Hour, Window: time.Minute},
				Noise:    []Noise{{}},
			},
			[]Problem{
				{"latency.jitter", "is 3, which is not between 0 and 2"},
				{"greylist.window", "is 1m0s, not longer than the delay of 1h0m0s, so that no retry would ever pass"},
				{"noise[0].share", "is missing; write the share of commands to refuse, e.g. 1%"},
			},
		},
		"no kind": {
			Spec{Limits: []Limit{{}}},
			[]Problem{{"limits[0]", "has 0 of bucket, clock, sliding and shed; write exactly one"}},
		},
		"two kinds, both wrong": {
			Spec{Limits: []Limit{{Bucket: &Bucket{}, Sliding: &Sliding{Count: 1}}}},
			[]Problem{
				{"limits[0].bucket.rate", "must be more than 0; write e.g. 10/s or 120/min"},
				{"limits[0].sliding.over", "must be longer than 0; write e.g. 15m"},
				{"limits[0]", "has 2 of bucket, clock, sliding and shed; write exactly one"},
			},
		},
		"window and zone": {
			Spec{Limits: []Limit{{Clock: &Clock{Count: 1, Every: 7 * time.Hour, Zone: "Mars/Olympus"}}}},
			[]Problem{
				{"limits[0].clock.every", "is 7h0m0s, which does not divide a day evenly; write e.g. 1m, 15m, 1h or 24h"},
				{"limits[0].clock.zone", `"Mars/Olympus" is not a known time zone; write an IANA name, e.g. Europe/Warsaw, or leave it out for UTC`},
			},
		},
		"unit and phase": {
			Spec{Limits: []Limit{{Bucket: good, Counts: Connections, Answer: &Refusal{Phase: reply.PhaseMail}}}},
			[]Problem{{"limits[0].answer.phase", `"mail" is not known here; write connect`}},
		},
		"key and phase": {
			Spec{Limits: []Limit{{Bucket: good, Per: PerRecipient}}},
			[]Problem{{"limits[0].per", "recipient is not known yet at phase mail; let the limit speak from phase rcpt on"}},
		},
		"schedule out of order": {
			Spec{Limits: []Limit{{Bucket: good, Schedule: []Step{{time.Hour, 1}, {time.Minute, 2}}}}},
			[]Problem{{"limits[0].schedule[1].after", "must be later than that of the step before, 1h0m0s"}},
		},
		"trust": {
			Spec{Limits: []Limit{{Bucket: good, Trust: &Trust{Grow: 0.5, Max: 1}}}},
			[]Problem{
				{"limits[0].trust", "needs the length of a period: every (a time) or messages (a number), one of the two"},
				{"limits[0].trust.grow", "is 0.5; the factor after a clean period must be more than 1"},
				{"limits[0].trust.max", "must be more than the limit's own rate, 1/s"},
			},
		},
		"penalty": {
			Spec{Limits: []Limit{{Bucket: good, Penalty: &Penalty{Max: time.Minute}}}},
			[]Problem{
				{"limits[0].penalty.block", "must be longer than 0; write e.g. 120s"},
				{"limits[0].penalty.max", "has no effect without double: true"},
			},
		},
		"escalation without windows": {
			Spec{Limits: []Limit{{Bucket: good, Escalate: &Escalate{Attempts: 5}}}},
			[]Problem{{"limits[0].escalate", "needs a clock window"}},
		},
		"answers": {
			Spec{Lanes: []Lanes{{Max: 1, Answer: &Refusal{Phase: "late", Code: 250, Enhanced: "4.7", Text: "\x07 {when}"}}, {Answer: &Refusal{Code: 421, Enhanced: "5.7.1"}}}},
			[]Problem{
				{"lanes[0].answer.phase", `"late" is not known here; write connect`},
				{"lanes[0].answer.code", "is 250; a refusal has a code from 400 to 599"},
				{"lanes[0].answer.enhanced", `"4.7" is not an enhanced code; write e.g. 4.7.28, or none`},
				{"lanes[0].answer.text", "holds a control character; only \\n is allowed"},
				{"lanes[0].answer.text", "{when} is not known; write one of {source} {recipient} {seconds} {minutes}"},
				{"lanes[1].max", "must be at least 1 connection"},
				{"lanes[1].answer.enhanced", `"5.7.1" does not go with code 421; both begin with the same digit`},
			},
		},
		"silence with words": {
			Spec{Noise: []Noise{{Share: 1, Answer: &Refusal{Silent: true, Hang: true, Text: "x"}}}},
			[]Problem{
				{"noise[0].answer", "cannot close (silent) and stay open (hang) at once; keep one of the two"},
				{"noise[0].answer", "says nothing (silent or hang), so code, enhanced and text have no effect; take them out"},
			},
		},
		"outages": {
			Spec{Outages: []Outage{{}, {At: "noon", After: 1}, {For: time.Hour, Every: time.Minute}, {Hosts: []int{3}}, {For: 1, Jitter: 1}}},
			[]Problem{
				{"outages[0]", "begins at once, never ends and concerns all hosts; say how long with for, or which hosts"},
				{"outages[1].at", `"noon" is not a moment; write e.g. 2026-11-24T03:00:00+01:00`},
				{"outages[1].at", "contradicts after; keep one of the two"},
				{"outages[2].every", "is counted from start to start, so it must be longer than for (1h0m0s), which must be given"},
				{"outages[3].hosts[0]", "there is no host 3; hosts are numbered from 1 to 2"},
				{"outages[4].jitter", "needs every: it is added to the time from start to start"},
			},
		},
		"mailboxes": {
			Spec{Mailboxes: Mailboxes{
				Unknown: 0.7, Full: 0.7,
				Named:   map[string]Mailbox{"Ana@b.test": "dead"},
				Answers: map[Mailbox]*Refusal{MailboxOpen: {Code: 550}},
			}},
			[]Problem{
				{"mailboxes", "the shares add up to 140%, more than 100%"},
				{"mailboxes.named.Ana@b.test", "must be a whole address in lower case, e.g. ana@northmail.test"},
				{"mailboxes.named.Ana@b.test", `"dead" is not known here; write busy, disabled, full, over_quota, refused, unknown, open`},
				{"mailboxes.answers.open", `"open" is not known here; write busy, disabled, full, over_quota, refused, unknown`},
			},
		},
		"session": {
			Spec{Session: Session{Silent: true, Errors: -1}},
			[]Problem{
				{"session.errors", "must not be negative; leave it out for no limit"},
				{"session.silent", "needs messages: after how many the connection is closed"},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, test.spec.Check(2)); diff != "" {
				t.Errorf("problems differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestUnitsAreReadAndExplained(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Rate{"10/s": 10, "120/min": 2, "1800 / h": 0.5, "86400/day": 1, "0/s": 0} {
		if got, err := ParseRate(text); err != nil || got != want {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
	for text, want := range map[string]Share{"2.5%": 0.025, "100 %": 1, "0.5": 0.5} {
		if got, err := ParseShare(text); err != nil || got != want {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "fast", "10", "10/fortnight", "-1/s", "NaN/s", "/s", "Inf/s"} {
		if got, err := ParseRate(text); err == nil {
			t.Errorf("rate %q was read as %v", text, got)
		}
	}
	for _, text := range []string{"", "some", "101%", "-1%", "1.5", "NaN"} {
		if got, err := ParseShare(text); err == nil {
			t.Errorf("share %q was read as %v", text, got)
		}
	}
}

func FuzzUnits(f *testing.F) {
	for _, seed := range []string{"10/s", "120 / min", "1e3/h", "2.5%", "0.025", "-1/s", "/", "%"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if r, err := ParseRate(text); err == nil && (r < 0 || r-r != 0) {
			t.Errorf("%q is read as the rate %v", text, r)
		}
		if s, err := ParseShare(text); err == nil && !(s >= 0 && s <= 1) {
			t.Errorf("%q is read as the share %v", text, s)
		}
	})
}
