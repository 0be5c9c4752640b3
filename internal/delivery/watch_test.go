package delivery

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/postgres/storetest"
)

// A look at the campaigns that takes long must not bring back, after a pause,
// what it saw before.
func TestOlderPictureDoesNotReplaceANewerOne(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	store := storetest.Open(t, 4)
	looking, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	w, err := newWatch(ctx, store, func(postgres.Campaign) (*letter, error) {
		once.Do(func() {
			close(looking)
			<-goOn
		})
		return &letter{}, nil
	}, slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	id, err := store.CreateCampaign(ctx, postgres.NewCampaign{Name: "Notes", Weight: 4, TimeZone: "UTC", Settings: campaign.DefaultSettings()}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	change := func(verb campaign.Verb) {
		t.Helper()
		if _, err := store.ChangeCampaign(ctx, id, postgres.Change{Verb: verb, At: time.Now()}, nil); err != nil {
			t.Fatal(err)
		}
	}
	refresh := func() chan error {
		done := make(chan error, 1)
		go func() { done <- w.refreshCampaigns(context.WithoutCancel(ctx)) }()
		return done
	}
	change(campaign.Launch)
	slow := refresh()
	<-looking
	change(campaign.Pause)
	quick := refresh()
	select { // it would be through if it did not wait for the slow one
	case err := <-quick:
		quick <- err
	case <-time.After(200 * time.Millisecond):
	}
	close(goOn)
	for _, done := range []chan error{slow, quick} {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	if _, sending := w.sending(id); sending {
		t.Error("a paused campaign is taken for sending")
	}
}

// What was suppressed after a claim stops its message; what was known before,
// the claim has judged.
func TestMayHaveLeft(t *testing.T) {
	t.Parallel()
	w := &watch{now: time.Now, barred: make(map[string]time.Time)}
	d := postgres.Claimed{AddressKey: "ana+x@a.test", CanonicalKey: "ana@a.test", Domain: "a.test"}
	claimed := time.Now()
	if w.mayHaveLeft(d, claimed) {
		t.Error("nobody left")
	}
	for _, key := range []string{"ana+x@a.test", "ana@a.test", "a.test"} {
		w.barred = make(map[string]time.Time)
		w.bar(key)
		if !w.mayHaveLeft(d, claimed) {
			t.Errorf("%s was barred after the claim, and is mailed", key)
		}
		if w.mayHaveLeft(d, time.Now().Add(time.Second)) {
			t.Errorf("%s was barred before the claim, which judged it, and is left out again", key)
		}
	}
	w.barred = make(map[string]time.Time)
	w.bar("ben@a.test")
	if w.mayHaveLeft(d, claimed) {
		t.Error("another person left")
	}
}

// Suppressions are learned whether or not they commit in the order of their ids.
func TestRefreshBarredFindsLateCommits(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	store := storetest.Open(t, 4)
	w, err := newWatch(ctx, store, nil, slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	const insert = `insert into suppressions (scope, kind, key, reason, created_at) values ('global', 'address', $1, 'manual', now())`
	slow, err := store.Pool().Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := slow.Exec(ctx, insert, "slow@a.test"); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Pool().Exec(ctx, insert, "quick@a.test"); err != nil {
		t.Fatal(err)
	}
	knows := func(key string) bool {
		if err := w.refreshBarred(ctx); err != nil {
			t.Fatal(err)
		}
		return w.mayHaveLeft(postgres.Claimed{AddressKey: key}, time.Time{})
	}
	if !knows("quick@a.test") || knows("slow@a.test") {
		t.Error("before the slow one commits: want the quick one only")
	}
	if err := slow.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if !knows("slow@a.test") {
		t.Error("the slow one was not found")
	}
}
