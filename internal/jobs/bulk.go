package jobs

import (
	"context"
	"log/slog"

	"github.com/riverqueue/river"

	"github.com/headwaymail/headway/campaign/token"
	"github.com/headwaymail/headway/internal/dnsclient"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/smtpout"
	"github.com/headwaymail/headway/pacing/reply"
)

// Resolver finds the mail hosts of a domain; *dnsclient.Resolver is one.
type Resolver interface {
	MX(ctx context.Context, domain string) (dnsclient.MXAnswer, error)
	Addrs(ctx context.Context, host string) (dnsclient.AddrAnswer, error)
}

// Bulk does the work that mail must not wait for.
type Bulk struct {
	Store    *postgres.Store
	Node     int64
	Resolver Resolver
	Relays   *smtpout.Relays // that take mail in place of mail hosts; nil for none
	Rules    *reply.Rules    // of replies; nil for the built-in ones
	Tokens   *token.Keyring  // proves whose message a mail is about
	Log      *slog.Logger
	// Sandboxed says that reserved names take mail and loopback addresses are
	// public, as in the simulated internet.
	Sandboxed bool
	// Erased returns the keyed hash under which an address that its owner asked
	// to be forgotten is remembered: see [postgres.Store.StageBatch].
	Erased func(key string) []byte
	// Batch is how many rows of an import are staged, and merged, in one
	// transaction. Defaults to 20,000: large enough that a commit costs nothing
	// beside them, small enough that a progress bar moves and that a batch in
	// memory is some megabytes.
	Batch int
	// Yield has this node's sending leave a processor free until done is called:
	// a launch, and the database that works for it, would else stand in line
	// behind signatures. Nil where the node sends nothing.
	Yield func(ctx context.Context) (done func())
}

const defaultBatch = 20_000

func (b *Bulk) batch() int {
	if b.Batch == 0 {
		return defaultBatch
	}
	return b.Batch
}

func (b *Bulk) addTo(workers *river.Workers) {
	river.AddWorker(workers, &importWorker{bulk: b})
	river.AddWorker(workers, &launchWorker{bulk: b})
	river.AddWorker(workers, &resolveWorker{bulk: b})
	river.AddWorker(workers, &verifyWorker{bulk: b})
	river.AddWorker(workers, &reverifyWorker{bulk: b})
	river.AddWorker(workers, &inboundWorker{bulk: b})
	river.AddWorker(workers, &reclassifyWorker{bulk: b})
}
