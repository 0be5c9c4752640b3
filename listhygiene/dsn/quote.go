package dsn

import (
	"strings"

	"github.com/headwaymail/headway/pacing/reply"
)

// quotedReply finds the reply of a server that a text quotes: from its code up
// to the empty line or the line that speaks of something else.
//
//	<<< 550 5.1.1 no such user
//	host mx.example[192.0.2.1] said: 550 5.1.1 no
//	    such user (in reply to RCPT TO command)
//	Remote host said: 550 no such user
func quotedReply(lines []string) string {
	for i, line := range lines {
		at := replyAt(line)
		if at < 0 {
			continue
		}
		code := line[at : at+3]
		var b strings.Builder
		b.WriteString(strings.TrimSpace(line[at:]))
		for _, next := range lines[i+1:] {
			next = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(next), "<<<"))
			if next == "" || b.Len() > longestQuote || strings.HasPrefix(next, ">>>") || strings.HasPrefix(next, "--") {
				break
			}
			if len(next) > 3 && replyAt(next) == 0 && next[:3] != code {
				break
			}
			b.WriteByte('\n')
			b.WriteString(next)
		}
		return b.String()
	}
	return ""
}

// longestQuote bounds a quoted reply. The longest replies seen have 20 lines.
const longestQuote = 2 << 10

// replyAt returns where in a line an SMTP reply of refusal begins (RFC 5321
// §4.2), -1 when none does. The code must stand at the beginning, or behind
// something that introduces what somebody said.
func replyAt(line string) int {
	for i := 0; i+3 <= len(line); i++ {
		if c := line[i]; c != '4' && c != '5' {
			continue
		}
		if line[i+1] < '0' || line[i+1] > '5' || line[i+2] < '0' || line[i+2] > '9' {
			continue
		}
		before := strings.TrimRight(line[:i], " \t")
		switch end := line[i+3:]; {
		case end == "" && before != "": // the line was wrapped behind the code
		case end == "":
			continue
		case end[0] == ' ' && !unitFollows(end[1:]), end[0] == '-', end[0] == '\t':
		default:
			continue
		}
		if before == "" || strings.IndexByte(":;<>('\"#=*]", before[len(before)-1]) >= 0 ||
			strings.HasSuffix(before, "error") || strings.HasSuffix(before, "code") || strings.HasSuffix(before, "was") {
			return i
		}
	}
	return -1
}

// unitFollows reports whether a number before s counts something.
func unitFollows(s string) bool {
	for _, unit := range []string{"bytes", "byte", "kb", "mb", "hours", "minutes", "seconds", "days", "messages", "octets"} {
		if len(s) >= len(unit) && strings.EqualFold(s[:len(unit)], unit) {
			return true
		}
	}
	return false
}

// phaseOf returns the command that a text says was refused, PhaseAsync when it
// does not say.
func phaseOf(lines []string) reply.Phase {
	for _, line := range lines {
		if strings.Contains(line, "reply to") || strings.Contains(line, "fter ") {
			if p := reply.Parse(reply.PhaseAsync, line).Phase; p != reply.PhaseAsync {
				return p
			}
		}
		if !phaseHinted(line) {
			continue
		}
		lower := strings.ToLower(line)
		for _, c := range phaseWords {
			if strings.Contains(lower, c.words) {
				return c.phase
			}
		}
	}
	return reply.PhaseAsync
}

// phaseHinted reports whether a line is worth a closer look: it has one of
// ">>>", " our ", "not like", " command", "I sent", "mail text".
func phaseHinted(line string) bool {
	if len(line) < 4 {
		return false
	}
	if strings.Contains(line, ">>>") {
		return true
	}
	for rest := line; ; {
		i := strings.IndexByte(rest, ' ')
		if i < 0 || i+1 == len(rest) {
			return false
		}
		before, after := rest[:i], rest[i+1:]
		switch after[0] {
		case 'o':
			if strings.HasPrefix(after, "our ") {
				return true
			}
		case 'c':
			if strings.HasPrefix(after, "command") {
				return true
			}
		case 'l':
			if strings.HasPrefix(after, "like") && strings.HasSuffix(before, "not") {
				return true
			}
		case 's':
			if strings.HasPrefix(after, "sent") && strings.HasSuffix(before, "I") {
				return true
			}
		case 't':
			if strings.HasPrefix(after, "text") && strings.HasSuffix(before, "mail") {
				return true
			}
		}
		rest = after
	}
}

var phaseWords = []struct {
	words string
	phase reply.Phase
}{
	{">>> rcpt to", reply.PhaseRcpt}, {">>> mail from", reply.PhaseMail}, {"our final data", reply.PhaseDot},
	{"our rcpt to", reply.PhaseRcpt}, {"our mail from", reply.PhaseMail}, {"our data", reply.PhaseDot},
	{">>> data", reply.PhaseData}, {"does not like recipient", reply.PhaseRcpt}, {"does not like sender", reply.PhaseMail},
	{"failed after i sent the message", reply.PhaseDot}, {"after rcpt command", reply.PhaseRcpt},
	{"after mail command", reply.PhaseMail}, {"after transfer of mail text", reply.PhaseDot},
}
