package pacing

// latency is how long one message takes, and how late its outcome is known
// here, both smoothed. Lanes are counted from the first; both together say
// how much of a young epoch cannot have been answered yet.
type latency struct {
	Message float64 `json:"message"` // seconds from launch to outcome
	Lag     float64 `json:"lag"`     // seconds from outcome to Step
	Seen    float64 `json:"seen"`
}

// A first guess before anything was sent: half a second is a transaction over
// a long line, and asks for more lanes rather than fewer.
func newLatency() latency { return latency{Message: 0.5} }

func (l *latency) observe(launched, at, now moment, n float64) {
	weight := clamp(n/(l.Seen+1), min(0.02*n, 1), 1)
	l.Seen += n
	if took := at.since(launched); took > 0 {
		l.Message += weight * (min(took, 60) - l.Message)
	}
	if late := now.since(at); late >= 0 {
		l.Lag += min(weight, 0.2) * (min(late, 10) - l.Lag)
	}
}
