package reply

import (
	"regexp"
	"strings"
)

// Mail servers quote each other: what a delivery status notification or a log
// line holds is often a sentence around the reply that matters.
//
//	host mx.example[192.0.2.1] said: 550 5.1.1 no such user (in reply to RCPT TO command)
//	SMTP error from remote mail server after RCPT TO:<a@b>: host mx.example [192.0.2.1]: 550 no such user
//	<<< 550 5.1.1 no such user
var afterPhase = regexp.MustCompile(`(?i)\bafter (pipelined )?(end of data|rcpt to|mail from|data|ehlo|helo|starttls|auth|initial connection)`)

// quoted returns the reply that a line quotes, or the line itself.
func quoted(line string) string {
	for i := 1; i+3 < len(line); i++ {
		if c := line[i]; c != '4' && c != '5' || line[i+1] < '0' || line[i+1] > '5' || !isDigit(line[i+2]) ||
			line[i+3] != ' ' && line[i+3] != '-' {
			continue
		}
		before := line[:i]
		if before[i-1] == ' ' {
			before = before[:i-1]
		}
		if strings.HasSuffix(before, ":") || strings.HasSuffix(before, ";") || strings.HasSuffix(before, "<<<") {
			return line[i:]
		}
	}
	return line
}

// cutPhase returns the line without "(in reply to … command)", and the phase
// that it or the sentence names, "" when there is none.
func cutPhase(line string) (string, Phase) {
	if before, command, after, found := cutInReplyTo(line); found {
		return before + after, phaseNamed(command)
	}
	if !strings.Contains(line, "fter ") && !strings.Contains(line, "FTER ") {
		return line, "" // the expressions are slow, and most lines name no phase
	}
	if m := afterPhase.FindStringSubmatch(line); m != nil {
		return line, phaseNamed(m[2])
	}
	return line, ""
}

// cutInReplyTo takes "(in reply to … command)" out of a line, with a blank before
// it.
func cutInReplyTo(line string) (before, command, after string, found bool) {
	const begin = "(in reply to "
	for at := 0; ; at++ {
		i := strings.IndexByte(line[at:], '(')
		if i < 0 || at+i+len(begin) > len(line) {
			return line, "", "", false
		}
		at += i
		if !strings.EqualFold(line[at:at+len(begin)], begin) {
			continue
		}
		if command, after, found = strings.Cut(line[at+len(begin):], ")"); found {
			return strings.TrimSuffix(line[:at], " "), command, after, true
		}
	}
}

// phaseNamed reads "end of DATA command" and the like.
func phaseNamed(words string) Phase {
	words = strings.ToLower(words)
	for _, p := range []struct {
		words string
		phase Phase
	}{
		{"end of data", PhaseDot}, {"rcpt", PhaseRcpt}, {"mail from", PhaseMail}, {"data", PhaseData},
		{"ehlo", PhaseEHLO}, {"helo", PhaseEHLO}, {"starttls", PhaseStartTLS}, {"auth", PhaseAuth},
		{"initial", PhaseConnect}, {"connect", PhaseConnect},
	} {
		if strings.Contains(words, p.words) {
			return p.phase
		}
	}
	return ""
}
