package bench

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"runtime/metrics"
	"strings"
	"time"

	"github.com/headwaymail/headway/internal/config"
	"github.com/headwaymail/headway/internal/node"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/sandbox"
	"github.com/headwaymail/headway/internal/service"
)

// ImportOptions say how much is imported.
type ImportOptions struct {
	Rows   int
	Config config.Config
	Log    *slog.Logger
	Out    io.Writer // a line for each measurement
}

// ImportResult is how fast imports are, and what they are compared with.
type ImportResult struct {
	Rows          int           `json:"rows"`
	Bytes         int64         `json:"bytes"`
	First         time.Duration `json:"first_ns"` // upload to the last contact merged
	Again         time.Duration `json:"again_ns"` // the same file once more
	FirstProgress time.Duration `json:"first_progress_ns"`
	PeakHeap      uint64        `json:"peak_heap_bytes"` // of live and dead objects, sampled every 10 ms
	Copy          time.Duration `json:"copy_ns"`         // the same bytes into a table with one unique index
	Upsert        time.Duration `json:"upsert_ns"`       // contacts and memberships one by one, 10,000 a transaction, projected to all rows
}

// RowsPerSecond returns the rate of the first import.
func (r ImportResult) RowsPerSecond() float64 { return float64(r.Rows) / r.First.Seconds() }

// CopyRatio returns how fast the import is beside a bare COPY; 1 is as fast.
func (r ImportResult) CopyRatio() float64 { return r.Copy.Seconds() / r.First.Seconds() }

// UpsertRatio returns how many times as fast as upserts one by one it is.
func (r ImportResult) UpsertRatio() float64 { return r.Upsert.Seconds() / r.First.Seconds() }

// benchDatabase is the database that is made for the measurement.
const benchDatabase = "headway_bench_import"

// upsertBatch rows are one transaction of the upserts, and upsertShare of all
// rows are measured: they take minutes.
const (
	upsertBatch = 10_000
	upsertShare = 20
)

// Import measures imports of a made-up file in an empty database of its own.
func Import(ctx context.Context, o ImportOptions) (result ImportResult, err error) {
	d, err := node.OpenDatabaseNamed(ctx, o.Config, benchDatabase, o.Log)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if err := d.Empty(ctx); err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, d.Empty(context.WithoutCancel(ctx))) }()
	file, err := os.CreateTemp("", "headway-bench-*.csv")
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, file.Close(), os.Remove(file.Name())) }()
	if err := writePeople(file, o.Rows); err != nil {
		return result, err
	}
	result.Rows = o.Rows
	if result.Bytes, err = file.Seek(0, io.SeekCurrent); err != nil {
		return result, err
	}
	if err := compare(ctx, d, file, o, &result); err != nil {
		return result, err
	}
	return result, importTwice(ctx, d, file, o, &result)
}

func importTwice(ctx context.Context, d *node.Database, file *os.File, o ImportOptions, result *ImportResult) (err error) {
	names, err := sandbox.StartNames(peopleRecords(), time.Hour, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, names.Stop(context.WithoutCancel(ctx))) }()
	c := o.Config
	c.Roles = []string{"bulk"}
	c.DNS.Servers = []string{names.Addr().String()}
	worker, err := node.StartWorker(ctx, c, d, o.Log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, worker.Stop()) }()
	runtime.GC()
	for _, took := range []*time.Duration{&result.First, &result.Again} {
		peak := watchHeap()
		progress, err := importOnce(ctx, worker, file, o.Rows, took)
		result.PeakHeap = max(result.PeakHeap, peak())
		if err != nil {
			return err
		}
		if result.FirstProgress == 0 {
			result.FirstProgress = progress
		}
		fmt.Fprintf(o.Out, "imported %d rows in %.1f s, first progress after %.2f s\n", o.Rows, took.Seconds(), progress.Seconds())
		if err := settle(ctx, worker, o.Out); err != nil {
			return err
		}
	}
	return nil
}

