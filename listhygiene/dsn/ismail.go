package dsn

import "strings"

// IsMail reports whether a text is a whole mail and not a list of replies: it
// begins with a header of two fields at least, of which one is of a mail.
func IsMail(raw []byte) bool {
	h, _ := cutHeader(strings.TrimLeft(unifyNewlines(raw[:min(len(raw), longestPart)]), "\n"))
	if len(h) < 2 {
		return false
	}
	for _, name := range []string{"From", "Received", "Return-Path", "Subject", "Content-Type", "Message-ID", "Date", "To"} {
		if h.has(name) {
			return true
		}
	}
	return false
}
