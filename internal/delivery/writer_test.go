package delivery

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/postgres/embedded"
	"github.com/headwaymail/headway/pacing/reply"
)

// A row that the database refuses is split off its group and stored without the
// words; all others are stored as they are.
func TestBadRowIsSplitOff(t *testing.T) {
	t.Parallel()
	r := receive(t, nil)
	g := start(t, r, rigConfig{contacts: 9, start: 0.001, lanes: 1}) // the first message, and then hardly any
	until(t, 30*time.Second, "the first is delivered", func() bool { return g.counters().Delivered == 1 })
	claimed := g.claim(8)
	if len(claimed) < 5 {
		t.Fatalf("only %d were left to claim", len(claimed))
	}
	group := make([]entry, len(claimed))
	for i, d := range claimed {
		group[i] = entry{recorded: make(chan struct{}), outcome: postgres.Outcome{Ledger: d.Ledger, Delivery: d.Delivery,
			Campaign: d.Campaign, Contact: d.Contact, Domain: d.DomainID, Provider: g.provider, Node: g.node,
			From: d.State, To: campaign.Bounced, Number: 1, First: time.Now(), At: time.Now(), Host: "mx.a.test",
			Reply: reply.Reply{Phase: reply.PhaseRcpt, Code: 550, Lines: []string{"no such user"}}}}
	}
	group[3].outcome.Reply.Lines = []string{"no \x00 user"}
	group[4].outcome.Host = "mx\xff.a.test"
	g.writer.commit(group)
	for i, e := range group {
		select {
		case <-e.recorded:
		default:
			t.Errorf("outcome %d was not said to be recorded", i)
		}
	}
	good := g.text(`select count(*)::text from deliveries where state = 'bounced' and reply = '550 no such user'`)
	bare := g.text(`select count(*)::text from deliveries where state = 'bounced' and reply like '550 the reply could not be stored: %'`)
	if bare != "2" || good != g.text(`select ($1 - 2)::text`, len(claimed)) {
		t.Errorf("%s were stored whole and %s bare, of %d", good, bare, len(claimed))
	}
	g.balanced()
}

// While the database is away outcomes wait in memory, their lanes send nothing,
// and afterwards everything is recorded and nobody gets a message twice.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "hw") // short: a socket's path is limited
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil { // the server's own account comes through
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	bring := func() *embedded.Server {
		s, err := embedded.Start(t.Context(), embedded.Config{DataDir: data})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	stop := func(s *embedded.Server) {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Error(err)
		}
	}
	server := bring()
	defer func() { stop(server) }()
	if err := server.Create(t.Context(), "headway"); err != nil {
		t.Fatal(err)
	}
	url := server.URL("headway")
	if err := postgres.Migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}

	const contacts = 80
	r := receive(t, func(string) error {
		time.Sleep(20 * time.Millisecond)
		return nil
	})
	g := start(t, r, rigConfig{url: url, contacts: contacts, start: 20, lanes: 3})
	defer g.stop() // before the server stops
	until(t, 30*time.Second, "ten transactions", func() bool {
		_, n := r.last()
		return n >= 10
	})
	stop(server)
	time.Sleep(500 * time.Millisecond)
	_, before := r.last()
	time.Sleep(2 * time.Second)
	if _, n := r.last(); n != before || n == contacts {
		t.Errorf("while the database was away, transactions went from %d to %d of %d", before, n, contacts)
	}
	server = bring()
	until(t, 30*time.Second, "all delivered", func() bool {
		c, err := g.store.Campaign(t.Context(), g.campaign)
		return err == nil && c.Counters.Delivered == contacts
	})
	for n := 1; n <= contacts; n++ {
		if got := r.copies(isReader(n)); got != 1 {
			t.Errorf("%s got %d messages", isReader(n), got)
		}
	}
	g.balanced()
}

// A writer that ends while the database is away lets everybody go at once.
func TestWriterEndsWithoutADatabase(t *testing.T) {
	t.Parallel()
	store := closedStore(t)
	w := newWriter(store, slog.New(slog.DiscardHandler), func() int { return 1 })
	var wait sync.WaitGroup
	told := make([]error, 5)
	for i := range told {
		wait.Go(func() { told[i] = w.record(postgres.Outcome{At: time.Now()}) })
	}
	time.Sleep(50 * time.Millisecond)
	ended := make(chan struct{})
	go func() {
		w.close()
		wait.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		t.Fatal("the writer hangs")
	}
	if slices.ContainsFunc(told, func(err error) bool { return !errors.Is(err, errOver) }) {
		t.Errorf("they were told %v", told)
	}
	if err := w.record(postgres.Outcome{}); !errors.Is(err, errOver) {
		t.Errorf("afterwards: %v", err)
	}
}

// A group waits until it is worth a commit, and no longer than a moment.
func TestGroupsWaitUntilTheyAreWorthIt(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ worth, come, want int }{
		"nobody waits":         {1, 1, 1},
		"enough come":          {3, 3, 3},
		"too few come at once": {3, 2, 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := &writer{in: make(chan entry), worth: func() int { return test.worth }}
			came := make([]entry, test.come)
			go func() {
				for _, e := range came[1:] {
					time.Sleep(groupPause / 4)
					w.in <- e
				}
			}()
			began := time.Now()
			group := w.gather(came[0])
			if took := time.Since(began); len(group) != test.want || took > groupPause {
				t.Errorf("%s: a group of %d after %v, want %d", name, len(group), took, test.want)
			}
		})
	}
}

// closedStore is a store whose database cannot be reached any more.
func closedStore(t testing.TB) *postgres.Store {
	t.Helper()
	g := start(t, receive(t, nil), rigConfig{contacts: 1})
	store, err := postgres.Open(t.Context(), g.store.Pool().Config().ConnString(), 2)
	if err != nil {
		t.Fatal(err)
	}
	store.Close()
	return store
}
