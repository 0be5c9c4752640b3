// Package tracking records the visits that the counted links and images of
// messages bring, so cheaply that a flood of them does not disturb the sending.
//
//  1. The page that answers a visit hands it over with [Recorder.Note] and does
//     not wait. What finds the queue full is not counted; the visitor gets to the
//     page all the same.
//  2. Visits of one reader to one message are kept until nothing came for a
//     moment, and are then judged together: campaign/engagement tells people from
//     programs.
//  3. A message whose arrival is in doubt has arrived, when it brings a visit.
//  4. Once a second what is judged is recorded, a thousand readers a statement,
//     one statement at a time and five at most. While the database is away nothing is lost until
//     the memory for it is full.
//
// A visit is lost when its process is killed within seconds. [Recorder.Close]
// records everything first.
//
// The package knows nothing of HTTP, and no address of a visitor reaches it.
package tracking

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headwaymail/headway/campaign/engagement"
	"github.com/headwaymail/headway/internal/postgres"
)

const (
	// queued bounds what waits to be looked at, kept what waits to be recorded.
	// A visit takes about 200 bytes.
	queued = 8192
	kept   = 50_000
	// perReader visits are judged one by one; what goes on is added to the last.
	perReader = 50
	// atOnce readers are recorded by one statement, of which a tick has at most so
	// many.
	atOnce     = 1000
	statements = 5
	// recordWithin bounds one statement, closeWithin all that is left at the end.
	recordWithin = 10 * time.Second
	closeWithin  = 5 * time.Second
)

// Store is what a recorder needs of the database.
type Store interface {
	Handed(ctx context.Context, touches []postgres.Touch) (map[postgres.Touch]postgres.Handed, error)
	Engage(ctx context.Context, done []postgres.Engagement) error
	ProveReceipt(ctx context.Context, t postgres.Touch, at time.Time) error
}

// Recorder records visits. Its methods may be called by many goroutines.
type Recorder struct {
	store   Store
	log     *slog.Logger
	every   time.Duration
	arrived chan *visit
	missed  atomic.Int64               // not counted: there was no room
	readers map[postgres.Touch]*reader // used by run alone
	waiting int                        // visits in readers
	stop    chan struct{}
	ended   chan struct{}
	once    sync.Once
}

// visit is one visit to one message.
type visit struct {
	postgres.Touch
	engagement.Visit
}

// reader is what one reader, or programs in their name, did lately.
type reader struct {
	visits []engagement.Visit
	times  []int64 // of each
	last   time.Time
}

// Start returns a recorder that works until it is closed.
func Start(store Store, log *slog.Logger) *Recorder { return start(store, log, time.Second) }

func start(store Store, log *slog.Logger, every time.Duration) *Recorder {
	r := &Recorder{store: store, log: log, every: every, arrived: make(chan *visit, queued), readers: make(map[postgres.Touch]*reader),
		stop: make(chan struct{}), ended: make(chan struct{})}
	go r.run()
	return r
}

// Note hands over a visit. It never waits, and reports whether there was room.
// What a visit says of the delivery is filled in later.
func (r *Recorder) Note(t postgres.Touch, v engagement.Visit) bool {
	select {
	case r.arrived <- &visit{t, v}:
		return true
	default:
		r.missed.Add(1)
		return false
	}
}

// Close records what was noted before, and ends the recorder.
func (r *Recorder) Close() {
	r.once.Do(func() { close(r.stop) })
	<-r.ended
}

func (r *Recorder) run() {
	defer close(r.ended)
	ticker := time.NewTicker(r.every)
	defer ticker.Stop()
	for {
		select {
		case v := <-r.arrived:
			r.take(v)
		case <-ticker.C:
			quiet := time.Now().Add(-engagement.Window - r.every)
			for range statements {
				if r.record(context.Background(), quiet) < atOnce {
					break
				}
			}
		case <-r.stop:
			r.finish()
			return
		}
	}
}

// finish records all that is left.
func (r *Recorder) finish() {
	ctx, cancel := context.WithTimeout(context.Background(), closeWithin)
	defer cancel()
	for {
		select {
		case v := <-r.arrived:
			r.take(v)
			continue
		default:
		}
		break
	}
	for r.record(ctx, time.Now().Add(time.Hour)) > 0 {
	}
	if len(r.readers) > 0 {
		r.log.Warn("visits could not be recorded before the end", "visits", r.waiting)
	}
}

// take keeps a visit until it can be judged.
func (r *Recorder) take(v *visit) {
	known := r.readers[v.Touch]
	if known == nil {
		if r.waiting >= kept {
			r.missed.Add(1)
			return
		}
		known = &reader{}
		r.readers[v.Touch] = known
	}
	known.last = v.At
	if n := len(known.visits); n >= perReader || r.waiting >= kept {
		known.times[n-1]++
		return
	}
	known.visits, known.times = append(known.visits, v.Visit), append(known.times, 1)
	r.waiting++
}

// record records readers of whom nothing came since a time, or who come without
// end, and returns how many.
func (r *Recorder) record(ctx context.Context, quiet time.Time) int {
	if n := r.missed.Swap(0); n > 0 {
		r.log.Warn("visits came faster than they can be counted", "missed", n)
	}
	var touches []postgres.Touch
	for t, known := range r.readers {
		if len(touches) < atOnce && (known.last.Before(quiet) || len(known.visits) >= perReader) {
			touches = append(touches, t)
		}
	}
	if len(touches) == 0 {
		return 0
	}
	ctx, cancel := context.WithTimeout(ctx, recordWithin)
	defer cancel()
	handed, err := r.store.Handed(ctx, touches)
	if err == nil {
		err = r.prove(ctx, handed)
	}
	if err == nil {
		err = r.store.Engage(ctx, r.judge(touches, handed))
	}
	if err != nil {
		r.log.Warn("visits could not be recorded; they are tried again", "readers", len(touches), "error", err)
		return 0
	}
	for _, t := range touches {
		r.waiting -= len(r.readers[t].visits)
		delete(r.readers, t)
	}
	return len(touches)
}

// prove ends the doubt about messages that brought a visit: they have arrived.
func (r *Recorder) prove(ctx context.Context, handed map[postgres.Touch]postgres.Handed) error {
	for t, h := range handed {
		if !h.Doubted {
			continue
		}
		if err := r.store.ProveReceipt(ctx, t, r.readers[t].last); err != nil {
			return err
		}
	}
	return nil
}

// judge tells people from programs.
func (r *Recorder) judge(touches []postgres.Touch, handed map[postgres.Touch]postgres.Handed) []postgres.Engagement {
	var done []postgres.Engagement
	for _, t := range touches {
		known := r.readers[t]
		visits := slices.Clone(known.visits)
		for i := range visits {
			visits[i].Delivered = handed[t].Accepted
		}
		for i, rule := range engagement.Judge(visits) {
			v := visits[i]
			done = append(done, postgres.Engagement{Touch: t, Kind: v.Kind, Link: v.Link, Rule: rule, Times: known.times[i], First: v.At, Last: v.At})
		}
	}
	return done
}
