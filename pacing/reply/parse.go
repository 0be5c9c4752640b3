package reply

import "strings"

// Parse reads a reply as it stands in a log, a transcript or a delivery status
// notification. It accepts any number of lines ("450-4.2.1 …", "450 4.2.1 …"), a
// leading "smtp;" (RFC 3464 §2.3.6), a sentence of another server that quotes the
// reply, and words without any code, which become a Reply with Code 0.
//
// The phase is the one given; if that is [PhaseAsync] or empty, the one that the
// text names ("in reply to RCPT TO command"). Parse never fails: whatever is not
// a code stays text.
func Parse(phase Phase, s string) Reply {
	r := Reply{Phase: phase}
	for line := range strings.Lines(s) {
		line, named := cutPhase(strings.TrimSpace(line))
		if named != "" && (r.Phase == "" || r.Phase == PhaseAsync) {
			r.Phase = named
		}
		if line == "" {
			continue
		}
		if len(r.Lines) == 0 {
			line = r.begin(line)
		} else if code, rest := cutCode(line); code == r.Code && code != 0 {
			line = rest
		}
		r.Lines = append(r.Lines, line)
	}
	r.Enhanced = r.enhanced()
	return r
}

// begin reads the code off the first line and returns its text.
func (r *Reply) begin(line string) string {
	if kind, rest, ok := strings.Cut(line, ";"); ok && strings.EqualFold(strings.TrimSpace(kind), "smtp") {
		line = strings.TrimSpace(rest)
	}
	code, text := cutCode(line)
	if code == 0 {
		code, text = cutCode(quoted(line))
	}
	if again, rest := cutCode(text); again == code && code != 0 {
		text = rest // "550 550 5.7.1 no", as forwarders say it
	}
	r.Code = code
	return text
}

// cutCode splits "550-text", "550 text" or "550" into code and text. The code is
// 0 when the line does not begin with one (RFC 5321 §4.2: 2 to 5, then 0 to 5;
// the second digit is taken as servers send it).
func cutCode(line string) (int, string) {
	if len(line) < 3 || line[0] < '2' || line[0] > '5' || !isDigit(line[1]) || !isDigit(line[2]) {
		return 0, line
	}
	code := int(line[0]-'0')*100 + int(line[1]-'0')*10 + int(line[2]-'0')
	switch {
	case len(line) == 3:
		return code, ""
	case line[3] == ' ' || line[3] == '-' || line[3] == ':' || line[3] == '\t':
		return code, strings.TrimSpace(line[4:])
	}
	return 0, line
}

// cutEnhanced splits an RFC 3463 code off the beginning of a line:
// "4.7.28 Our system" → "4.7.28", "Our system".
func cutEnhanced(line string) (code, rest string) {
	s := strings.TrimLeft(line, " \t#")
	n := enhancedLen(s)
	if n == 0 || n < len(s) && s[n] != ' ' && s[n] != '\t' && s[n] != ':' && s[n] != '-' && s[n] != ',' && s[n] != ';' {
		return "", line
	}
	return s[:n], strings.TrimLeft(s[n:], " \t:-,;")
}

// enhancedLen returns how many bytes of s are an RFC 3463 code: class 2, 4 or 5,
// subject and detail of one to three digits (§2).
func enhancedLen(s string) int {
	if len(s) < 5 || s[0] != '2' && s[0] != '4' && s[0] != '5' || s[1] != '.' {
		return 0
	}
	i := 2
	for part := 0; part < 2; part++ {
		start := i
		for i < len(s) && i-start < 3 && isDigit(s[i]) {
			i++
		}
		if i == start {
			return 0
		}
		if part == 0 {
			if i >= len(s) || s[i] != '.' {
				return 0
			}
			i++
		}
	}
	if i < len(s) && (isDigit(s[i]) || s[i] == '.' && i+1 < len(s) && isDigit(s[i+1])) {
		return 0 // an IP address or a version
	}
	return i
}

// enhanced returns the enhanced code of the reply: the field, or else the first
// one that begins a line or stands as "(#5.1.1)" in it, as qmail writes it.
func (r Reply) enhanced() string {
	if n := enhancedLen(r.Enhanced); n > 0 && n == len(r.Enhanced) {
		return r.Enhanced
	}
	for _, line := range r.Lines {
		if code, _ := cutEnhanced(line); code != "" {
			return code
		}
	}
	for _, line := range r.Lines {
		if i := strings.Index(line, "#"); i >= 0 {
			if n := enhancedLen(line[i+1:]); n > 0 {
				return line[i+1 : i+1+n]
			}
		}
	}
	return ""
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