// settle waits until the contacts of all imports are verified, so that this
// does not take part in the next measurement.
func settle(ctx context.Context, n *node.Node, out io.Writer) error {
	begun := time.Now()
	imports, err := n.Database.Store.Imports(ctx, 10)
	if err != nil {
		return err
	}
	for _, i := range imports {
		for {
			v, err := n.Database.Store.NewestVerification(ctx, postgres.VerificationScope{List: i.List, Import: i.ID})
			if err != nil && !errors.Is(err, postgres.ErrNotFound) {
				return err
			}
			if v.State == postgres.VerificationDone {
				break
			}
			select {
			case <-time.After(100 * time.Millisecond):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	fmt.Fprintf(out, "verified them in %.1f s\n", time.Since(begun).Seconds())
	return nil
}

func importOnce(ctx context.Context, n *node.Node, file *os.File, rows int, took *time.Duration) (progress time.Duration, err error) {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	begun := time.Now()
	id, err := n.Service.Upload(ctx, "people.csv", file, service.ImportOptions{List: "Bench"})
	if err != nil {
		return 0, err
	}
	for {
		i, err := n.Database.Store.Import(ctx, id)
		if err != nil {
			return 0, err
		}
		if progress == 0 && i.Counts.Rows > 0 {
			progress = time.Since(begun)
		}
		if service.Done(i) {
			*took = time.Since(begun)
			if c := i.Counts; i.State != postgres.ImportDone || c.New+c.Unchanged != int64(rows) {
				return 0, fmt.Errorf("the import is %s with %+v", i.State, c)
			}
			return progress, nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// compare measures what imports are compared with.
func compare(ctx context.Context, d *node.Database, file *os.File, o ImportOptions, result *ImportResult) error {
	yardstick, err := d.Store.NewYardstick(ctx)
	if err != nil {
		return err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	begun := time.Now()
	if _, err := yardstick.Copy(ctx, file); err != nil {
		return err
	}
	result.Copy = time.Since(begun)
	fmt.Fprintf(o.Out, "copied %d rows in %.1f s\n", o.Rows, result.Copy.Seconds())
	if yardstick, err = d.Store.NewYardstick(ctx); err != nil {
		return err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	rows := csv.NewReader(bufio.NewReader(file))
	if _, err := rows.Read(); err != nil {
		return err
	}
	begun = time.Now()
	upserted := 0
	for upserted < max(o.Rows/upsertShare, min(o.Rows, upsertBatch)) {
		var batch [][]string
		for len(batch) < upsertBatch && upserted+len(batch) < o.Rows {
			row, err := rows.Read()
			if err != nil {
				return err
			}
			batch = append(batch, row)
		}
		if err := yardstick.Upsert(ctx, batch, begun); err != nil {
			return err
		}
		upserted += len(batch)
	}
	took := time.Since(begun)
	result.Upsert = took * time.Duration(o.Rows) / time.Duration(upserted)
	fmt.Fprintf(o.Out, "upserted %d rows one by one in %.1f s\n", upserted, took.Seconds())
	return yardstick.Drop(ctx)
}

// peopleDomains is how many domains the made-up people are spread over.
const peopleDomains = 5000

// peopleRecords says that all their domains take mail.
func peopleRecords() []string {
	records := make([]string, peopleDomains)
	for i := range records {
		records[i] = fmt.Sprintf("domain%d.test. A 127.0.0.9", i)
	}
	return records
}

// writePeople writes a file of made-up people with five columns, in no order.
func writePeople(file *os.File, rows int) error {
	const scatter = 2_654_435_761 // Knuth's multiplier: no two rows alike, in no order
	w := bufio.NewWriterSize(file, 1<<20)
	if _, err := w.WriteString("Email Address,First Name,Last Name,City,Plan\n"); err != nil {
		return err
	}
	first := strings.Fields("Anna Berta Carla Dora Emil Franz Greta Hans Ida Jan Karla Lena Marek Nina Otto Paula")
	city := strings.Fields("Berlin Paris London Madrid Wien Oslo Porto Praha")
	for i := range rows {
		n := uint32(uint64(i) * scatter)
		given := first[n>>4%16]
		_, err := fmt.Fprintf(w, "%s.%08x@domain%d.%s,%s,Family%d,%s,plan-%d\n", strings.ToLower(given), n,
			int(n)%peopleDomains, "test", given, n%20000, city[n>>8%8], n%5)
		if err != nil {
			return err
		}
	}
	return w.Flush()
}

// watchHeap samples the heap until the function that it returns is called, which
// returns the largest size.
func watchHeap() func() uint64 {
	stop, peak := make(chan struct{}), make(chan uint64)
	go func() {
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		most := uint64(0)
		for {
			metrics.Read(sample)
			most = max(most, sample[0].Value.Uint64())
			select {
			case <-time.After(10 * time.Millisecond):
			case <-stop:
				peak <- most
				return
			}
		}
	}()
	return func() uint64 {
		close(stop)
		return <-peak
	}
}
