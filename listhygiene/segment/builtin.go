package segment

// BuiltIn is a segment that every installation has: it can be sent to, left out
// and copied, and not changed.
type BuiltIn struct {
	Key     string // stable
	Name    string
	Rule    Segment
	Purpose string // what it is for
}

// BuiltIns returns the segments that come with the program: who shows signs of
// life, and the two steps of a sunset. A sign of life is a person's click or
// open; what scanners and mail programs load by themselves is none.
func BuiltIns() []BuiltIn {
	return []BuiltIn{
		{"active-90", "Active in the last 90 days", signs(Any, Within, "90"),
			"A person clicked a link or opened a message. These readers are the best first ones of a new address or domain."},
		{"quiet-180", "Quiet for 180 days", quiet("180"),
			"They are known for longer, get mail, and showed no sign of life. Send them one newsletter that asks whether they still want it; who clicks is quiet no more."},
		{"quiet-270", "Quiet for 270 days", quiet("270"),
			"They did not answer that question either. Leave them out: mail that nobody reads costs standing with the receivers. Of campaigns that count opens as well as clicks, verification holds them by itself, as “no sign of life for a long time”."},
	}
}

// signs asks for signs of life.
func signs(m Match, op Operator, days string) Segment {
	return Segment{Group{Match: m, Conditions: []Condition{{Subject: Clicked, Op: op, Value: days}, {Subject: Opened, Op: op, Value: days}}}}
}

// quiet holds whoever could have shown a sign of life and did not: those known
// for so long who got something in that time.
func quiet(days string) Segment {
	s := signs(All, NotWithin, days)
	s.Conditions = append([]Condition{{Subject: Known, Op: NotWithin, Value: days}, {Subject: Delivered, Op: Within, Value: days}}, s.Conditions...)
	return s
}

// Purpose says what a built-in segment is for; empty for any other key.
func Purpose(key string) string {
	for _, b := range BuiltIns() {
		if b.Key == key {
			return b.Purpose
		}
	}
	return ""
}
