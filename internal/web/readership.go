package web

import (
	"github.com/headwaymail/headway/internal/service"
)

// readershipView is what readers did with a campaign's messages.
type readershipView struct {
	service.Readership
	Delivered int64
}

func newReadershipView(r service.Readership, delivered int64) readershipView {
	return readershipView{Readership: r, Delivered: delivered}
}

// Any reports whether there is anything to show.
func (v readershipView) Any() bool {
	return v.Tracking.Clicks || v.Tracking.Opens || v.Clicks != (service.Engaged{}) || v.Opens != (service.Engaged{})
}

// Nothing says why there is nothing.
func (v readershipView) Nothing() string {
	return "Neither clicks nor opens are counted for this campaign."
}
