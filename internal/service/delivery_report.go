package service

import (
	"context"
	"time"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/campaign/health"
	"github.com/headwaymail/headway/internal/postgres"
)

// ReportScope says what a delivery report is about.
type ReportScope struct {
	Span     time.Duration // of the launches of campaigns, until now
	Domains  bool          // by domain; otherwise by provider
	Provider int64         // whose domains; 0: all
}

// mostLines bounds a delivery report: more than any installation has providers,
// and more domains than a spreadsheet shows.
const mostLines = 500_000

// DeliveryLine is what came of the mail to a provider or a domain in a span, and how
// healthy that is.
type DeliveryLine struct {
	ID         int64             `json:"id"`
	Name       string            `json:"name"`
	Provider   string            `json:"provider,omitempty"` // of a domain
	Counters   campaign.Counters `json:"counters"`
	Hard       int64             `json:"hard_bounced"` // these and the soft ones are all that bounced
	Soft       int64             `json:"soft_bounced"`
	Complaints int64             `json:"complaints"`
	Median     float64           `json:"median_seconds"`
	P95        float64           `json:"p95_seconds"`
	Bounces    health.Level      `json:"bounce_health"`
	Complained health.Level      `json:"complaint_health"`

	// Trend is by how many percent of what came to an end more was delivered than in
	// the span before; nil where there is nothing to compare.
	Trend *float64 `json:"delivered_trend,omitempty"`
}

// Tried is what came to an end that says something about addresses.
func (l DeliveryLine) Tried() int64 { return l.Counters.Delivered + l.Hard }

func newDeliveryLine(l postgres.DeliveryLine, limits health.Thresholds) DeliveryLine {
	hard := min(l.Hard, l.Counters.Bounced) // they are counted a moment later
	line := DeliveryLine{ID: l.ID, Name: l.Name, Provider: l.Provider, Counters: l.Counters,
		Hard: hard, Soft: l.Counters.Bounced - hard, Complaints: l.Complaints,
		Median: l.Median.Seconds(), P95: l.P95.Seconds(),
		Bounces: limits.Bounces(hard, l.Counters.Delivered), Complained: limits.Complaints(l.Complaints, l.Counters.Delivered)}
	tried := l.Counters.Delivered + l.Counters.Bounced + l.Counters.Expired
	if tried > 0 && l.BeforeTried > 0 {
		trend := 100 * (float64(l.Counters.Delivered)/float64(tried) - float64(l.Before)/float64(l.BeforeTried))
		line.Trend = &trend
	}
	return line
}

// DeliveryReport returns what came of all campaigns of a span, by provider or by
// domain, the largest first. It looks at every delivery of these campaigns: where
// there are many the figures come later, see [Aged].
func (s *Service) DeliveryReport(ctx context.Context, scope ReportScope, wait time.Duration) (Aged[[]DeliveryLine], error) {
	report, err := s.figures.delivery.take(ctx, s.life, scope, 0, wait, func(ctx context.Context) ([]postgres.DeliveryLine, error) {
		since := now().Add(-scope.Span)
		if scope.Domains {
			return s.Store.DeliveryByDomain(ctx, since, since.Add(-scope.Span), scope.Provider, mostLines)
		}
		return s.Store.DeliveryByProvider(ctx, since, since.Add(-scope.Span), mostLines)
	})
	if err != nil {
		return Aged[[]DeliveryLine]{}, err
	}
	limits, lines := s.Config.Health.Thresholds(), make([]DeliveryLine, len(report.Value))
	for i, l := range report.Value {
		lines[i] = newDeliveryLine(l, limits)
	}
	return Aged[[]DeliveryLine]{Value: lines, At: report.At, Known: report.Known, Running: report.Running}, nil
}
