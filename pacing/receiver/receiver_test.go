package receiver

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headwaymail/headway/pacing/reply"
)

// start is the benchmark's clock time: not on any boundary.
var (
	start  = time.Date(2026, 11, 21, 10, 17, 23, 0, time.UTC)
	source = netip.MustParseAddr("127.0.0.1")
	other  = netip.MustParseAddr("127.0.0.2")
)

// after is a time of a test.
func after(d time.Duration) time.Time { return start.Add(d) }

// send plays one whole message on an open connection and returns the answer
// that decided its fate.
func send(r *Receiver, now time.Time, id ConnID, recipient string) Answer {
	if a := r.Mail(now, id, "news@sender.test"); !a.Accepted() {
		return a
	}
	if a := r.Rcpt(now, id, recipient); !a.Accepted() {
		return a
	}
	if a := r.Data(now, id); !a.Accepted() {
		return a
	}
	return r.Dot(now, id, 1000)
}

// knock opens a connection, sends one message and closes: the answer that
// decided its fate.
func knock(r *Receiver, now time.Time, from netip.Addr, recipient string) Answer {
	a, id := r.Connect(now, from, 0)
	if !a.Accepted() {
		return a
	}
	defer r.Close(now, id)
	return send(r, now, id, recipient)
}

// said writes an answer as a line of a transcript: phase, reply, what became
// of the connection, cause.
func said(a Answer) string {
	s := string(a.Reply.Phase) + " " + a.Reply.String()
	if a.Reply.Code == 0 {
		s = string(a.Reply.Phase) + " silence"
	}
	if a.Close {
		s += " (closes)"
	}
	if a.Hang {
		s += " (hangs)"
	}
	if a.Cause != CauseNone {
		s += " [" + string(a.Cause) + "]"
	}
	return s
}

// at is one message of a script: when, and what is said to it.
type at struct {
	after time.Duration
	want  string
}

const accepted = "dot 250 2.0.0 Ok: queued"

