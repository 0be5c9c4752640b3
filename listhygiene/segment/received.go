package segment

import "strconv"

// ReceivedBy returns the segment of those who received a campaign, by its number.
func ReceivedBy(campaign int64) Segment {
	return Segment{Group{Match: All, Conditions: []Condition{{Subject: Received, Op: Is, Value: strconv.FormatInt(campaign, 10)}}}}
}

// OnlyReceived returns the campaign of a segment that asks for nothing but who
// received it; 0 for any other.
func (s Segment) OnlyReceived() int64 {
	if len(s.Groups) > 0 || len(s.Conditions) != 1 {
		return 0
	}
	c := s.Conditions[0]
	if c.Subject != Received || c.Op != Is {
		return 0
	}
	n, err := strconv.ParseInt(c.Value, 10, 64)
	if err != nil {
		return 0
	}
	return n
}
