package engagement

import "time"

// Kind says what was done with a message.
type Kind string

// The kinds.
const (
	Open  Kind = "open"  // its image was loaded
	Click Kind = "click" // a link was followed
)

// Visit is one request for a counted link or image.
type Visit struct {
	Kind      Kind
	Link      int // of a click
	At        time.Time
	Delivered time.Time // when the receiving server accepted the message; zero when that is not known
	Method    string    // of the request: GET or HEAD
	Agent     string    // User-Agent
	Purpose   string    // Sec-Purpose, Purpose, X-Purpose and X-Moz, whichever there are
}

const (
	// Window is how far apart visits are that are judged together. Scanners try
	// the links of a message within a second or two of each other.
	Window = 3 * time.Second
	// manyLinks different ones within Window are more than anybody reads.
	manyLinks = 3

	// What comes sooner after the acceptance than this was not a person: the
	// message has yet to be filtered, filed and shown. Images of a message that
	// is shown in a preview pane are loaded soon after.
	clickSoon = 5 * time.Second
	openSoon  = 2 * time.Second
)

// Judge judges the visits of one reader to one message, in the order of their
// times, and returns the rule for each. Visits that are further apart than
// [Window] do not change each other.
func Judge(visits []Visit) []Rule {
	rules := make([]Rule, len(visits))
	for i, v := range visits {
		rules[i] = v.rule()
	}
	for _, v := range visits {
		if v.Method == "HEAD" {
			sameProgram(visits, rules, v)
		}
	}
	for i := range visits {
		last, links := i, make(map[int]bool)
		for j := i; j < len(visits) && visits[j].At.Sub(visits[i].At) <= Window; j++ {
			if visits[j].Kind == Click {
				links[visits[j].Link] = true
			}
			last = j
		}
		if len(links) < manyLinks {
			continue
		}
		for j := i; j <= last; j++ {
			if visits[j].Kind == Click && rules[j] == Person {
				rules[j] = Everything
			}
		}
	}
	return rules
}

// sameProgram marks what a program did that had asked with HEAD: many ask for the
// page itself right after. No browser asks with HEAD for a person.
func sameProgram(visits []Visit, rules []Rule, head Visit) {
	for i, v := range visits {
		if rules[i] == Person && v.Agent == head.Agent && v.At.Sub(head.At).Abs() <= Window {
			rules[i] = Head
		}
	}
}

// rule judges one visit by itself.
func (v Visit) rule() Rule {
	switch {
	case v.Method == "HEAD":
		return Head
	case isPrefetch(v.Purpose):
		return Prefetch
	}
	if rule := agentRule(v.Agent); rule != Person {
		return rule
	}
	soon := clickSoon
	if v.Kind == Open {
		soon = openSoon
	}
	if !v.Delivered.IsZero() && v.At.Sub(v.Delivered) < soon {
		return TooSoon
	}
	return Person
}
