package campaign

import (
	"slices"
	"strings"
	"time"
)

// Content is what a campaign says: the source that campaign/message compiles.
// Exactly one of Markdown and HTML is given; Text is made from it when empty.
type Content struct {
	FromName      string `json:"from_name"`
	FromAddress   string `json:"from_address"`
	ReplyTo       string `json:"reply_to,omitempty"`
	Subject       string `json:"subject"`
	Preheader     string `json:"preheader,omitempty"`
	Markdown      string `json:"markdown,omitempty"`
	HTML          string `json:"html,omitempty"`
	Text          string `json:"text,omitempty"`
	Layout        string `json:"layout,omitempty"` // of campaign/message; empty leaves it to that
	PostalAddress string `json:"postal_address,omitempty"`
	// Frame is the HTML of a template of somebody's own, as it was when the
	// content was saved; Layout then names the template.
	Frame string `json:"frame,omitempty"`
	// Own marks mail of Headway's own, such as an invitation: it belongs to no
	// list, so it has neither a footer nor a way to leave.
	Own bool `json:"own,omitempty"`
}

// FromDomain returns the domain of the From address in lower case: DKIM signs for
// it (RFC 6376 §3.5), and receivers align the rest with it.
func (c Content) FromDomain() string {
	return strings.ToLower(c.FromAddress[strings.LastIndexByte(c.FromAddress, '@')+1:])
}

// Audience is the waterfall from the chosen lists to those who will receive,
// as counted at launch. Every step is a number of contacts; the parts that were
// taken away and WillReceive add up to InLists.
type Audience struct {
	InLists       int64 `json:"in_lists"`             // distinct contacts of the included lists
	Duplicates    int64 `json:"duplicates,omitempty"` // further memberships of these, as a preview counts them
	Excluded      int64 `json:"excluded"`             // members of an excluded list
	Unsubscribed  int64 `json:"unsubscribed"`         // they left
	Unconfirmed   int64 `json:"unconfirmed"`          // they have not confirmed yet
	Suppressed    int64 `json:"suppressed"`           // must not be mailed: bounced, complained, by hand, by domain
	Undeliverable int64 `json:"undeliverable"`        // verification proved that it cannot work
	Held          int64 `json:"held"`                 // expected to go badly: risky, or of a file that went badly before
	WillReceive   int64 `json:"will_receive"`
	Probation     int64 `json:"probation"` // of those: unproven, tried in slices first
	// Why counts Undeliverable and Held by the weightiest reason, as listhygiene
	// names them; "file_stopped" stands for files that went badly before.
	Why map[string]int64 `json:"why,omitempty"`
	// Later counts those who get it later than at the launch, in their own zones.
	Later []Later `json:"later,omitempty"`
}

// Later is a number of readers whose mail falls due at one time.
type Later struct {
	Due time.Time `json:"due"`
	N   int64     `json:"n"`
}

// PutOff counts readers whose mail falls due later, keeping times in their order.
func (a *Audience) PutOff(due time.Time, n int64) {
	i, found := slices.BinarySearchFunc(a.Later, due, func(l Later, t time.Time) int { return l.Due.Compare(t) })
	if !found {
		a.Later = slices.Insert(a.Later, i, Later{Due: due})
	}
	a.Later[i].N += n
}

// Because counts contacts that were left out for a reason.
func (a *Audience) Because(reason string, n int64) {
	if reason == "" || n == 0 {
		return
	}
	if a.Why == nil {
		a.Why = make(map[string]int64)
	}
	a.Why[reason] += n
}