func TestEachBehaviourAnswersAsDescribed(t *testing.T) {
	t.Parallel()
	const tooMany = "mail 421 4.7.0 Too many messages from 127.0.0.1, slow down (closes) [limit]"
	yes, no := true, false
	for name, test := range map[string]struct {
		spec   Spec
		script []at // each message on a connection of its own
	}{
		"nothing described takes everything": {
			Spec{}, []at{{0, accepted}, {0, accepted}},
		},
		"bucket refills": {
			Spec{Limits: []Limit{{Bucket: &Bucket{Rate: 1, Burst: 2}}}},
			[]at{{0, accepted}, {0, accepted}, {0, tooMany}, {time.Second, accepted}, {1500 * time.Millisecond, tooMany}},
		},
		"bucket holds a time's worth": {
			Spec{Limits: []Limit{{Bucket: &Bucket{Rate: 1, BurstTime: 3 * time.Second}}}},
			[]at{{0, accepted}, {0, accepted}, {0, accepted}, {0, tooMany}},
		},
		"a bucket that counts refusals punishes knocking": {
			Spec{Limits: []Limit{{Bucket: &Bucket{Rate: 1, Burst: 1}, CountRefused: true}}},
			[]at{{0, accepted}, {0, tooMany}, {time.Second, tooMany}, {2 * time.Second, tooMany}, {4 * time.Second, accepted}},
		},
		"schedule lowers the rate": {
			Spec{Limits: []Limit{{Bucket: &Bucket{Rate: 1, Burst: 1}, Schedule: []Step{{time.Minute, 0.1}, {2 * time.Minute, 1}}}}},
			[]at{
				{59 * time.Second, accepted}, {60 * time.Second, accepted}, {61 * time.Second, tooMany},
				{70 * time.Second, accepted}, {121 * time.Second, accepted}, {122 * time.Second, accepted},
			},
		},
		"clock window ends with the minute": {
			Spec{Limits: []Limit{{Clock: &Clock{Count: 2, Every: time.Minute}}}},
			[]at{ // 10:17:23
				{0, accepted}, {0, accepted}, {36 * time.Second, "mail 451 4.7.1 Quota of messages exceeded [limit]"},
				{37 * time.Second, accepted},
			},
		},
		"day window begins at local midnight": {
			Spec{Limits: []Limit{{Clock: &Clock{Count: 1, Every: 24 * time.Hour, Zone: "Asia/Kolkata"},
				Answer: &Refusal{Code: 452, Text: "Daily limit reached", Hint: true}}}},
			[]at{ // 15:47:23 in India
				{0, accepted},
				{8*time.Hour + 12*time.Minute, "mail 452 Daily limit reached, try again in 37 seconds [limit]"},
				{8*time.Hour + 12*time.Minute + 37*time.Second, accepted},
			},
		},
		"sliding window gives back one by one": {
			Spec{Limits: []Limit{{Sliding: &Sliding{Count: 2, Over: time.Minute}, Answer: &Refusal{Hint: true}}}},
			[]at{
				{0, accepted}, {20 * time.Second, accepted},
				{40 * time.Second, "mail 421 4.7.0 Too many messages from 127.0.0.1, slow down, try again in 20 seconds (closes) [limit]"},
				{60 * time.Second, accepted}, {61 * time.Second, "mail 421 4.7.0 Too many messages from 127.0.0.1, slow down, try again in 19 seconds (closes) [limit]"},
				{80 * time.Second, accepted},
			},
		},
		"escalation takes the next window too": {
			Spec{Limits: []Limit{{Clock: &Clock{Count: 1, Every: time.Minute}, Escalate: &Escalate{Attempts: 2},
				Answer: &Refusal{Code: 550, Enhanced: "none", Text: "frequency limited, wait {minutes} min"}}}},
			[]at{
				{0, accepted}, {1 * time.Second, "mail 550 frequency limited, wait 1 min [limit]"},
				{2 * time.Second, "mail 550 frequency limited, wait 2 min [limit]"},
				{40 * time.Second, "mail 550 frequency limited, wait 1 min [limit]"},
				{97 * time.Second, accepted},
			},
		},
		"squeeze at the top of the hour": {
			Spec{Limits: []Limit{{Sliding: &Sliding{Count: 3, Over: time.Second},
				Squeezes: []Squeeze{{Every: time.Hour, For: 5 * time.Minute, Rate: 1}}}}},
			[]at{ // 11:00:00 is 42:37 after the start
				{42*time.Minute + 36*time.Second, accepted}, {42*time.Minute + 36*time.Second, accepted},
				{42*time.Minute + 38*time.Second, accepted}, {42*time.Minute + 38*time.Second, tooMany},
				{47*time.Minute + 36*time.Second, accepted}, {47*time.Minute + 36*time.Second, tooMany},
				{47*time.Minute + 37*time.Second, accepted}, {47*time.Minute + 37*time.Second, accepted},
			},
		},
		"penalty box extends and doubles": {
			Spec{Limits: []Limit{{Sliding: &Sliding{Count: 1, Over: time.Second},
				Penalty: &Penalty{Block: 10 * time.Second, Extend: true, Double: true, Max: 15 * time.Second},
				Answer:  &Refusal{Text: "blocked for {seconds} s"}}}},
			[]at{
				{0, accepted},
				{0, "mail 421 4.7.0 blocked for 10 s (closes) [limit]"},
				{9 * time.Second, "mail 421 4.7.0 blocked for 10 s (closes) [penalty]"}, // until 19
				{19 * time.Second, accepted},
				{19 * time.Second, "mail 421 4.7.0 blocked for 15 s (closes) [limit]"}, // doubled, at most 15
				{34 * time.Second, accepted},
			},
		},
		"penalty box forgets": {
			Spec{Limits: []Limit{{Sliding: &Sliding{Count: 1, Over: time.Second},
				Penalty: &Penalty{Block: 10 * time.Second, Double: true, Forget: time.Minute, Answer: &Refusal{Phase: reply.PhaseConnect, Text: "in the box, {seconds} s"}},
				Answer:  &Refusal{Text: "offence, {seconds} s"}}}},
			[]at{
				{0, accepted},
				{0, "mail 421 4.7.0 offence, 10 s (closes) [limit]"},
				{4 * time.Second, "connect 421 4.7.0 in the box, 6 s (closes) [penalty]"},
				{70 * time.Second, accepted},
				{70 * time.Second, "mail 421 4.7.0 offence, 10 s (closes) [limit]"},
			},
		},
		"two limits: one that refuses keeps the other from counting": {
			Spec{Limits: []Limit{
				{Sliding: &Sliding{Count: 2, Over: time.Minute}, Answer: &Refusal{Text: "minute"}},
				{Sliding: &Sliding{Count: 1, Over: time.Second}, Answer: &Refusal{Text: "second"}},
			}},
			[]at{
				{0, accepted}, {0, "mail 421 4.7.0 second (closes) [limit]"},
				{time.Second, accepted}, {2 * time.Second, "mail 421 4.7.0 minute (closes) [limit]"},
			},
		},
		"connection rate": {
			Spec{Limits: []Limit{{Counts: Connections, Bucket: &Bucket{Rate: 0.5, Burst: 1}}}},
			[]at{{0, accepted}, {0, "connect 421 4.7.0 Connection rate limit exceeded for 127.0.0.1 (closes) [limit]"}, {2 * time.Second, accepted}},
		},
		"limit on messages that speaks at connect": {
			Spec{Limits: []Limit{{Clock: &Clock{Count: 1, Every: time.Hour}, Answer: &Refusal{Phase: reply.PhaseConnect, Code: 421}}}},
			[]at{{0, accepted}, {0, "connect 421 4.7.1 Quota of messages exceeded (closes) [limit]"}, {time.Hour, accepted}},
		},
		"limit at the dot with a code that should not pass but does": {
			Spec{Limits: []Limit{{Bucket: &Bucket{Rate: 0.1, Burst: 1}, Answer: &Refusal{Phase: reply.PhaseDot, Code: 552, Enhanced: "5.2.0", Text: "later\nplease", Close: &yes}}}},
			[]at{{0, accepted}, {0, "dot 552 5.2.0 later 5.2.0 please (closes) [limit]"}},
		},
		"421 that leaves the connection open": {
			Spec{Limits: []Limit{{Bucket: &Bucket{Rate: 0.1, Burst: 1}, Answer: &Refusal{Close: &no, Text: "later"}}}},
			[]at{{0, accepted}, {0, "mail 421 4.7.0 later [limit]"}},
		},
		"recipient rate": {
			Spec{Limits: []Limit{{Counts: Recipients, Per: PerRecipient, Bucket: &Bucket{Rate: 0.1, Burst: 1}}}},
			[]at{{0, accepted}, {0, "rcpt 450 4.2.1 <ana@b.test>: user is receiving mail too quickly [limit]"}},
		},
		"greylist": {
			Spec{Greylist: &Greylist{Delay: 8 * time.Second, Window: time.Minute}},
			[]at{
				{0, "rcpt 451 4.7.1 Greylisted, please try again in 8 seconds [greylist]"},
				{5 * time.Second, "rcpt 451 4.7.1 Greylisted, please try again in 3 seconds [greylist]"},
				{8 * time.Second, accepted}, {9 * time.Second, accepted},
			},
		},
		"greylist forgets a first try": {
			Spec{Greylist: &Greylist{Delay: 8 * time.Second, Window: time.Minute, Answer: &Refusal{Text: "later"}}},
			[]at{
				{0, "rcpt 451 4.7.1 later [greylist]"}, {61 * time.Second, "rcpt 451 4.7.1 later [greylist]"},
				{70 * time.Second, accepted},
			},
		},
		"outage for a time": {
			Spec{Outages: []Outage{{After: 10 * time.Second, For: 10 * time.Second}}},
			[]at{
				{9 * time.Second, accepted},
				{10 * time.Second, "connect 421 4.3.2 Service not available, down for maintenance (closes) [outage]"},
				{20 * time.Second, accepted},
			},
		},
		"outage at a moment, again and again, without a word": {
			Spec{Outages: []Outage{{At: "2026-11-21T11:17:33+01:00", For: 5 * time.Second, Every: time.Minute, Answer: &Refusal{Silent: true}}}},
			[]at{
				{9 * time.Second, accepted}, {10 * time.Second, "connect silence (closes) [outage]"}, {15 * time.Second, accepted},
				{72 * time.Second, "connect silence (closes) [outage]"}, {75 * time.Second, accepted},
			},
		},
		"outage that hangs at MAIL": {
			Spec{Outages: []Outage{{For: time.Second, Answer: &Refusal{Phase: reply.PhaseMail, Hang: true}}}},
			[]at{{0, "mail silence (hangs) [outage]"}, {time.Second, accepted}},
		},
		"reputation block": {
			Spec{Outages: []Outage{{After: time.Second, For: time.Minute, Answer: &Refusal{Phase: reply.PhaseMail, Code: 451, Enhanced: "4.7.650", Text: "rate limited due to IP reputation", Hint: true}}}},
			[]at{{0, accepted}, {2 * time.Second, "mail 451 4.7.650 rate limited due to IP reputation, try again in 59 seconds [outage]"}},
		},
		"opaque hides words, enhanced codes and hints": {
			Spec{Opaque: true, Greylist: &Greylist{Delay: time.Second}, Limits: []Limit{{Bucket: &Bucket{Rate: 0.1, Burst: 2}, Answer: &Refusal{Hint: true}}}},
			[]at{
				{0, "rcpt 451 try again later [greylist]"}, {time.Second, accepted},
				{time.Second, "mail 421 try again later (closes) [limit]"},
			},
		},
		"opaque leaves permanent refusals alone": {
			Spec{Opaque: true, Mailboxes: Mailboxes{Unknown: 1}},
			[]at{{0, "rcpt 550 5.1.1 <ana@b.test>: no such user here [mailbox]"}},
		},
		"a mailbox that has room again": {
			Spec{Mailboxes: Mailboxes{Full: 1, FullFor: time.Minute}},
			[]at{
				{0, "rcpt 452 4.2.2 <ana@b.test>: mailbox is full [mailbox]"},
				{59 * time.Second, "rcpt 452 4.2.2 <ana@b.test>: mailbox is full [mailbox]"}, {time.Minute, accepted},
			},
		},
		"a busy mailbox": {
			Spec{Mailboxes: Mailboxes{Busy: 1}},
			[]at{{0, "rcpt 450 4.2.1 <ana@b.test>: user is receiving mail too quickly [mailbox]"}, {10 * time.Minute, accepted}},
		},
		"a named mailbox with words of its own": {
			Spec{Mailboxes: Mailboxes{Named: map[string]Mailbox{"ana@b.test": MailboxDisabled},
				Answers: map[Mailbox]*Refusal{MailboxDisabled: {Code: 554, Enhanced: "5.2.1", Text: "gone"}}}},
			[]at{{0, "rcpt 554 5.2.1 gone [mailbox]"}},
		},
		"noise": {
			Spec{Noise: []Noise{{Share: 1, Answer: &Refusal{Phase: reply.PhaseRcpt, Code: 450}}}},
			[]at{{0, "rcpt 450 4.3.0 Temporary problem, please try again later [noise]"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if problems := test.spec.Check(1); len(problems) > 0 {
				t.Fatalf("the description is wrong: %v", problems)
			}
			r := New(test.spec, 1, start)
			var got, want []string
			for _, m := range test.script {
				got = append(got, fmt.Sprint(m.after, " ", said(knock(r, after(m.after), source, "ana@b.test"))))
				want = append(want, fmt.Sprint(m.after, " ", m.want))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("answers differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLimitsCountEachSourceByItself(t *testing.T) {
	t.Parallel()
	for per, bothPass := range map[Key]bool{"": true, PerSource: true, PerAll: false, PerSendingDomain: false} {
		r := New(Spec{Limits: []Limit{{Per: per, Bucket: &Bucket{Rate: 0.01, Burst: 1}}}}, 1, start)
		first := knock(r, start, source, "a@b.test")
		second := knock(r, start, other, "a@b.test")
		if !first.Accepted() || second.Accepted() != bothPass {
			t.Errorf("per %q: first %s, second %s; want the second to pass: %v", per, said(first), said(second), bothPass)
		}
	}
}

func TestLanesAreFreeAgainWhenClosed(t *testing.T) {
	t.Parallel()
	r := New(Spec{Lanes: []Lanes{{Max: 2}, {Max: 3, Per: PerAll}}}, 1, start)
	_, a := r.Connect(start, source, 0)
	_, b := r.Connect(start, source, 0)
	refused, id := r.Connect(start, source, 0)
	if want := "connect 421 4.7.0 Too many open connections from 127.0.0.1 (closes) [lanes]"; said(refused) != want || id != 0 {
		t.Errorf("third lane: %s (id %d), want %s", said(refused), id, want)
	}
	if _, id := r.Connect(start, other, 0); id == 0 {
		t.Error("another source got no lane")
	}
	if _, id := r.Connect(start, other, 0); id != 0 {
		t.Error("a fourth lane was opened though all together may have three")
	}
	r.Close(start, a)
	r.Close(start, a)
	if _, id := r.Connect(start, source, 0); id == 0 {
		t.Error("no lane although one was closed")
	}
	if _, id := r.Connect(start, source, 0); id != 0 {
		t.Error("closing one lane twice freed two")
	}
	if r.Open() != 3 {
		t.Errorf("%d lanes open, want 3", r.Open())
	}
	r.Close(start, b)
}

func TestABadHostIsBadAlone(t *testing.T) {
	t.Parallel()
	r := New(Spec{Outages: []Outage{{Hosts: []int{2}}}}, 1, start)
	for host, want := range []bool{true, false, true} {
		a, id := r.Connect(after(time.Hour), source, host)
		if a.Accepted() != want {
			t.Errorf("host %d: %s", host+1, said(a))
		}
		r.Close(start, id)
	}
}

func TestSessionEndsAfterItsMessages(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		session Session
		want    string
	}{
		"with a 421":     {Session{Messages: 2}, "ok, ok, mail 421 4.7.0 Too many messages in this connection, please open another (closes) [session]"},
		"without a word": {Session{Messages: 2, Silent: true}, "ok, ok (closes), mail silence (closes) [protocol]"},
		"after errors":   {Session{Errors: 1}, "ok, rcpt 550 5.1.1 <bad@b.test>: no such user here [mailbox], rcpt 421 4.7.0 Error: too many errors (closes) [session]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := New(Spec{Session: test.session, Mailboxes: Mailboxes{Named: map[string]Mailbox{"bad@b.test": MailboxUnknown}}}, 1, start)
			_, id := r.Connect(start, source, 0)
			recipient := "a@b.test"
			var got []string
			for range 3 {
				got = append(got, strings.Replace(said(send(r, start, id, recipient)), accepted, "ok", 1))
				if test.session.Errors > 0 {
					recipient = "bad@b.test"
				}
			}
			if got := strings.Join(got, ", "); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestOneMessageHasItsBounds(t *testing.T) {
	t.Parallel()
	r := New(Spec{Session: Session{Recipients: 1, MaxBytes: 100}}, 1, start)
	_, id := r.Connect(start, source, 0)
	got := []string{
		said(r.Rcpt(start, id, "a@b.test")),
		said(r.Mail(start, id, "")),
		said(r.Data(start, id)),
		said(r.Rcpt(start, id, "a@b.test")),
		said(r.Rcpt(start, id, "c@b.test")),
		said(r.Dot(start, id, 5)),
		said(r.Data(start, id)),
		said(r.Dot(start, id, 101)),
		said(r.Dot(start, id, 5)),
	}
	want := []string{
		"rcpt 503 5.5.1 Bad sequence of commands [protocol]",
		"mail 250 2.1.0 Ok",
		"data 503 5.5.1 Bad sequence of commands [protocol]",
		"rcpt 250 2.1.5 Ok",
		"rcpt 452 4.5.3 Too many recipients [recipients]",
		"dot 503 5.5.1 Bad sequence of commands [protocol]",
		"data 354 Go ahead",
		"dot 552 5.3.4 Message too large [size]",
		"dot 503 5.5.1 Bad sequence of commands [protocol]",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answers differ (-want +got):\n%s", diff)
	}
}

func TestGreylistKeys(t *testing.T) {
	t.Parallel()
	for by, want := range map[GreyKey]string{
		"":            "same true, other sender false, other recipient false, other source false",
		GreyTriple:    "same true, other sender false, other recipient false, other source false",
		GreyRecipient: "same true, other sender true, other recipient false, other source false",
		GreySource:    "same true, other sender true, other recipient true, other source false",
	} {
		g := newGreylist(&Greylist{By: by, Delay: time.Second}, false)
		first := subject{source: source, from: "a@s.test", recipient: "x@b.test"}
		g.knows(start, first)
		knows := func(s subject) bool {
			ok, _ := g.knows(after(time.Second), s)
			return ok
		}
		got := fmt.Sprintf("same %v, other sender %v, other recipient %v, other source %v", knows(first),
			knows(subject{source, "b@s.test", "x@b.test"}), knows(subject{source, "a@s.test", "y@b.test"}), knows(subject{other, "a@s.test", "x@b.test"}))
		if got != want {
			t.Errorf("by %q:\n got %s\nwant %s", by, got, want)
		}
	}
}
