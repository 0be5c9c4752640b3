package campaign

// Counters count the deliveries of a campaign, a provider or a domain by state.
// A delivery that a lane is about to send still counts as queued or deferred.
type Counters struct {
	Targeted      int64 `json:"targeted"`       // all of them: "will receive"
	Queued        int64 `json:"queued"`         // not tried yet
	Deferred      int64 `json:"deferred"`       // to be tried again
	Delivered     int64 `json:"delivered"`      // accepted by the receiving server
	AcceptedFirst int64 `json:"accepted_first"` // of the delivered: on the first attempt
	Bounced       int64 `json:"bounced"`
	Expired       int64 `json:"expired"`
	Suppressed    int64 `json:"suppressed"` // stopped after launch
	Cancelled     int64 `json:"cancelled"`
	InDoubt       int64 `json:"in_doubt"` // held after a lost connection, by the campaign's choice
}

// Add returns the sum of c and d.
func (c Counters) Add(d Counters) Counters {
	c.Targeted += d.Targeted
	c.Queued += d.Queued
	c.Deferred += d.Deferred
	c.Delivered += d.Delivered
	c.AcceptedFirst += d.AcceptedFirst
	c.Bounced += d.Bounced
	c.Expired += d.Expired
	c.Suppressed += d.Suppressed
	c.Cancelled += d.Cancelled
	c.InDoubt += d.InDoubt
	return c
}

// Of returns the number of deliveries in a state.
func (c Counters) Of(s DeliveryState) int64 {
	if p := c.at(s); p != nil {
		return *p
	}
	return 0
}

// Count adds n deliveries in a state, without changing Targeted.
func (c *Counters) Count(s DeliveryState, n int64) {
	if p := c.at(s); p != nil {
		*p += n
	}
}

func (c *Counters) at(s DeliveryState) *int64 {
	switch s {
	case Queued:
		return &c.Queued
	case Deferred:
		return &c.Deferred
	case Delivered:
		return &c.Delivered
	case Bounced:
		return &c.Bounced
	case Expired:
		return &c.Expired
	case Suppressed:
		return &c.Suppressed
	case DeliveryCancelled:
		return &c.Cancelled
	case InDoubt:
		return &c.InDoubt
	}
	return nil
}

// Waiting returns the deliveries that are not final.
func (c Counters) Waiting() int64 { return c.Queued + c.Deferred }

// Final returns the deliveries whose state will not change by itself.
func (c Counters) Final() int64 {
	return c.Delivered + c.Bounced + c.Expired + c.Suppressed + c.Cancelled + c.InDoubt
}

// AddsUp reports whether the parts make the whole.
func (c Counters) AddsUp() bool {
	return c.Targeted == c.Waiting()+c.Final() && c.AcceptedFirst <= c.Delivered
}
