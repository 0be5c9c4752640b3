package web

import "github.com/headwaymail/headway/campaign"

// bar shows where all recipients of a campaign stand. Its parts are all of
// them, and add up to the whole.
type bar struct {
	Whole int64
	Parts []barPart
}

// barPart is one colour of a bar, and its line in the legend.
type barPart struct {
	State campaign.DeliveryState
	Words string
	Means string // for whoever asks what the word means
	Count int64
	Share string
	X, W  int // place and width in thousandths of the bar
}

// barOrder is how a bar is read: from the left what is done, at the right what
// is still to come, so that the bar fills from left to right.
var barOrder = []campaign.DeliveryState{
	campaign.Delivered, campaign.Bounced, campaign.Expired, campaign.Suppressed, campaign.DeliveryCancelled,
	campaign.InDoubt, campaign.Deferred, campaign.Queued,
}

var meansOf = map[campaign.DeliveryState]string{
	campaign.Delivered:         "Accepted by the receiving server.",
	campaign.Bounced:           "Refused for good by the receiving server.",
	campaign.Expired:           "Tried until the campaign's lifetime ended.",
	campaign.Suppressed:        "Stopped after launch: they left, or must not be mailed.",
	campaign.DeliveryCancelled: "Not sent because the campaign was cancelled.",
	campaign.InDoubt:           "The connection was lost after the last byte: it may have arrived.",
	campaign.Deferred:          "Put off by the receiving server; will be tried again.",
	campaign.Queued:            "Not tried yet.",
}

// barScale is the width of a whole bar; thinnest is the least that is visible.
const (
	barScale = 1000
	thinnest = 4
)

// newBar lays out the parts. A part that exists is visible, be it ever so
// small; the largest gives the room for it.
func newBar(c campaign.Counters) bar {
	b := bar{Whole: c.Targeted}
	largest, used := 0, 0
	for i, state := range barOrder {
		n := c.Of(state)
		part := barPart{State: state, Words: state.Words(), Means: meansOf[state], Count: n, Share: share(n, c.Targeted)}
		if n > 0 && c.Targeted > 0 {
			part.W = max(int(float64(n)/float64(c.Targeted)*barScale), thinnest)
		}
		used += part.W
		b.Parts = append(b.Parts, part)
		if n > b.Parts[largest].Count {
			largest = i
		}
	}
	if used > 0 {
		b.Parts[largest].W += barScale - used
	}
	x := 0
	for i := range b.Parts {
		b.Parts[i].X = x
		x += b.Parts[i].W
	}
	return b
}

// Label says the bar in a sentence, for who cannot see it.
func (b bar) Label() string {
	label := plural(b.Whole, "recipient", "recipients")
	sign := ": "
	for _, p := range b.Parts {
		if p.Count > 0 {
			label += sign + count(p.Count) + " " + p.Words
			sign = ", "
		}
	}
	return label
}
