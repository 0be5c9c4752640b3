package delivery

import (
	"context"
	"testing"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/postgres/pgtest"
)

// Where lanes wait for the processors, each that is let in asks for permits: they
// share rounds, and however often one is asked for, there are few.
func TestCrowdedRoundsAreShared(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	store, err := postgres.Open(ctx, pgtest.Database(t, postgres.Migrate, postgres.MigrationsFingerprint()), 4)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	source, provider := introduce(t, store)
	b, g := lonely(store, 1, source, postgres.Provider{ID: provider, Name: "a.test"}, 60)
	b.scarce = func() bool { return true }
	g.enter(0)
	within, end := context.WithCancel(ctx)
	over := make(chan struct{})
	go func() {
		defer close(over)
		b.run(within)
	}()
	rounds, began := 0, time.Now()
	for time.Since(began) < time.Second {
		g.mu.Lock()
		g.urge()
		news := g.news
		g.mu.Unlock()
		<-news
		rounds++
	}
	passed := time.Since(began)
	end()
	<-over
	if most := int(passed/roundPauseCrowded) + 1; rounds > most {
		t.Errorf("%d rounds in %v, want %d at most", rounds, passed, most)
	}
}
