package message

import (
	"strings"

	"github.com/headwaymail/headway/campaign/message/template"
)

// dateLayout is the date-time of RFC 5322 §3.3.
const dateLayout = "Mon, 02 Jan 2006 15:04:05 -0700"

// appendHeader appends the header of one recipient's message.
func (c *Compiled) appendHeader(dst []byte, r Recipient, v *template.Values) ([]byte, error) {
	if err := c.check(r); err != nil {
		return dst, err
	}
	dst = append(dst, "Date: "...)
	dst = r.Date.AppendFormat(dst, dateLayout)
	dst = append(dst, "\r\n"...)
	dst, ok := appendAddressField(dst, "To", r.Address)
	if !ok {
		return dst, refuseAddress(r.Address)
	}
	dst = append(dst, c.sender...)
	if c.subject != nil {
		var err error
		if dst, err = appendSubject(dst, c.subject, v); err != nil {
			return dst, err
		}
	}
	dst = appendTokenField(dst, "Message-ID", "<", r.MessageID, ">")
	if r.Ref != "" {
		dst = appendTokenField(dst, "X-Headway-Ref", "", r.Ref, "")
	}
	dst = appendUnsubscribe(dst, r)
	return append(dst, c.fixed...), nil
}

// appendSubject appends the subject with its slots filled in.
func appendSubject(dst []byte, t *template.Template, v *template.Values) ([]byte, error) {
	const name = "Subject: "
	dst = append(dst, name...)
	mark := len(dst)
	for _, piece := range t.Pieces() {
		dst = append(dst, piece.Literal...)
		if piece.Slot == nil {
			continue
		}
		var err error
		if dst, err = piece.Slot.Append(dst, v); err != nil {
			return dst, located(PartSubject, err)
		}
	}
	dst = encodeTail(dst, mark, len(name))
	if len(dst) == mark {
		dst = dst[:mark-1] // no blank ends a line
	}
	return append(dst, "\r\n"...), nil
}

// appendUnsubscribe appends how to leave the list: by a link and by mail
// (RFC 2369 §3.2), and that a POST to the link is enough, which RFC 8058 §3.1
// allows for https only. A link to this machine itself, as the sandbox has, needs
// no https.
func appendUnsubscribe(dst []byte, r Recipient) []byte {
	if r.UnsubscribeURL == "" && r.UnsubscribeMailto == "" {
		return dst
	}
	const name = "List-Unsubscribe:"
	dst = append(dst, name...)
	separator := ""
	if len(name)+len(" <>,")+len(r.UnsubscribeURL) > maxLine {
		separator = "\r\n"
	}
	for _, link := range [...]struct{ scheme, rest string }{{"", r.UnsubscribeURL}, {"mailto:", r.UnsubscribeMailto}} {
		if link.rest == "" {
			continue
		}
		dst = append(dst, separator...)
		dst = append(dst, " <"...)
		dst = append(dst, link.scheme...)
		dst = append(dst, link.rest...)
		dst = append(dst, '>')
		separator = ",\r\n"
	}
	dst = append(dst, "\r\n"...)
	if strings.HasPrefix(r.UnsubscribeURL, "https://") || strings.HasPrefix(r.UnsubscribeURL, "http://127.") {
		dst = append(dst, "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"...)
	}
	return dst
}

// appendTokenField appends a field whose body is one token, which was checked
// to hold neither spaces nor line breaks.
func appendTokenField(dst []byte, name, before, token, after string) []byte {
	dst = append(dst, name...)
	dst = append(dst, ':')
	if len(name)+len(": ")+len(before)+len(token)+len(after) > maxLine {
		dst = append(dst, "\r\n"...)
	}
	dst = append(dst, ' ')
	dst = append(dst, before...)
	dst = append(dst, token...)
	dst = append(dst, after...)
	return append(dst, "\r\n"...)
}

// appendAddressField appends a field that holds one address, or returns false if
// it is none.
func appendAddressField(dst []byte, name, address string) ([]byte, bool) {
	for _, separator := range []string{": ", ":\r\n "} {
		start := len(dst)
		dst = append(dst, name...)
		dst = append(dst, separator...)
		var ok bool
		if dst, ok = appendAddress(dst, address); !ok {
			return dst[:start], false
		}
		if len(dst)-start <= maxLine || separator != ": " {
			break
		}
		dst = dst[:start]
	}
	return append(dst, "\r\n"...), true
}

// fromField returns a From field, or false if address is none.
func fromField(name, address string) (string, bool) {
	spec, ok := appendAddress(nil, address)
	if !ok {
		return "", false
	}
	field := "From: " + displayName(name)
	if field == "From: " {
		field += string(spec)
	} else {
		column := len(field) - strings.LastIndexByte(field, '\n') - 1
		if column+len(" <>")+len(spec) > maxLine {
			field += "\r\n"
		}
		field += " <" + string(spec) + ">"
	}
	return field + "\r\n", true
}

// displayName returns a name as it stands before an address (RFC 5322 §3.4):
// bare, quoted, or as encoded words.
func displayName(name string) string {
	text := squeeze([]byte(name))
	if len(text) > maxWord || !isPlain(text) {
		return string(appendEncodedWords(nil, text, len("From: ")))
	}
	for _, c := range text {
		if c != ' ' && !isAtomByte(c) {
			quoted, _ := appendQuotedString(nil, string(text))
			return string(quoted)
		}
	}
	return string(text)
}
