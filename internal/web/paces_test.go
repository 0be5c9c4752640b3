package web

import (
	"context"
	"encoding/json"
	"time"

	"github.com/headwaymail/headway/pacing"
	"github.com/headwaymail/headway/pacing/reply"
)

const throttleWords = "421 4.7.28 Our system has detected an unusual rate of unsolicited mail originating from your IP address. " +
	"To protect our users, mail has been temporarily rate limited."

// pace plays minutes of sending to a provider that takes limit messages a
// second, up to now, and stores what the pacer learned. With held the provider
// asks for ten minutes of peace at the end.
func (b *bundle) pace(provider int64, limit float64, minutes int, held bool) {
	b.Helper()
	source, err := b.store.EnsureSource(context.Background(), "127.0.0.1", "mail.sender.test")
	if err != nil {
		b.Fatal(err)
	}
	now := time.Now()
	at := now.Add(-time.Duration(minutes) * time.Minute)
	state := pacing.New(pacing.Profile{Start: 2, Lanes: 4}, at)
	var decisions []pacing.Decision
	step := func(events ...pacing.Event) {
		var made []pacing.Decision
		state, made = pacing.Step(state, events, at)
		decisions = append(decisions, made...)
	}
	refusal := reply.Meaning{Class: reply.ClassRate, Bounce: reply.BounceRateLimited, Scope: reply.ScopeSource, Temporary: true}
	for ; at.Before(now); at = at.Add(500 * time.Millisecond) {
		p := state.Pace(at, pacing.Demand{Waiting: 1000, Open: 2})
		var events []pacing.Event
		if n := int(p.Rate / 2); n > 0 {
			events = append(events, pacing.Event{Kind: pacing.Accepted, At: at, Launched: at.Add(-50 * time.Millisecond), Count: n, Lanes: 2})
		}
		if p.Rate > limit {
			events = append(events, pacing.Event{Kind: pacing.Refused, At: at, Launched: at.Add(-50 * time.Millisecond),
				Meaning: refusal, Code: 421, Reply: throttleWords, Lanes: 2})
		}
		step(events...)
	}
	if held {
		refusal.Hint = 10 * time.Minute
		step(pacing.Event{Kind: pacing.Refused, At: at, Meaning: refusal, Code: 421, Reply: "421 4.7.0 Too busy, come back in 10 minutes", Lanes: 2})
	}
	stored, err := json.Marshal(state)
	if err != nil {
		b.Fatal(err)
	}
	b.exec(`insert into paces (source_id, provider_id, state, updated_at) values ($1, $2, $3, $4)`, source, provider, stored, now)
	for _, d := range decisions {
		var until *time.Time
		if !d.Until.IsZero() {
			until = &d.Until
		}
		b.exec(`insert into pace_events (at, source_id, provider_id, kind, was, now, reason, reply, until)
		        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, d.At, source, provider, string(d.Kind), d.Was, d.Now, d.Reason, d.Reply, until)
	}
}

// attempts records n refusals of a campaign at a provider.
func (b *bundle) attempts(id, provider int64, n int, outcome, class string, code int, words string) {
	b.Helper()
	b.exec(`
insert into attempts (at, ledger_id, delivery_id, campaign_id, contact_id, provider_id, node_id, outcome, host, phase,
                      code, enhanced, class, bounce, rule, reply, took_ms)
select now() - k * interval '1 second', 1, k, $1, k, $2, 1, $4, 'mx.test', 'rcpt', $6::int, '', $5, '', 'rule', $7, 40
  from generate_series(1, $3::int) k`, id, provider, n, outcome, class, code, words)
}
