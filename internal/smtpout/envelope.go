package smtpout

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"github.com/headwaymail/headway/pacing/reply"
)

// Envelope says from whom to whom a message goes. Addresses stand as in a
// message, without angle brackets.
type Envelope struct {
	From string // the return path; empty for the null sender "<>"
	To   string // one recipient
	// UTF8 says that the header needs SMTPUTF8 (RFC 6531). An address with a
	// local part outside ASCII needs it anyway; one with such a domain only does not.
	UTF8 bool
	// ID is handed to the server as ENVID where it offers DSN (RFC 3461 §4.4),
	// and comes back in reports. Printable ASCII, at most 100 characters.
	ID string
	// ReturnHeaders asks that a bounce carry the header only (RET=HDRS) where
	// the server offers DSN. Otherwise nothing is asked.
	ReturnHeaders bool
	// Told is called with the conversation before Send returns; nil: nobody wants to
	// read it, which is the rule.
	Told func(Conversation)
}

// commands builds the MAIL and RCPT lines, with the parameters that x offers
// and the message needs.
func (e Envelope) commands(x Extensions, f facts) (mail, rcpt string) {
	mail = "MAIL FROM:<" + wireAddress(e.From) + ">"
	if x.Size {
		mail += " SIZE=" + strconv.FormatInt(f.size, 10)
	}
	if f.eightBit && x.EightBitMIME {
		mail += " BODY=8BITMIME"
	}
	if e.needsUTF8() {
		mail += " SMTPUTF8"
	}
	if x.DSN && e.ReturnHeaders {
		mail += " RET=HDRS"
	}
	if x.DSN && e.ID != "" {
		mail += " ENVID=" + xtext(e.ID)
	}
	return mail + "\r\n", "RCPT TO:<" + wireAddress(e.To) + ">\r\n"
}

// refusal returns the reply that the message gets from us, without asking the
// server, because it cannot be sent over this session as it is.
func (e Envelope) refusal(x Extensions, f facts, host string) (reply.Reply, bool) {
	switch {
	case e.From != "" && !validAddress(e.From):
		return ours(reply.PhaseMail, 553, "5.1.7", "the return path is not an address"), true
	case !validAddress(e.To):
		return ours(reply.PhaseRcpt, 553, "5.1.3", "the recipient is not an address"), true
	case f.flaw != "":
		return ours(reply.PhaseData, 554, "5.6.0", f.flaw), true
	case !ascii(localPart(e.To)) && !x.SMTPUTF8: // RFC 6531 §3.5; others there can be reached
		return ours(reply.PhaseRcpt, 553, "5.6.7", host+" does not offer SMTPUTF8, which this recipient needs"), true
	case e.needsUTF8() && !x.SMTPUTF8:
		return ours(reply.PhaseMail, 553, "5.6.7", host+" does not offer SMTPUTF8, which this message needs"), true
	case f.eightBit && !x.EightBitMIME: // RFC 6152 §3
		return ours(reply.PhaseMail, 554, "5.6.3", host+" does not offer 8BITMIME, which this message needs"), true
	case x.MaxSize > 0 && f.size > x.MaxSize: // RFC 1870 §6.1
		return ours(reply.PhaseMail, 552, "5.3.4", fmt.Sprintf("the message has %d bytes, and %s takes at most %d", f.size, host, x.MaxSize)), true
	}
	return reply.Reply{}, false
}

// ours makes a reply that no server gave.
func ours(phase reply.Phase, code int, enhanced, text string) reply.Reply {
	return reply.Reply{Phase: phase, Code: code, Enhanced: enhanced, Lines: []string{enhanced + " " + text}}
}

func (e Envelope) needsUTF8() bool {
	return e.UTF8 || !ascii(localPart(e.From)) || !ascii(localPart(e.To))
}

func localPart(address string) string {
	return address[:max(strings.LastIndexByte(address, '@'), 0)]
}

// wireAddress turns an internationalised domain into A-labels, which every
// server understands. The address has been found valid.
func wireAddress(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at < 0 || ascii(address[at:]) {
		return address
	}
	domain, err := idna.Lookup.ToASCII(address[at+1:])
	if err != nil {
		return address
	}
	return address[:at+1] + domain
}

// validAddress guards the command line rather than judging addresses: nothing
// that ends the path or the line may pass (RFC 5321 §4.1.2, lengths of
// §4.5.3.1). List hygiene has the full grammar.
func validAddress(address string) bool {
	at := strings.LastIndexByte(address, '@')
	if at < 1 || at > 64 || at == len(address)-1 || len(address) > 254 || !utf8.ValidString(address) {
		return false
	}
	local, domain := address[:at], address[at+1:]
	if !ascii(domain) {
		if _, err := idna.Lookup.ToASCII(domain); err != nil {
			return false
		}
	}
	if strings.ContainsFunc(domain, breaksPath) {
		return false
	}
	if len(local) >= 2 && local[0] == '"' && local[len(local)-1] == '"' {
		return validQuoted(local[1 : len(local)-1])
	}
	return !strings.ContainsFunc(local, breaksPath)
}

func breaksPath(r rune) bool {
	return r <= ' ' || r == 0x7f || strings.ContainsRune(`<>"\@,;:()`, r)
}

// validQuoted checks the inside of a quoted local part.
func validQuoted(s string) bool {
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] < ' ' || s[i] == 0x7f || s[i] == '"':
			return false
		case s[i] == '\\':
			i++
			if i == len(s) || s[i] < ' ' || s[i] >= 0x7f {
				return false
			}
		}
	}
	return true
}

// xtext encodes an ENVID (RFC 3461 §4).
func xtext(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '+' || c == '=' {
			fmt.Fprintf(&b, "+%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
