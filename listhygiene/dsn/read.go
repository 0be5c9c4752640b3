package dsn

import (
	"slices"
	"strings"
	"sync"
)

// Largest is how much of a mail is read, in bytes. Failure reports are much
// shorter, unless they return a whole message, whose end says nothing.
const Largest = 256 << 10

// Read reads a mail with any newlines. It never fails: what it cannot make sense
// of is [Other]. The time that it takes is linear in the length of the mail, of
// which [Largest] bytes are read.
func Read(raw []byte) Report {
	if len(raw) > Largest {
		raw = raw[:Largest]
	}
	h, body := cutHeader(strings.TrimLeft(unifyNewlines(raw), "\n"))
	var p parts
	p.walk(h, body, 0)
	m := &mail{header: h, parts: p.list, types: p.types}
	m.report.From, m.report.Subject = addressIn(h.get("From")), decoded(h.get("Subject"))
	m.sort()
	m.decide()
	if inner, ok := m.wrapped(); ok {
		return inner
	}
	return m.report
}

// wrapped returns the report inside of a report: gateways put one around what
// they got, without a word about the reason.
func (m *mail) wrapped() (Report, bool) {
	if m.report.Kind != Failure || len(m.groups) > 0 || m.inner == "" {
		return Report{}, false
	}
	h, body := cutHeader(m.inner)
	if !strings.Contains(h.get("Content-Type"), "delivery-status") || !isFailureSystem(h, addressIn(h.get("From"))) {
		return Report{}, false
	}
	var p parts
	p.walk(h, body, 1)
	in := &mail{header: h, parts: p.list, types: p.types}
	in.report.From, in.report.Subject = addressIn(h.get("From")), decoded(h.get("Subject"))
	in.sort()
	in.decide()
	in.report.Why = "a gateway enclosed the report: " + in.report.Why
	return in.report, in.report.Kind == Failure
}

// mail is a mail while it is being read.
type mail struct {
	header   header
	parts    []part
	types    []string
	report   Report
	lines    []string // the mail's own words
	groups   []Recipient
	feedback bool
	inner    string // the first enclosed message
}

// sort gives every part its meaning: fields, words, or the message that came
// back.
func (m *mail) sort() {
	plain := slices.ContainsFunc(m.parts, func(p part) bool {
		return p.kind == "text/plain" && strings.TrimSpace(p.body) != ""
	})
	for _, p := range m.parts {
		switch p.kind {
		case "message/delivery-status", "message/global-delivery-status":
			m.groups = append(m.groups, statusGroups(p.text())...)
		case "message/feedback-report":
			m.feedback = true
			m.readFeedback(p.text())
		case "message/rfc822", "message/global", "text/rfc822-headers", "text/rfc822-header", "message/global-headers", "message/rfc822-headers":
			m.original(p.text())
			if m.inner == "" && p.kind == "message/rfc822" {
				m.inner = strings.TrimLeft(p.text(), "\n")
			}
		case "text/html":
			if plain {
				continue
			}
			m.say(p.text())
		default:
			if strings.HasPrefix(p.kind, "text/") || len(m.parts) == 1 {
				m.say(p.text())
			}
		}
	}
	if len(m.groups) == 0 && slices.ContainsFunc(m.lines, namesRecipient) {
		m.groups = statusGroups(strings.Join(m.lines, "\n"))
	}
}

// say adds the words of a text, and finds the message that came back behind
// them.
func (m *mail) say(text string) {
	lines, rest := ownWords(text)
	m.lines = append(m.lines, lines...)
	if rest != "" {
		m.original(rest)
	}
}

// original reads the message that came back.
func (m *mail) original(text string) {
	for text != "" && !strings.Contains(text[:min(len(text), 80)], ": ") {
		_, text = cutLine(text) // the line that introduces it
	}
	text = strings.TrimLeft(text, "\n")
	h, _ := cutHeader(text)
	o := &m.report.Original
	if o.Text == "" {
		o.Text = text[:min(len(text), longestPart)]
	}
	for _, f := range []struct {
		name string
		to   *string
	}{{"Return-Path", &o.ReturnPath}, {"Message-ID", &o.MessageID}, {"X-Headway-Ref", &o.Ref}, {"List-Unsubscribe", &o.Unsubscribe}, {"To", &o.To}} {
		if *f.to == "" {
			*f.to = h.get(f.name)
		}
	}
}

