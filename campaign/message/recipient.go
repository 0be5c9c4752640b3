package message

import (
	"fmt"
	"strings"

	"github.com/headwaymail/headway/campaign/message/template"
)

// maxToken is the longest link or id that a header carries. With the name of its
// field it stays below the 998 octets of a line (RFC 5322 §2.1.1).
const maxToken = 900

// check refuses a recipient whose message would lack something, or whose values
// cannot stand in a header.
func (c *Compiled) check(r Recipient) error {
	switch {
	case r.Date.IsZero() || r.Date.Year() > 9999:
		return refuse("it has no date that a header can show", "give the time at which the message is first sent")
	case !isMessageID(r.MessageID):
		return refuse("the Message-ID "+quote(r.MessageID)+" is none", "give letters, digits and dots around one @")
	case r.Ref != "" && !isToken(r.Ref):
		return refuse("the reference "+quote(r.Ref)+" cannot stand in a header", "give letters and digits")
	case r.UnsubscribeURL != "" && !isWebLink(r.UnsubscribeURL):
		return refuse("the unsubscribe link "+quote(r.UnsubscribeURL)+" cannot stand in a header", "give an https link in ASCII of at most 900 characters")
	case r.UnsubscribeMailto != "" && !isMailbox(r.UnsubscribeMailto):
		return refuse("the unsubscribe address "+quote(r.UnsubscribeMailto)+" cannot stand in a header", "give an address of letters, digits, dots and hyphens")
	case r.UnsubscribeURL == "" && c.uses[template.UnsubscribeURL]:
		return refuse("the message shows an unsubscribe link, and the recipient has none", "give one")
	case r.ViewURL == "" && c.uses[template.ViewURL]:
		return refuse("the message shows a link to view it in a browser, and the recipient has none", "give one")
	case r.Counted == nil && c.counts:
		return refuse("the links of the message are counted, and the recipient has no addresses for that", "give them")
	}
	return nil
}

// isToken reports whether s is printable ASCII without spaces and brackets, and
// not too long for one line.
func isToken(s string) bool {
	if s == "" || len(s) > maxToken {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '<' || c == '>' || c == '"' || c == '\\' || c == ',' {
			return false
		}
	}
	return true
}

// isMessageID reports whether s is an id without its brackets (RFC 5322 §3.6.4).
func isMessageID(s string) bool {
	left, right, ok := strings.Cut(s, "@")
	return ok && isToken(s) && isDotAtom(left) && isDotAtom(right)
}

// isWebLink reports whether s can stand between angle brackets as a link.
func isWebLink(s string) bool {
	return isToken(s) && (strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "http://"))
}

// isMailbox reports whether s is an address that stands in a mailto link as it
// is.
func isMailbox(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	if !ok || local == "" || !isHostName(domain) || len(s) > maxAddress {
		return false
	}
	for i := range len(local) {
		if c := local[i]; !isAlphanumeric(c) && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

func refuseAddress(address string) error {
	return refuse("the address "+quote(address)+" cannot stand in a header", "correct the address of the contact")
}

func refuse(problem, advice string) error {
	return &Error{Part: PartRecipient, Problem: problem, Advice: advice}
}

// quote shows a value in a message about it, at most 60 characters of it.
func quote(s string) string { return fmt.Sprintf("%.60q", s) }
