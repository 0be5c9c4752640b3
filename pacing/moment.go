package pacing

import (
	"math"
	"time"
)

// moment is a point of time in seconds since 1970 UTC; 0 means never.
//
// The controller is arithmetic on rates and intervals, so it keeps seconds as
// floating point inside and time.Time at its edges. Near today's dates one
// unit in the last place is a quarter of a microsecond.
type moment float64

func momentOf(t time.Time) moment {
	if t.IsZero() {
		return 0
	}
	return moment(float64(t.Unix()) + float64(t.Nanosecond())/1e9)
}

// Time returns the moment as UTC time; never is the zero time.
func (m moment) Time() time.Time {
	if m == 0 {
		return time.Time{}
	}
	whole, part := math.Modf(float64(m))
	return time.Unix(int64(whole), int64(part*1e9)).UTC()
}

// since returns the seconds from earlier to m.
func (m moment) since(earlier moment) float64 { return float64(m - earlier) }

// plus returns the moment that many seconds later.
func (m moment) plus(seconds float64) moment { return m + moment(seconds) }

// duration turns seconds into a time.Duration.
func duration(seconds float64) time.Duration {
	return time.Duration(seconds * float64(time.Second))
}

// clamp returns x moved into [lo, hi].
func clamp(x, lo, hi float64) float64 { return math.Max(lo, math.Min(hi, x)) }
