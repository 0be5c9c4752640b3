package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/headwaymail/headway/internal/config"
	"github.com/headwaymail/headway/internal/dnsclient"
	"github.com/headwaymail/headway/internal/jobs"
	"github.com/headwaymail/headway/internal/node"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/sandbox"
	"github.com/headwaymail/headway/internal/service"
)

// VerifyOptions say how much is verified.
type VerifyOptions struct {
	Contacts int
	Domains  int
	Latency  time.Duration // of each DNS answer
	Config   config.Config
	Log      *slog.Logger
	Out      io.Writer
}

// VerifyResult is how the verification went.
type VerifyResult struct {
	Took      time.Duration // from the request to the last verdict
	Domains   time.Duration // of it: until the last domain was known
	Bare      time.Duration // the same questions without a database
	Questions int
	Repeated  int // questions that were asked more than once
	Again     int // questions of a second verification right after the first
	Judged    int64
	Verdicts  map[string]int64
}

const (
	verifyDatabase = "headway_bench_verify"
	verifyList     = "Bench"
	// sharedHosts is how many hosters run the mail of three in five domains.
	sharedHosts = 200
	// bareAtOnce is how many questions are in flight without a database, as many
	// as with one.
	bareAtOnce = 64
)

// Verify fills a database of its own with contacts, verifies them against a name
// server on loopback, and counts what that was asked.
func Verify(ctx context.Context, o VerifyOptions) (result VerifyResult, err error) {
	names, err := sandbox.StartNames(verifyRecords(o.Domains), time.Hour, o.Latency)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, names.Stop(context.WithoutCancel(ctx))) }()
	if result.Bare, err = askBare(ctx, names.Addr(), o.Domains); err != nil {
		return result, err
	}
	fmt.Fprintf(o.Out, "Asked DNS alone for %d domains: %s\n", o.Domains, result.Bare.Round(10*time.Millisecond))
	names.Forget()

	c := o.Config
	c.Sandbox.Enabled = true
	c.DNS.Servers = []string{names.Addr().String()}
	c.Roles = []string{"bulk"}
	db, err := node.OpenDatabaseNamed(ctx, c, verifyDatabase, o.Log)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.Empty(ctx); err != nil {
		return result, err
	}
	list, err := db.Store.FillForBench(ctx, verifyList, o.Contacts, o.Domains, time.Now())
	if err != nil {
		return result, err
	}
	fmt.Fprintf(o.Out, "Filled a database with %d contacts\n", o.Contacts)
	worker, err := node.StartWorker(ctx, c, db, o.Log)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, worker.Stop()) }()
	queue, err := jobs.NewQueue(db.Store, o.Log)
	if err != nil {
		return result, err
	}
	s, err := service.New(ctx, db.Store, queue, c, o.Log)
	if err != nil {
		return result, err
	}
	if err := verifyOnce(ctx, s, list, &result); err != nil {
		return result, err
	}
	result.Questions, result.Repeated = names.Asked()
	names.Forget()
	var again VerifyResult
	if err := verifyOnce(ctx, s, list, &again); err != nil {
		return result, err
	}
	result.Again, _ = names.Asked()
	return result, nil
}

// verifyOnce verifies a list and waits for the end.
func verifyOnce(ctx context.Context, s *service.Service, list int64, result *VerifyResult) error {
	began := time.Now()
	id, err := s.Verify(ctx, list)
	if err != nil {
		return err
	}
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		v, err := s.Store.Verification(ctx, id)
		if err != nil {
			return err
		}
		if v.State == postgres.VerificationContacts && result.Domains == 0 {
			result.Domains = time.Since(began)
		}
		if v.State == postgres.VerificationDone {
			result.Took, result.Judged, result.Verdicts = time.Since(began), v.Judged(), v.Counts.Verdicts
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// verifyRecords describes the domains: three in five share the hosts of a few
// operators, the rest have their own; some have no MX, refuse mail, or do not
// exist.
func verifyRecords(domains int) []string {
	var records []string
	for i := range sharedHosts {
		records = append(records, fmt.Sprintf("mx%d.hoster.test. A 127.0.0.9", i))
	}
	for i := range domains {
		name := "d" + strconv.Itoa(i) + ".test."
		switch kind := i % 100; {
		case kind < 2: // does not exist
		case kind < 3:
			records = append(records, name+" MX 0 .")
		case kind < 8:
			records = append(records, name+" A 127.0.0.9")
		case kind < 60:
			records = append(records, fmt.Sprintf("%s MX 10 mx%d.hoster.test.", name, i%sharedHosts))
		default:
			records = append(records, name+" MX 10 mx."+name, "mx."+name+" A 127.0.0.9")
		}
	}
	return records
}

// askBare puts the same questions with the same number in flight, and nothing else.
func askBare(ctx context.Context, server netip.AddrPort, domains int) (time.Duration, error) {
	resolver, err := dnsclient.New(dnsclient.Config{Servers: []netip.AddrPort{server}, LoopbackOnly: true, CacheSize: 4 * domains})
	if err != nil {
		return 0, err
	}
	began := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(bareAtOnce)
	for i := range domains {
		group.Go(func() error {
			mx, err := resolver.MX(ctx, "d"+strconv.Itoa(i)+".test")
			if err == nil && len(mx.Hosts) > 0 {
				_, err = resolver.Addrs(ctx, mx.Hosts[0].Host)
			}
			if dnsclient.Temporary(err) {
				return err
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return 0, err
	}
	return time.Since(began), nil
}

// Wrong says what was not as it should be.
func (r VerifyResult) Wrong(contacts int, within time.Duration) []string {
	var wrong []string
	if r.Repeated > 0 || r.Again > 0 {
		wrong = append(wrong, fmt.Sprintf("%d questions were repeated within their time, %d by verifying again", r.Repeated, r.Again))
	}
	if r.Judged != int64(contacts) {
		wrong = append(wrong, fmt.Sprintf("%d of %d contacts have a verdict", r.Judged, contacts))
	}
	if r.Took > within {
		wrong = append(wrong, fmt.Sprintf("it took %s, more than %s", r.Took.Round(time.Second), within))
	}
	return wrong
}
