package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"
)

// Nodes edit a pace in turn: no edit is lost, and a node that knows the present
// version is spared the state.
func TestEditPaceInTurn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	source, err := w.EnsureSource(ctx, "127.0.0.1", "mail.sender.test")
	w.must(err)
	w.join("Readers", "ana@a.test")
	provider := w.at("a.test")
	const nodes, edits = 8, 40
	var wait sync.WaitGroup
	for range nodes {
		wait.Go(func() {
			var (
				known int64
				count int // as of the version that is known
			)
			for range edits {
				version, err := w.EditPace(ctx, source, provider, known, []byte(`0`), w.now,
					func(state []byte) ([]byte, []PaceEvent, string, error) {
						if state != nil {
							if err := json.Unmarshal(state, &count); err != nil {
								return nil, nil, "", err
							}
						}
						count++
						changed, err := json.Marshal(count)
						return changed, []PaceEvent{{At: w.now, Kind: "test", Now: float64(count)}}, "", err
					})
				if err != nil {
					t.Error(err)
					return
				}
				known = version
			}
		})
	}
	wait.Wait()
	paces, err := w.Paces(ctx)
	w.must(err)
	if len(paces) != 1 || string(paces[0].State) != "320" || paces[0].Version != 1+nodes*edits {
		t.Errorf("after %d edits: %+v", nodes*edits, paces)
	}
	if n := one[int](w, `select count(distinct now) from pace_events`); n != nodes*edits {
		t.Errorf("%d events are kept; want one for each edit", n)
	}
}

func TestEditPaceThatFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	source, err := w.EnsureSource(ctx, "127.0.0.1", "mail.sender.test")
	w.must(err)
	w.join("Readers", "ana@a.test")
	provider := w.at("a.test")
	edit := func(known int64, changed string, problem error) (int64, bool) {
		told := false
		version, err := w.EditPace(ctx, source, provider, known, []byte(`"first"`), w.now, func(state []byte) ([]byte, []PaceEvent, string, error) {
			told = state != nil
			if changed == "" {
				return nil, nil, "", problem
			}
			return []byte(changed), nil, "", problem
		})
		if !errors.Is(err, problem) {
			t.Errorf("got %v; want %v", err, problem)
		}
		return version, told
	}
	broken := errors.New("broken")
	if version, told := edit(0, `"lost"`, broken); version != 0 || !told {
		t.Errorf("a failed edit left version %d, and the state was told: %v", version, told)
	}
	version, told := edit(0, `"kept"`, nil)
	if version != 2 || !told {
		t.Errorf("got version %d, and the state was told: %v", version, told)
	}
	if same, told := edit(version, "", nil); same != version || told {
		t.Errorf("nothing was changed: version %d, and the state was told: %v", same, told)
	}
	if got := one[string](w, `select state::text from paces`); got != `"kept"` {
		t.Errorf("the state is %s", got)
	}
}

// A dead node's lanes are free at once; those of others stay theirs.
func TestGiveUpSeats(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	source, err := w.EnsureSource(ctx, "127.0.0.1", "mail.sender.test")
	w.must(err)
	w.join("Readers", "ana@a.test", "ben@b.test")
	for _, domain := range []string{"a.test", "b.test"} {
		w.exec(`insert into paces (source_id, provider_id, state, shared, updated_at) values ($1, $2, '{}', $3, $4)`,
			source, w.at(domain), `{"opened": 7, "seats": {"3": {"lanes": 5}, "33": {"lanes": 2}}}`, w.now)
	}
	w.must(w.GiveUpSeats(ctx, 3))
	if left := one[string](w, `select string_agg(distinct shared::text, ' ') from paces`); left != `{"seats": {"33": {"lanes": 2}}, "opened": 7}` {
		t.Errorf("left is %s", left)
	}
}
