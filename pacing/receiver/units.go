package receiver

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Rate is a number of things per second. In text it is written with its unit:
// "10/s", "120/min", "1200/h" or "10000/day".
type Rate float64

// perUnit gives the seconds of each unit that a rate may be written with.
var perUnit = map[string]time.Duration{
	"s": time.Second, "sec": time.Second, "second": time.Second,
	"min": time.Minute, "minute": time.Minute,
	"h": time.Hour, "hour": time.Hour,
	"d": 24 * time.Hour, "day": 24 * time.Hour,
}

// ParseRate reads "10/s", "120/min", "1200/h" or "10000/day".
func ParseRate(s string) (Rate, error) {
	number, unit, found := strings.Cut(s, "/")
	n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	per := perUnit[strings.TrimSpace(unit)]
	if !found || err != nil || per == 0 || n < 0 || math.IsNaN(n) || math.IsInf(n, 0) {
		return 0, fmt.Errorf("%q is not a rate; write a number per unit, e.g. 10/s, 120/min, 1200/h or 10000/day", s)
	}
	return Rate(n / per.Seconds()), nil
}

// UnmarshalText implements encoding.TextUnmarshaler by [ParseRate].
func (r *Rate) UnmarshalText(text []byte) error {
	v, err := ParseRate(string(text))
	if err != nil {
		return err
	}
	*r = v
	return nil
}

// Share is a part of a whole, 0 to 1. In text it is written "2.5%" or 0.025.
type Share float64

// ParseShare reads "2.5%" or "0.025".
func ParseShare(s string) (Share, error) {
	number, percent := strings.CutSuffix(strings.TrimSpace(s), "%")
	n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if percent {
		n /= 100
	}
	if err != nil || math.IsNaN(n) || n < 0 || n > 1 {
		return 0, fmt.Errorf("%q is not a share; write a percentage from 0%% to 100%%, e.g. 2.5%%", s)
	}
	return Share(n), nil
}

// UnmarshalText implements encoding.TextUnmarshaler by [ParseShare].
func (s *Share) UnmarshalText(text []byte) error {
	v, err := ParseShare(string(text))
	if err != nil {
		return err
	}
	*s = v
	return nil
}
