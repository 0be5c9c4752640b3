package dsn

import (
	"strings"

	"github.com/headwaymail/headway/pacing/reply"
)

// mostRecipients bounds the recipients of one report. Ours have one each;
// forwarders make a few of it.
const mostRecipients = 50

// statusGroups reads per-recipient fields (RFC 3464 §2.3) out of a text: groups
// of fields that empty lines part. Reporting systems also send them as plain
// text, and with empty lines in the wrong places, so that a new Final-Recipient
// begins a new recipient, too.
func statusGroups(text string) []Recipient {
	var (
		list []Recipient
		r    Recipient
		seen bool // a field that only recipients have
	)
	finish := func() {
		if seen && len(list) < mostRecipients && (r.Address != "" || r.Action != "" || r.Diagnostic != "") {
			list = append(list, r)
		}
		r, seen = Recipient{}, false
	}
	for text != "" {
		for strings.HasPrefix(text, "\n") {
			text = text[1:]
			if r.Action != "" && (r.Address != "" || r.Diagnostic != "") {
				finish()
			}
		}
		h, rest := cutFields(text)
		for _, f := range h {
			switch {
			case strings.EqualFold(f.name, "final-recipient"):
				if r.Address != "" && r.Action != "" {
					finish()
				}
				if a := addressIn(typed(f.value())); a != "" || r.Address == "" {
					r.Address = a
				}
				seen = true
			case strings.EqualFold(f.name, "original-recipient"):
				if r.Address != "" && r.Action != "" && r.Status != "" && r.Diagnostic != "" {
					finish()
				}
				if r.Address == "" {
					r.Address = addressIn(typed(f.value()))
				}
				seen = true
			case strings.EqualFold(f.name, "action"):
				r.Action, seen = firstWord(strings.ToLower(f.value())), true
			case strings.EqualFold(f.name, "status"):
				r.Status = statusCode(f.value())
			case strings.EqualFold(f.name, "diagnostic-code"):
				if d := typed(f.value()); d != "" {
					r.Diagnostic = d
				}
			case strings.EqualFold(f.name, "remote-mta"):
				r.RemoteMTA = strings.ToLower(firstWord(typed(f.value())))
			}
		}
		if rest == text { // a line that is no field
			_, rest = cutLine(text)
		}
		text = rest
	}
	finish()
	return list
}

// namesRecipient reports whether a line begins like a field without which there
// is no recipient.
func namesRecipient(line string) bool {
	if line == "" {
		return false
	}
	switch line[0] | 0x20 {
	case 'f':
		return beginsFold(line, "final-recipient")
	case 'o':
		return beginsFold(line, "original-recipient")
	case 'a':
		return beginsFold(line, "action")
	}
	return false
}

// beginsFold is strings.HasPrefix without regard to the case of ASCII letters.
func beginsFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// cutFields is cutHeader that leaves the empty line behind the fields.
func cutFields(text string) (header, string) {
	if strings.HasPrefix(text, "\n") {
		return nil, text
	}
	h, rest := cutHeader(text)
	if n := len(text) - len(rest); n > 1 && text[n-1] == '\n' && text[n-2] == '\n' {
		return h, text[n-1:]
	}
	return h, rest
}

// typed removes the type of a field: "rfc822; a@b" → "a@b", "smtp; 550 no" →
// "550 no".
func typed(value string) string {
	kind, rest, ok := strings.Cut(value, ";")
	if ok && len(kind) <= 24 && !strings.ContainsAny(strings.TrimSpace(kind), " @<(:") {
		return strings.TrimSpace(rest)
	}
	return value
}

func firstWord(s string) string {
	word, _, _ := strings.Cut(strings.TrimSpace(s), " ")
	return strings.TrimRight(word, ";,")
}

// statusCode returns the code of a Status field, which may have a comment, "" for
// what is none.
func statusCode(value string) string {
	r := reply.Parse(reply.PhaseAsync, value)
	if r.Enhanced != "" {
		return r.Enhanced
	}
	return ""
}
