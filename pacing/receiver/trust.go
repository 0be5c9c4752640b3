package receiver

import "time"

// Defaults of [Trust], after the trust-growing receiver of the benchmark.
const (
	trustGrow   = 1.3
	trustShrink = 0.5
	trustClean  = Share(0.01)
	trustDirty  = Share(0.05)
	trustUsed   = Share(0.5)
)

// trust judges one key's conduct at one limit, period by period.
type trust struct {
	spec    Trust
	nominal func(time.Time) float64 // the limit's rate without trust
	factor  float64                 // multiplies the rate, ≥ 1
	since   time.Time               // start of the running period
	passed  int
	refused int
}

func newTrust(spec *Trust, nominal func(time.Time) float64, now time.Time) *trust {
	t := &trust{spec: *spec, nominal: nominal, factor: 1, since: now}
	t.spec.Grow = orElse(spec.Grow, trustGrow)
	t.spec.Shrink = orElse(spec.Shrink, trustShrink)
	t.spec.Clean = orElse(spec.Clean, trustClean)
	t.spec.Dirty = orElse(spec.Dirty, trustDirty)
	t.spec.Used = orElse(spec.Used, trustUsed)
	return t
}

// roll judges the periods that are over by now.
func (t *trust) roll(now time.Time) {
	if t.spec.Every > 0 {
		for !now.Before(t.since.Add(t.spec.Every)) {
			capacity := t.nominal(t.since) * t.factor * t.spec.Every.Seconds()
			t.judge(float64(t.passed) > float64(t.spec.Used)*capacity)
			t.since = t.since.Add(t.spec.Every)
		}
		return
	}
	if t.passed+t.refused >= t.spec.Messages {
		t.judge(true)
		t.since = now
	}
}

// judge closes a period: too many refusals shrink the rate, clean use grows it.
func (t *trust) judge(used bool) {
	total := t.passed + t.refused
	share := Share(0)
	if total > 0 {
		share = Share(float64(t.refused) / float64(total))
	}
	switch {
	case share > t.spec.Dirty:
		t.factor = max(1, t.factor*t.spec.Shrink)
	case total > 0 && share < t.spec.Clean && used:
		t.factor *= t.spec.Grow
		if rate := t.nominal(t.since); t.spec.Max > 0 && rate > 0 {
			t.factor = max(1, min(t.factor, float64(t.spec.Max)/rate))
		}
	}
	t.passed, t.refused = 0, 0
}

// orElse returns v, or the default when v was left out.
func orElse[T comparable](v, byDefault T) T {
	var zero T
	if v == zero {
		return byDefault
	}
	return v
}
