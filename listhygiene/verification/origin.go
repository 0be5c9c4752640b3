package verification

import (
	"fmt"
	"time"

	"github.com/headwaymail/headway/listhygiene"
)

// staleAfter is how long an address may go unheard of before it counts as old.
// Google and Microsoft delete accounts that were not used for two years, and some
// abandoned addresses live on as traps for senders.
const staleAfter = 2 * 365 * 24 * time.Hour

// Origin says since when an address is known to be its owner's wish.
type Origin struct {
	// At is when the person last asked for mail as far as anyone says, else when
	// the address came to a list; zero when it is on none.
	At time.Time
	// Stated is true when At is what a file says of the person, false when it is
	// what happened here.
	Stated bool
}

// stale is the finding that an address was known years ago and not heard of since:
// no message of ours was accepted, and no person opened or clicked one.
func stale(f Facts, now time.Time) []finding {
	last := f.Origin.At
	for _, sign := range []time.Time{f.History.Accepted, f.Silence.Sign} {
		if sign.After(last) {
			last = sign
		}
	}
	if f.Origin.At.IsZero() || now.Sub(last) < staleAfter {
		return nil
	}
	words := "on a list since %s, without a sign of life in the last two years"
	if f.Origin.Stated {
		words = "the file says that the person agreed on %s; nobody states that it was mailed since, and there is no sign of life of the last two years"
	}
	return []finding{{listhygiene.StaleSource, Evidence{Source: FromRecords, At: f.Origin.At,
		Words: fmt.Sprintf(words, f.Origin.At.UTC().Format("2 Jan 2006"))}}}
}
