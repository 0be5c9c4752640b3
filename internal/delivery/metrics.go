package delivery

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/pacing"
)

// Labels are bounded: outcomes are states, decisions are kinds. Figures by
// provider stand on the pages, where thousands of providers do no harm.
var (
	outcomeCount = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "headway_attempts_total",
		Help: "Attempts whose outcome is recorded, by the state that the delivery came to.",
	}, []string{"state"})
	attemptSeconds = promauto.NewHistogram(prometheus.HistogramOpts{
		Name:    "headway_attempt_seconds",
		Help:    "Time from MAIL to the final reply of accepted messages.",
		Buckets: prometheus.ExponentialBuckets(0.005, 2, 14),
	})
	doubtCount = promauto.NewCounter(prometheus.CounterOpts{
		Name: "headway_attempts_in_doubt_total",
		Help: "Attempts whose connection was lost after the last byte of the message.",
	})
	decisionCount = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "headway_pace_decisions_total",
		Help: "Changes of pace, by kind.",
	}, []string{"kind"})
	laneCount = promauto.NewGauge(prometheus.GaugeOpts{
		Name: "headway_lanes",
		Help: "Lanes that run on this node.",
	})
)

func observeOutcome(o postgres.Outcome) {
	outcomeCount.WithLabelValues(string(o.To)).Inc()
	if o.InDoubt {
		doubtCount.Inc()
	}
	if o.Reply.Code == 250 {
		attemptSeconds.Observe(o.Took.Seconds())
	}
}

func observeDecision(d pacing.Decision) {
	decisionCount.WithLabelValues(string(d.Kind)).Inc()
}
