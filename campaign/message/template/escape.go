package template

import (
	"strings"
	"unicode/utf8"
)

// escaper is a way to make a value safe where it stands.
type escaper uint8

const (
	plain       escaper = iota // a text part or a header; control characters go
	markup                     // text between tags, and quoted attributes
	conditional                // the same within <!--[if mso]>, where -- could end the comment
	link                       // the beginning of a link: only schemes that are safe
	linkPath                   // a link after its scheme
	linkAddress                // a mailto or tel link after its scheme
	linkQuery                  // a link after its ? or #
	linkEncoded                // the same for a value that the template has encoded itself
	style                      // a style attribute
	escapers                   // how many there are
)

// escapeFilters are the names under which Liquid applies the escapers. They do
// not appear in knownFilters: no template can name them.
var escapeFilters = [escapers]string{
	plain:       "as_plain",
	markup:      "as_markup",
	conditional: "as_conditional",
	link:        "as_link",
	linkPath:    "as_link_path",
	linkAddress: "as_link_address",
	linkQuery:   "as_link_query",
	linkEncoded: "as_link_encoded",
	style:       "as_style",
}

// append appends value to dst, made safe.
func (e escaper) append(dst []byte, value string) []byte {
	switch e {
	case link:
		return appendLink(dst, value)
	case linkPath, linkEncoded:
		return appendPercent(dst, value, isLinkByte)
	case linkAddress:
		return appendPercent(dst, value, isAddressByte)
	case linkQuery:
		return appendPercent(dst, value, isUnreserved)
	case style:
		return appendStyle(dst, value)
	default:
		return appendText(dst, value, e)
	}
}

// appendText appends value without control characters, with \n for every line
// end and U+FFFD for what is not UTF-8; escaped unless e is plain.
func appendText(dst []byte, value string, e escaper) []byte {
	for i := 0; i < len(value); {
		c := value[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(value[i:])
			if r >= 0xa0 { // below are the C1 control characters
				dst = utf8.AppendRune(dst, r)
			}
			i += size
			continue
		}
		i++
		switch {
		case c == '\r':
			if i == len(value) || value[i] != '\n' {
				dst = append(dst, '\n')
			}
		case c < ' ' && c != '\n' && c != '\t', c == 0x7f:
		case e == plain:
			dst = append(dst, c)
		case c == '&':
			dst = append(dst, "&amp;"...)
		case c == '<':
			dst = append(dst, "&lt;"...)
		case c == '>':
			dst = append(dst, "&gt;"...)
		case c == '"':
			dst = append(dst, "&#34;"...)
		case c == '\'':
			dst = append(dst, "&#39;"...)
		case c == '-' && e == conditional:
			dst = append(dst, "&#45;"...)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// Clean returns text without control characters, with \n for every line end and
// U+FFFD for what is not UTF-8.
func Clean(text string) string { return string(plain.append(nil, text)) }

// EscapeMarkup returns clean text as it must stand between the tags of HTML.
func EscapeMarkup(text string) string { return string(markup.append(nil, text)) }

// appendLink appends a whole link, or # if its scheme is none that a newsletter
// needs: javascript: and data: links run code.
func appendLink(dst []byte, value string) []byte {
	value = strings.TrimSpace(value)
	scheme, _, _ := strings.Cut(value, ":")
	if !isSafeScheme(scheme) || len(scheme) == len(value) {
		return append(dst, '#')
	}
	return appendPercent(dst, value, isLinkByte)
}

// isSafeScheme reports whether links with this scheme are let through.
func isSafeScheme(scheme string) bool {
	for _, safe := range []string{"http", "https", "mailto", "tel"} {
		if strings.EqualFold(scheme, safe) {
			return true
		}
	}
	return false
}

// appendPercent appends value with every byte that allowed does not let through
// as %XX (RFC 3986 §2.1). A % stays if it begins such a code and % is allowed.
func appendPercent(dst []byte, value string, allowed func(byte) bool) []byte {
	const hex = "0123456789ABCDEF"
	for i := range len(value) {
		c := value[i]
		switch {
		case c == '%' && allowed('%') && (i+2 >= len(value) || !isHex(value[i+1]) || !isHex(value[i+2])):
			dst = append(dst, "%25"...)
		case !allowed(c):
			dst = append(dst, '%', hex[c>>4], hex[c&15])
		case c == '&':
			dst = append(dst, "&amp;"...)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// isUnreserved reports whether a byte stands for itself everywhere in a link
// (RFC 3986 §2.3).
func isUnreserved(c byte) bool {
	return isAlphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '~'
}

// isLinkByte adds the reserved characters, without the apostrophe, which could
// end an attribute, and brackets, which only literal IPv6 addresses need.
func isLinkByte(c byte) bool {
	return isUnreserved(c) || strings.IndexByte(":/?#@!$&()*+,;=%", c) >= 0
}

// isAddressByte adds what mail addresses and telephone numbers consist of.
func isAddressByte(c byte) bool { return isUnreserved(c) || c == '@' || c == '+' }

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// appendStyle appends what colours, sizes and names of fonts consist of. A value
// can then neither add a property nor load anything.
func appendStyle(dst []byte, value string) []byte {
	for _, c := range []byte(value) {
		if isAlphanumeric(c) || strings.IndexByte("#%.,-_ ", c) >= 0 {
			dst = append(dst, c)
		}
	}
	return dst
}
