package campaign

import (
	"errors"
	"fmt"
	"strings"
)

// Tracking says what is counted of what readers do with a message.
type Tracking struct {
	// Clicks lets the links of a message lead through the tracking host, which
	// counts them and goes on to the page at once. Defaults to true.
	Clicks bool `json:"clicks" toml:"clicks"`
	// Opens puts a small image into the message that is counted when it is
	// loaded. It cannot tell who read: many programs load images by themselves,
	// many readers never. Defaults to false.
	Opens bool `json:"opens" toml:"opens"`
}

// Words says what is counted: "clicks and opens", "clicks", "opens" or "nothing".
func (t Tracking) Words() string {
	var what []string
	if t.Clicks {
		what = append(what, "clicks")
	}
	if t.Opens {
		what = append(what, "opens")
	}
	if len(what) == 0 {
		return "nothing"
	}
	return strings.Join(what, " and ")
}

// ParseTracking reads what is to be counted: clicks and opens, in any order, or
// none.
func ParseTracking(what []string) (Tracking, error) {
	var t Tracking
	none := false
	for _, word := range what {
		switch strings.ToLower(strings.TrimSpace(word)) {
		case "clicks":
			t.Clicks = true
		case "opens":
			t.Opens = true
		case "none":
			none = true
		default:
			return t, fmt.Errorf("%q cannot be counted; choose clicks, opens, both or none", word)
		}
	}
	if none && (t.Clicks || t.Opens) {
		return t, errors.New("none stands alone")
	}
	return t, nil
}
