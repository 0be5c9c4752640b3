package verification

import (
	"fmt"
	"time"

	"github.com/headwaymail/headway/listhygiene"
	"github.com/headwaymail/headway/listhygiene/risk"
)

const (
	// ReturnedAddresses is how many addresses of a domain must have been accepted
	// and come back as unknown before the domain counts as one that accepts
	// everything. One report may come from a forwarder whose target is gone, two
	// from a colleague's; three that nothing in the conversation contradicts are a
	// server that does not know its mailboxes.
	ReturnedAddresses = 3
	// reportWithin is how long a server may try to hand a message on before it
	// reports: 5 days is the default of Postfix, Sendmail and RFC 5321 §4.5.4.1.
	reportWithin = 5 * 24 * time.Hour
)

// Returned says how a domain's mail came back after it had been accepted, since
// [ProvenSince].
type Returned struct {
	Addresses int       // different ones that were accepted, and reported as unknown later
	Last      time.Time // the last report
	// Refuses says that the domain has also refused an unknown mailbox in the
	// conversation: then it knows its mailboxes, and the reports are strays.
	Refuses bool
}

// ProvenSince returns when the time began of which an acceptance is a proof, and
// of which reports count.
func ProvenSince(now time.Time) time.Time { return now.Add(-proofFor) }

// returned is the finding that the domain takes any address at first. Providers
// of free mail know their mailboxes; what comes back from there was forwarded. An
// address is spared that shows life, or whose message nobody sent back in time.
func returned(f Facts, own risk.Assessment, now time.Time) []finding {
	r := f.Returned
	switch {
	case own.FreeProvider || own.RelayAlias || r.Refuses || r.Addresses < ReturnedAddresses:
		return nil
	case !f.History.Confirmed.IsZero() || !f.Silence.Sign.IsZero():
		return nil
	case !f.History.Kept.IsZero() && now.Sub(f.History.Kept) >= reportWithin:
		return nil
	}
	return []finding{{listhygiene.AcceptsEverything, Evidence{Source: FromRecords, At: r.Last,
		Words: fmt.Sprintf("the domain accepted messages to %d addresses and reported later that there are no such mailboxes; it has refused none at once", r.Addresses)}}}
}
