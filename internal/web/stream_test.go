package web

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
)

// events reads the events of a live part, until the stream ends.
func (b *bundle) events(path string) (next func() (name, data string, ok bool)) {
	b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	b.Cleanup(cancel)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, b.site.URL+path, nil)
	if err != nil {
		b.Fatal(err)
	}
	request.Header.Set("Accept", "text/event-stream")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { response.Body.Close() })
	if got := response.Header.Get("Content-Type"); got != "text/event-stream" {
		b.Fatalf("Content-Type: %s", got)
	}
	lines := bufio.NewReader(response.Body)
	return func() (name, data string, ok bool) {
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				if !errors.Is(err, io.EOF) {
					b.Errorf("the stream broke: %v", err)
				}
				return "", "", false
			}
			line = strings.TrimSuffix(line, "\n")
			switch field, value, _ := strings.Cut(line, ":"); {
			case line == "" && name != "":
				return name, data, true
			case field == "event":
				name = strings.TrimSpace(value)
			case field == "data":
				data += strings.TrimPrefix(value, " ") + "\n"
			}
		}
	}
}

func TestStreamBringsNewFigures(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.sample(1000)
	next := b.events(fmt.Sprintf("/campaigns/%d/live", id))
	for _, step := range []struct {
		delivered int
		shows     string
	}{{0, "1,000 recipients: 1,000 Queued"}, {217, ": 217 Delivered"}, {83, ": 300 Delivered"}} {
		b.progress(id, 1, campaign.Delivered, step.delivered, "")
		for {
			name, data, ok := next()
			if !ok || name != "live" {
				t.Fatalf("event %q, %t while waiting for %q", name, ok, step.shows)
			}
			if strings.Contains(data, step.shows) {
				break
			}
		}
	}
	// The campaign ends, and with it the stream, for good.
	b.exec(`update deliveries set state = 'delivered'`)
	b.recount(id)
	b.exec(`update campaigns set state = 'finished', finished_at = now()`)
	last := ""
	for {
		name, data, ok := next()
		if !ok {
			t.Fatal("the stream ended without saying that it is done")
		}
		if name == "done" {
			break
		}
		last = data
	}
	if !strings.Contains(last, "Finished") || !strings.Contains(last, "100 %") {
		t.Errorf("the last figures are\n%s", last)
	}
	if _, _, ok := next(); ok {
		t.Error("the stream goes on after its end")
	}
	// Who polls gets the same; who comes later needs no stream.
	b.contains(b.get("/campaigns/1/live"), "Finished", "100 %")
	if strings.Contains(b.get("/campaigns/1").body, "sse-connect") {
		t.Error("the page of a finished campaign opens a stream")
	}
}

// A shutdown does not wait for browsers.
func TestStreamsEndOnClose(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.sample(10)
	paths := []string{"/live", fmt.Sprintf("/campaigns/%d/live", id), fmt.Sprintf("/campaigns/%d/live", id), "/providers/live", "/providers/1/live", "/imports/live"}
	var streams []func() (string, string, bool)
	for _, path := range paths {
		next := b.events(path)
		if name, _, ok := next(); !ok || name != "live" {
			t.Fatalf("%s: %q, %t", path, name, ok)
		}
		streams = append(streams, next)
	}
	began := time.Now()
	b.server.Close()
	for i, next := range streams {
		for {
			name, _, ok := next()
			if !ok {
				break
			}
			if name == "done" {
				t.Errorf("%s: the browser is told not to come back", paths[i])
			}
		}
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("the streams took %s to end", took)
	}
	a := b.do(http.MethodGet, b.site.URL+"/live", "", "Accept", "text/event-stream")
	if a.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a stream after the end: %s", a.Status)
	}
}

