package dsn

import (
	"strings"
)

const (
	// mostLines bounds how much of a text is read: reports say it at the top.
	mostLines = 200
	// usualLine is the most that lines have by habit, in bytes.
	usualLine = 80
	// mostText bounds what is kept as the text about one recipient.
	mostText = 2 << 10
)

// ownWords returns the lines of a report's text up to where the message that
// came back begins.
func ownWords(text string) (lines []string, rest string) {
	lines = make([]string, 0, min(strings.Count(text[:min(len(text), mostLines*usualLine)], "\n")+1, mostLines))
	for text != "" && len(lines) < mostLines {
		line, after := cutLine(text)
		if len(lines) > 0 && beginsOriginal(line, after) {
			return lines, text
		}
		lines = append(lines, line)
		text = after
	}
	return lines, ""
}

// beginsOriginal reports whether a line announces the message that came back, or
// is already a field of it.
func beginsOriginal(line, after string) bool {
	if line == "" {
		return false
	}
	switch line[0] | 0x20 {
	case 'r', 'd', 'x', 'a', 'm':
		for _, name := range []string{"received: ", "return-path: ", "dkim-signature: ", "delivered-to: ", "x-received: ",
			"arc-seal: ", "message-id: ", "mime-version: ", "x-originating-ip: ", "x-envelope-from: ", "x-google-smtp-source: "} {
			if len(line) >= len(name) && strings.EqualFold(line[:len(name)], name) {
				return true
			}
		}
	}
	if !strings.HasPrefix(strings.TrimLeft(line, " "), "-") && !strings.HasPrefix(line, "Message header") && !strings.HasPrefix(line, "Original message") {
		return false
	}
	lower := strings.ToLower(line)
	for _, w := range originalWords {
		if strings.Contains(lower, w) {
			return true
		}
	}
	return false
}

// originalWords stand in the lines by which mail software introduces what it
// returns.
var originalWords = []string{"original message", "original mail", "copy of the message", "copy of the body", "copy of your message",
	"header of the original", "message header", "headers follow", "returned message", "message follows", "unsent message",
	"original e-mail", "undelivered message", "included text", "urspr", "message d'origine", "mensaje original", "original body"}

// passage is what a text says of one recipient.
type passage struct {
	address string
	lines   []string
}

// passages parts the lines of a text by the recipients that they speak of. A line
// that begins with an address begins the passage of that recipient; a later line
// that names another one of them belongs to that one. Addresses that others name,
// such as the sender's, are passed over.
func passages(lines []string, others func(address string) bool) []passage {
	var list []passage
	find := func(address string) int {
		for i := range list {
			if strings.EqualFold(list[i].address, address) {
				return i
			}
		}
		return -1
	}
	current, begun := -1, 0 // whose lines these are, and since when without a break
	for at, line := range lines {
		if strings.IndexByte(line, '@') >= 0 {
			address, _ := nextAddress(line)
			known := find(address)
			switch {
			case address == "" || others(strings.ToLower(address)):
			case known == current && known >= 0:
			case known >= 0:
				current, begun = known, at
			case leads(line, address) && len(list) < mostRecipients:
				list = append(list, passage{address: address})
				current, begun = len(list)-1, at
			}
		}
		switch {
		case current < 0:
		case len(list[current].lines) == at-begun: // the first that are said of somebody are not copied
			list[current].lines = lines[begun : at+1 : at+1]
		default:
			list[current].lines = append(list[current].lines, line)
		}
	}
	return list
}

// leads reports whether a line begins with the address, apart from marks and a
// word or two such as "Recipient:".
func leads(line, address string) bool {
	before, after, _ := strings.Cut(line, address)
	before = strings.TrimLeft(before, " \t<>*-\"'([•")
	if before != "" && !strings.HasSuffix(strings.TrimRight(before, " <\"'(["), ":") || len(before) > 24 {
		return false
	}
	after = strings.TrimLeft(after, ">\"'])")
	return after == "" || strings.IndexByte(" :.,;(\t<", after[0]) >= 0
}

// firstAddress returns the first address in the lines that nobody else has.
func firstAddress(lines []string, others func(string) bool) string {
	for _, line := range lines {
		for strings.IndexByte(line, '@') >= 0 {
			a, end := nextAddress(line)
			if a == "" {
				break
			}
			if !others(strings.ToLower(a)) {
				return a
			}
			line = line[end:]
		}
	}
	return ""
}

// joined returns the beginning of a text, without white space around it.
func joined(lines []string) string {
	for len(lines) > 0 && strings.TrimSpace(lines[0]) == "" {
		lines = lines[1:]
	}
	size := 0
	for i, line := range lines {
		if size += len(line) + 1; size > mostText {
			lines = lines[:i+1]
			break
		}
	}
	text := strings.TrimSpace(strings.Join(lines, "\n"))
	if len(text) > mostText {
		text = text[:mostText]
	}
	return text
}