// others returns a test for addresses that are not the recipient's: the mail's
// own sender and addressee, and those of mail systems.
func (m *mail) others() func(string) bool {
	to := addressIn(m.header.get("To"))
	returnPath := addressIn(m.report.Original.ReturnPath)
	return func(a string) bool {
		local, _, _ := strings.Cut(a, "@")
		switch {
		case a == to, a == m.report.From, a == returnPath:
			return true
		case strings.HasPrefix(local, "mailer-daemon"), local == "postmaster", local == "abuse", local == "support", local == "helpdesk":
			return true
		}
		return false
	}
}

// decide says what kind of mail it is, and of whom it speaks.
func (m *mail) decide() {
	r := &m.report
	lower := strings.ToLower(r.Subject)
	words := sync.OnceValue(func() string { return strings.ToLower(joined(m.lines)) })
	switch answer, automatic := answersItself(m.header, lower); {
	case m.complains(lower, words):
		r.Kind = Complaint
	case len(m.groups) > 0:
		r.Why = "it has the fields of a delivery status notification (RFC 3464)"
		r.Recipients = m.groups
		m.addWords()
		r.Kind = kindOf(r.Recipients)
	case !m.header.has("X-Failed-Recipients") && !m.reportType("delivery-status") && challenges(lower, words(), m.lines):
		r.Kind, r.Why = AutoReply, "it asks the sender to prove that a person wrote"
	case m.reportsFailure(lower, words, automatic):
		r.Kind = Failure
		if containsAny(lower, delaySubjects) || containsAny(words(), delayWords) {
			r.Kind = Delay
		}
		m.fromWords()
	case automatic:
		r.Kind, r.Why = AutoReply, answer
	case asksToLeave(r.Subject, joined(m.lines)):
		r.Kind, r.Why = Unsubscribe, "it asks to be taken off"
	case automaticallySent(m.header):
		r.Kind, r.Why = AutoReply, "Auto-Submitted: "+strings.ToLower(m.header.get("Auto-Submitted"))
	default:
		r.Kind, r.Why = Other, "it has no sign of a report, a complaint, an automatic answer or a wish to leave"
	}
}

// reportsFailure weighs the signs of a failure report without fields.
func (m *mail) reportsFailure(subject string, words func() string, automatic bool) bool {
	r := &m.report
	var signs []string
	weight := 0
	sign := func(holds bool, w int, what string) bool {
		if holds {
			weight += w
			signs = append(signs, what)
		}
		return holds
	}
	speaks := sign(m.header.has("X-Failed-Recipients"), 3, "it has the field X-Failed-Recipients")
	speaks = sign(m.reportType("delivery-status"), 2, "it calls itself a delivery status report") || speaks
	speaks = sign(containsAny(subject, failureSubjects) || containsAny(subject, delaySubjects), 2, "its subject speaks of a failure") || speaks
	software := sign(isFailureSystem(m.header, r.From), 2, "its sender reports failures") ||
		sign(fromSystem(m.header, r.From), 1, "a program wrote it")
	path := m.header.get("Return-Path")
	if sign(m.header.has("Return-Path") && strings.Trim(path, "<> ") == "", 1, "its return path is empty") && !automatic && hasPrefix(r.From, daemons) {
		speaks = true // in words that we do not know
	}
	if !speaks || weight < 3 || automatic && weight < 5 { // the text takes longer to look at
		speaks = sign(containsAny(words(), failureWords), 2, "its text speaks of a failure") || speaks
		speaks = sign(quotedReply(m.lines) != "", 1, "it quotes a server's reply") || speaks
	}
	switch {
	case !speaks || weight < 3 || automatic && weight < 5 && !software:
		return false
	case automatic && weight < 5 && hasPrefix(subject, answerSubjects) && !m.header.has("X-Failed-Recipients"):
		return false // a postmaster on holiday
	case !software && hasPrefix(subject, answeredSubjects) && !m.header.has("X-Failed-Recipients") && !m.reportType("delivery-status"):
		return false // a person who quotes an error to us
	}
	r.Why = strings.Join(signs, "; ")
	return true
}

// kindOf tells the kind by the actions of the recipients: one failure makes a
// report of failure.
func kindOf(list []Recipient) Kind {
	kind := Success
	for _, r := range list {
		switch {
		case r.arrived():
		case r.Action != "delayed":
			return Failure
		case kind == Success:
			kind = Delay
		}
	}
	return kind
}
