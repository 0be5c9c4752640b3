package dkim

import "bytes"

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

// headerNames returns the names for h= of a message with this header.
func headerNames(header []byte) []string {
	names := make([]string, 0, 2*len(overSigned)+len(signed))
	for _, name := range overSigned {
		for range count(header, name) + 1 {
			names = append(names, name)
		}
	}
	for _, name := range signed {
		for range count(header, name) {
			names = append(names, name)
		}
	}
	return names
}

// count returns how often a field occurs in a header with CRLF line ends.
func count(header []byte, name string) int {
	n := 0
	for line := range bytes.Lines(header) {
		field, _, found := bytes.Cut(line, []byte(":"))
		if found && bytes.EqualFold(bytes.TrimRight(field, " \t"), []byte(name)) {
			n++
		}
	}
	return n
}
