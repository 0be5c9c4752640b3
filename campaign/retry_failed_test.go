package campaign

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestRetryable(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff([]DeliveryState{Bounced, Expired, DeliveryCancelled, InDoubt}, Retryable()); diff != "" {
		t.Error(diff)
	}
	got, err := ParseRetryable([]string{"expired", " bounced", "expired"})
	if diff := cmp.Diff([]DeliveryState{Expired, Bounced}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	for _, names := range [][]string{nil, {"delivered"}, {"bounced", "suppressed"}, {"queued"}, {""}} {
		if got, err := ParseRetryable(names); err == nil {
			t.Errorf("%q may be sent again: %v", names, got)
		}
	}
}

// However often a campaign is finished and retried, it finishes again, its
// counters add up, and what was delivered or suppressed stays so.
func TestRetryWalk(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 20).Draw(t, "recipients")
		rows, c := make([]DeliveryState, n), Counters{Targeted: int64(n), Queued: int64(n)}
		for i := range rows {
			rows[i] = Queued
		}
		move := func(i int, to DeliveryState) {
			if !rows[i].May(to) {
				t.Fatalf("%s may not become %s", rows[i], to)
			}
			c.Count(rows[i], -1)
			c.Count(to, 1)
			rows[i] = to
		}
		state := Sending
		for range rapid.IntRange(1, 5).Draw(t, "rounds") {
			for i := range rows {
				if !rows[i].Final() {
					move(i, rapid.SampledFrom([]DeliveryState{Delivered, Bounced, Expired, Suppressed, DeliveryCancelled, InDoubt}).Draw(t, "end"))
				}
			}
			var err error
			if state, err = state.After(Finish); err != nil || c.Waiting() != 0 {
				t.Fatalf("not finished: %v, %+v", err, c)
			}
			for i, chosen := range rows {
				if rapid.Bool().Draw(t, "again") && chosen != Delivered && chosen != Suppressed {
					move(i, Queued)
				}
			}
			if state, err = state.After(RetryFailed); err != nil || state != Sending || !c.AddsUp() {
				t.Fatalf("retried: %s, %v, %+v", state, err, c)
			}
		}
	})
}
