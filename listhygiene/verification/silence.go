package verification

import (
	"fmt"
	"time"
)

const (
	// quietFor is how long nobody shows a sign of life before an address is held.
	// After two thirds of it such readers are to be asked; see segment.BuiltIns.
	quietFor = 270 * 24 * time.Hour
	// quietMessages is how many messages of that time must have gone without one:
	// who gets two a year may be on holiday both times.
	quietMessages = 5
)

// Silence is what is known of whether anybody reads what an address gets. Only
// messages count of which clicks and opens were both counted: of others, silence
// says nothing.
type Silence struct {
	Since    time.Time // when the first of these was accepted; zero without one
	Messages int       // accepted in the last [QuietSince]
	Sign     time.Time // when a person last clicked or opened; zero if never
	Veiled   time.Time // when a mail program or a provider's proxy last loaded images by itself: whether somebody looked cannot be told
}

// QuietSince returns when the time began of which silence must last.
func QuietSince(now time.Time) time.Time { return now.Add(-quietFor) }

// Lasts reports whether an address showed no sign of life for so long that it is
// to be held, although it had occasions to.
func (s Silence) Lasts(h History, now time.Time) bool {
	begin := QuietSince(now)
	return !s.Since.IsZero() && s.Since.Before(begin) && s.Messages >= quietMessages &&
		s.Sign.Before(begin) && s.Veiled.Before(begin) && h.Confirmed.Before(begin)
}

// evidence says what the silence is.
func (s Silence) evidence() Evidence {
	last := "yet"
	if !s.Sign.IsZero() {
		last = "since " + s.Sign.UTC().Format("2 Jan 2006")
	}
	return Evidence{Source: FromRecords, At: s.Sign,
		Words: fmt.Sprintf("%d messages of the last %d days were accepted, and no person opened or clicked one %s", s.Messages, int(quietFor.Hours()/24), last)}
}
