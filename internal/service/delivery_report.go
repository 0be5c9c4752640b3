package service

import (
	"context"
	"time"

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

// DeliveryReport returns what came of all campaigns of a span, by provider or by
// domain, the largest first. It looks at every delivery of these campaigns: where
// there are many the figures come later, see [Aged].
func (s *Service) DeliveryReport(ctx context.Context, scope ReportScope, wait time.Duration) (Aged[[]postgres.DeliveryLine], error) {
	return s.figures.delivery.take(ctx, s.life, scope, 0, wait, func(ctx context.Context) ([]postgres.DeliveryLine, error) {
		since := now().Add(-scope.Span)
		if scope.Domains {
			return s.Store.DeliveryByDomain(ctx, since, since.Add(-scope.Span), scope.Provider, mostLines)
		}
		return s.Store.DeliveryByProvider(ctx, since, since.Add(-scope.Span), mostLines)
	})
}
