package dsn

import (
	"strings"
)

// readFeedback reads the fields of a feedback report (RFC 5965 §3).
func (m *mail) readFeedback(text string) {
	f := &m.report.Feedback
	for text != "" {
		text = strings.TrimLeft(text, "\n")
		h, rest := cutHeader(text)
		if rest == text {
			_, rest = cutLine(text)
		}
		text = rest
		if v := h.get("Feedback-Type"); v != "" && f.Type == "" {
			f.Type = strings.ToLower(firstWord(v))
		}
		for name, to := range map[string]*string{"User-Agent": &f.Agent, "Original-Mail-From": &f.OriginalFrom, "Original-Rcpt-To": &f.OriginalTo} {
			if v := h.get(name); v != "" && *to == "" {
				*to = strings.Trim(v, "<> ")
			}
		}
		if v := h.get("Removal-Recipient"); v != "" && f.OriginalTo == "" {
			f.OriginalTo = strings.Trim(v, "<> ")
		}
	}
}

// complains reports whether the mail is a complaint. Beside feedback reports
// there are loops that send them without the fields.
func (m *mail) complains(words string) bool {
	r := &m.report
	switch {
	case m.feedback:
		r.Why = "it has the fields of a feedback report (RFC 5965)"
	case m.reportType("feedback-report"):
		r.Why = "it calls itself a feedback report (RFC 5965)"
	case strings.Contains(words, "this is an email abuse report"), strings.Contains(words, "this is a spam report"),
		strings.Contains(words, "this is an opt-out report"):
		r.Why = "its text calls itself a report of abuse"
	case strings.Contains(r.Original.Text, "X-HmXmrOriginalRecipient:"):
		r.Why = "the message in it has the mark of Microsoft's junk mail reporting"
	case strings.HasPrefix(strings.ToLower(strings.TrimSpace(r.Subject)), "complaint about message from"):
		r.Why = "its subject is that of a complaint"
	default:
		return false
	}
	if r.Feedback.Type == "" {
		r.Feedback.Type = "abuse"
	}
	if r.Feedback.OriginalTo == "" {
		r.Feedback.OriginalTo = addressIn(r.Original.To)
	}
	return true
}

func (m *mail) reportType(name string) bool {
	for _, t := range m.types {
		if strings.HasSuffix(t, " "+name) {
			return true
		}
	}
	return false
}