// However many look, a live part is drawn once per tick, and not at all when
// the last one has gone.
func TestDrawnOnceForAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, end := context.WithCancel(context.Background())
		defer end()
		b := newBroadcasts(ctx, slog.New(slog.DiscardHandler))
		var drawn atomic.Int64
		draw := func(context.Context) ([]byte, bool, error) {
			return fmt.Append(nil, drawn.Add(1)), false, nil
		}
		parts := make([]*broadcast, 100)
		for i := range parts {
			var err error
			if parts[i], err = b.join("part", draw); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(10*tick - time.Millisecond)
		if n := drawn.Load(); n != 10 {
			t.Errorf("drawn %d times in 10 ticks", n)
		}
		for _, part := range parts {
			b.leave("part", part)
		}
		time.Sleep(10 * tick)
		if n := drawn.Load(); n != 10 {
			t.Errorf("drawn %d times after all had gone", n-10)
		}
		end()
		b.wait()
	})
}

// Drawing that takes long, or fails, is not repeated at once.
func TestDrawingRests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, end := context.WithCancel(context.Background())
		defer end()
		b := newBroadcasts(ctx, slog.New(slog.DiscardHandler))
		var drawn atomic.Int64
		part, err := b.join("part", func(context.Context) ([]byte, bool, error) {
			drawn.Add(1)
			time.Sleep(2 * time.Second)
			return nil, false, errors.New("no database")
		})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(99 * time.Second)
		if n := drawn.Load(); n != 10 { // 2 s of work, 8 s of rest
			t.Errorf("drawn %d times in 99 s", n)
		}
		if fragment, _, _ := part.now(); fragment != nil {
			t.Errorf("a failed drawing shows %q", fragment)
		}
		end()
		b.wait()
	})
}

func TestStreamsAreBounded(t *testing.T) {
	t.Parallel()
	ctx, end := context.WithCancel(context.Background())
	defer end()
	b := newBroadcasts(ctx, slog.New(slog.DiscardHandler))
	draw := func(context.Context) ([]byte, bool, error) { return []byte("x"), false, nil }
	var last *broadcast
	for range streamLimit {
		part, err := b.join("part", draw)
		if err != nil {
			t.Fatal(err)
		}
		last = part
	}
	if _, err := b.join("other", draw); !errors.Is(err, errTooManyStreams) {
		t.Errorf("one more: %v", err)
	}
	b.leave("part", last)
	if _, err := b.join("other", draw); err != nil {
		t.Errorf("after one left: %v", err)
	}
	end()
	b.wait()
}

// All who look at a campaign at the same time share one look at the database.
func TestSnapshotsAreShared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var reads atomic.Int64
		s := newSnapshots(func(_ context.Context, id int64) (service.Live, error) {
			reads.Add(1)
			time.Sleep(50 * time.Millisecond)
			return service.Live{At: time.Now(), Campaign: postgres.Campaign{ID: id}}, nil
		}, newRates())
		var all sync.WaitGroup
		for i := range 50 {
			all.Go(func() {
				if got, err := s.take(t.Context(), int64(1+i%2)); err != nil || got.Campaign.ID != int64(1+i%2) {
					t.Errorf("campaign %d, %v", got.Campaign.ID, err)
				}
			})
		}
		all.Wait()
		if n := reads.Load(); n != 2 {
			t.Errorf("%d reads for two campaigns", n)
		}
		s.changed(1) // somebody pressed a button: the next look is fresh
		_, _ = s.take(t.Context(), 1)
		_, _ = s.take(t.Context(), 2)
		if n := reads.Load(); n != 3 {
			t.Errorf("%d reads, want 3", n)
		}
		time.Sleep(snapshotAge)
		_, _ = s.take(t.Context(), 2)
		if n := reads.Load(); n != 4 {
			t.Errorf("%d reads, want 4", n)
		}
	})
}

func TestEventOf(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ data, want string }{
		"lines":         {"<p>\n<b>x</b>\n</p>\n", "event: live\ndata: <p>\ndata: <b>x</b>\ndata: </p>\n\n"},
		"CRLF":          {"a\r\nb", "event: live\ndata: a\ndata: b\n\n"},
		"an empty line": {"a\n\nb", "event: live\ndata: a\ndata: \ndata: b\n\n"},
		"nothing":       {"", "event: live\ndata:\n\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := string(eventOf("live", []byte(test.data))); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}
