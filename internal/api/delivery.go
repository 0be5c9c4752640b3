package api

import (
	"net/http"
	"time"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/service"
)

const (
	// countWithin is how long a call waits for figures that are made of every
	// delivery or contact: shorter than clients and proxies commonly wait.
	countWithin = 20 * time.Second
	// countAgain is when to ask for them again.
	countAgain = 10 * time.Second
)

// errBeingCounted says that figures are not there yet.
var errBeingCounted = &Problem{Status: http.StatusServiceUnavailable, Code: "being_counted", retryAfter: countAgain,
	Detail: "the figures are being counted for the first time; make the same call again in a moment"}

// DeliveryReport is what came of all campaigns that began in a span.
type DeliveryReport struct {
	Days  int            `json:"days" doc:"How far back the campaigns began."`
	AsOf  time.Time      `json:"as_of" doc:"When it was counted; a newer one may be on its way."`
	Items []DeliveryLine `json:"items" doc:"The largest first."`
	Next  string         `json:"next,omitzero" doc:"The cursor of the next part; missing at the end."`
}

// DeliveryLine is what came of the mail to a provider or a domain.
type DeliveryLine struct {
	ID              int64             `json:"id" doc:"Of the provider, or of the domain."`
	Name            string            `json:"name"`
	Provider        string            `json:"provider,omitzero" doc:"Of a domain: the name of its provider."`
	Counters        campaign.Counters `json:"counters"`
	HardBounced     int64             `json:"hard_bounced" doc:"Of those bounced: the address or its domain does not exist."`
	SoftBounced     int64             `json:"soft_bounced" doc:"The others of those bounced."`
	Complaints      int64             `json:"complaints" doc:"Reported in the span, whatever they are about."`
	MedianSeconds   float64           `json:"median_seconds" doc:"From the first attempt to the acceptance."`
	P95Seconds      float64           `json:"p95_seconds" doc:"95 of a hundred took no longer than that."`
	BounceHealth    string            `json:"bounce_health" enum:"unclear,healthy,watch,act"`
	ComplaintHealth string            `json:"complaint_health" enum:"unclear,healthy,watch,act"`
	DeliveredTrend  *float64          `json:"delivered_trend,omitzero" doc:"By how many percent more of what came to an end was delivered than in the span before."`
}

func newDeliveryLine(l service.DeliveryLine) DeliveryLine {
	return DeliveryLine{ID: l.ID, Name: l.Name, Provider: l.Provider, Counters: l.Counters, HardBounced: l.Hard, SoftBounced: l.Soft,
		Complaints: l.Complaints, MedianSeconds: round(l.Median), P95Seconds: round(l.P95), BounceHealth: l.Bounces.String(),
		ComplaintHealth: l.Complained.String(), DeliveredTrend: l.Trend}
}

func deliveryByProvider(c *call) (any, error) { return deliveryReport(c, service.ReportScope{}) }

func deliveryByDomain(c *call) (any, error) {
	return deliveryReport(c, service.ReportScope{Domains: true})
}

func deliveryOfProvider(c *call) (any, error) {
	found, err := c.provider()
	if err != nil {
		return nil, err
	}
	return deliveryReport(c, service.ReportScope{Domains: true, Provider: found.ID})
}

func deliveryReport(c *call, scope service.ReportScope) (any, error) {
	scope.Span = time.Duration(c.page.days) * 24 * time.Hour
	report, err := c.service.DeliveryReport(c.Context(), scope, countWithin)
	if err != nil {
		return nil, err
	}
	if !report.Known {
		return nil, errBeingCounted
	}
	part := newPage(c.page, report.Value, newDeliveryLine)
	return DeliveryReport{Days: c.page.days, AsOf: utc(report.At), Items: part.Items, Next: part.Next}, nil
}
