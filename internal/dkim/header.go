package dkim

import (
	"bytes"
	"errors"
	"fmt"
)

// overSigned are the fields that are named once more than they occur: those
// that say who writes to whom about what, how the body is to be read, and what
// RFC 8058 §4 and Gmail's Feedback-ID want covered.
var overSigned = []string{
	"From", "Reply-To", "To", "Cc", "Subject", "Date", "Message-ID",
	"MIME-Version", "Content-Type", "Content-Transfer-Encoding",
	"List-Unsubscribe", "List-Unsubscribe-Post", "Feedback-ID",
}

// signed are the fields that are named as often as they occur. A mailing list
// that passes a message on may add its own.
var signed = []string{"Sender", "List-ID"}

var (
	errNoFrom   = errors.New("sign message: it has no From field, which every signature must cover")
	errNoEnd    = errors.New("sign message: no empty line ends its header; lines must end in CRLF")
	errLineEnds = errors.New("sign message: a CR or LF stands alone; lines must end in CRLF, or what is sent is not what was signed")
)

// header is the fields of a message in their order, each with its line ends.
type header [][]byte

// split parses a message into its header, in the memory of one before, and body.
func split(h header, message []byte) (header, []byte, error) {
	end := bytes.Index(message, []byte("\r\n\r\n"))
	if end < 0 {
		return nil, nil, errNoEnd
	}
	h = h[:0]
	head, body := message[:end+2], message[end+4:]
	if !hasOnlyCRLF(head) || !hasOnlyCRLF(body) {
		return nil, nil, errLineEnds
	}
	for len(head) > 0 {
		n := fieldLength(head)
		if name, _, colon := bytes.Cut(head[:n], []byte(":")); !colon || !isFieldName(name) {
			return nil, nil, fmt.Errorf("sign message: %.40q is no header field", head[:n])
		}
		h = append(h, head[:n])
		head = head[n:]
	}
	if h.count("From") == 0 {
		return nil, nil, errNoFrom
	}
	return h, body, nil
}

// isFieldName reports whether text is the name of a field, perhaps with blanks behind it
// (RFC 5322 §2.2, §4.5). Of others a verifier may make a name that was not signed.
func isFieldName(text []byte) bool {
	text = bytes.TrimRight(text, " \t")
	return len(text) > 0 && !bytes.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}

// fieldLength returns where the first field ends: at the first line break that
// no white space follows (RFC 5322 §2.2.3).
func fieldLength(head []byte) int {
	at := 0
	for {
		at += bytes.IndexByte(head[at:], '\n') + 1
		if at == len(head) || head[at] != ' ' && head[at] != '\t' {
			return at
		}
	}
}

// hasOnlyCRLF reports whether CR and LF occur in pairs only.
func hasOnlyCRLF(text []byte) bool {
	pairs := 0
	for rest := text; ; pairs++ {
		at := bytes.IndexByte(rest, '\n')
		if at < 0 {
			return bytes.Count(text, []byte("\r")) == pairs
		}
		if at == 0 || rest[at-1] != '\r' {
			return false
		}
		rest = rest[at+1:]
	}
}

// appendNames appends the names for h=.
func (h header) appendNames(names []string) []string {
	for _, name := range overSigned {
		for range h.count(name) + 1 {
			names = append(names, name)
		}
	}
	for _, name := range signed {
		for range h.count(name) {
			names = append(names, name)
		}
	}
	return names
}

// count returns how often a field occurs.
func (h header) count(name string) int {
	n := 0
	for _, field := range h {
		if isNamed(field, name) {
			n++
		}
	}
	return n
}

// isNamed reports whether a field has this name.
func isNamed(field []byte, name string) bool {
	if len(field) <= len(name) || field[0]|' ' != name[0]|' ' || !bytes.EqualFold(field[:len(name)], []byte(name)) {
		return false
	}
	rest := bytes.TrimLeft(field[len(name):], " \t")
	return len(rest) > 0 && rest[0] == ':'
}
