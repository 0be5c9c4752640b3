package dsn

import (
	"slices"
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
// there are loops that send them without the fields. The subject and the words
// are in lower case.
func (m *mail) complains(subject string, words func() string) bool {
	r := &m.report
	switch {
	case m.feedback:
		r.Why = "it has the fields of a feedback report (RFC 5965)"
	case m.reportType("feedback-report"):
		r.Why = "it calls itself a feedback report (RFC 5965)"
	case slices.ContainsFunc(m.lines, introducesItself) && containsAny(words(), abuseWords):
		r.Why = "its text calls itself a report of abuse"
	case strings.Contains(r.Original.Text, "X-HmXmrOriginalRecipient:"):
		r.Why = "the message in it has the mark of Microsoft's junk mail reporting"
	case strings.HasPrefix(strings.TrimSpace(subject), "complaint about message from"):
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

// abuseWords are how loops without fields introduce their reports.
var abuseWords = []string{"this is an email abuse report", "this is a spam report", "this is an opt-out report"}

// introducesItself reports whether a line may hold some of abuseWords: they all
// begin with "this is a".
func introducesItself(line string) bool {
	const begin = "this is a"
	for i := 0; i+len(begin) <= len(line); i++ {
		if line[i]|0x20 == 't' && line[i+1]|0x20 == 'h' && strings.EqualFold(line[i:i+len(begin)], begin) {
			return true
		}
	}
	return false
}

func (m *mail) reportType(name string) bool {
	for _, t := range m.types {
		if strings.HasSuffix(t, " "+name) {
			return true
		}
	}
	return false
}
