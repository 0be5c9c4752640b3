package reply

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/publicsuffix"
)

// maxText is how much of a reply is matched. RFC 5321 §4.5.3.1.5 allows 512
// octets a line; the longest replies seen have about twenty lines. What comes
// after is log noise or an attack.
const maxText = 16 << 10

// Markers that stand in the folded text for what differs from message to
// message and server to server, so that a rule for "spam" never fires on a
// server that is called spam.example.
const (
	markAddress = "@addr"
	markIP      = "@ip"
	markHost    = "@host"
	markURL     = "@url"
)

// fold returns the form of a reply in which rules are matched:
//
//	550-5.7.1 [192.0.2.1] Boîte  pleine,      →  550 5.7.1 [@ip] boite pleine,
//	550 5.7.1 see https://mx.example/x?id=7   →  see @url
//
// The code comes first, then the enhanced code if there is one, then all lines
// joined by a space, without the enhanced code that each may repeat. Text is in
// lower case, without accents, with white space folded; mail addresses, IP
// addresses, host names and URLs are replaced by markers, except names of DNS
// block lists. Bytes that are not UTF-8 are read as Latin-1.
func fold(dst []byte, r Reply) []byte {
	if r.Code != 0 {
		dst = append(dst, itoa3(r.Code)...)
		dst = append(dst, ' ')
	}
	enhanced := r.enhanced()
	if enhanced != "" {
		dst = append(dst, enhanced...)
		dst = append(dst, ' ')
	}
	room := maxText
	for _, line := range r.Lines {
		if len(line) > room {
			line = line[:room]
		}
		room -= len(line)
		if code, rest := cutEnhanced(line); code != "" && (code == enhanced || code[0] == enhanced[0]) {
			line = rest
		}
		dst = foldText(dst, line)
		if n := len(dst); n > 0 && dst[n-1] != ' ' {
			dst = append(dst, ' ')
		}
	}
	return bytes.TrimRight(dst, " ")
}

// foldText appends s to dst: lower case, no accents, white space folded,
// addresses and names replaced by markers.
func foldText(dst []byte, s string) []byte {
	token := len(dst) // where the current token began in dst
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c >= utf8.RuneSelf:
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				r = rune(c) // Latin-1
			}
			i += size
			switch r = appendable(r); {
			case r == 0:
			case r < utf8.RuneSelf && (r == ' ' || delimiter[r]):
				dst, token = closeToken(dst, token, byte(r))
			case isMark(r):
				dst, _ = closeToken(dst, token, 0)
				dst = appendFolded(dst, r)
				token = len(dst)
			default:
				if n := len(dst); n > token && isUnspaced(r) && isAlphanumeric(dst[n-1]) {
					dst, token = closeToken(dst, token, 0)
				}
				dst = appendFolded(dst, r)
			}
			continue
		case c <= ' ' || c == 0x7f:
			dst, token = closeToken(dst, token, ' ')
		case delimiter[c]:
			dst, token = closeToken(dst, token, c)
		default:
			if n := len(dst); n > token && dst[n-1] >= utf8.RuneSelf && isAlphanumeric(c) {
				if r, _ := utf8.DecodeLastRune(dst[token:]); isUnspaced(r) {
					dst, token = closeToken(dst, token, 0)
				}
			}
			if 'A' <= c && c <= 'Z' {
				c += 'a' - 'A'
			}
			dst = append(dst, c)
		}
		i++
	}
	dst, _ = closeToken(dst, token, 0)
	return dst
}

// isMark reports whether a rune is punctuation that ends a token as the ASCII
// delimiters do: quotation marks, and the commas, stops and brackets of East Asia.
func isMark(r rune) bool {
	switch r {
	case '“', '”', '«', '»', '„':
		return true
	}
	return 0x3001 <= r && r <= 0x3020
}

// isUnspaced reports whether a rune is of a script that puts no space between a
// word and an address that follows or precedes it.
func isUnspaced(r rune) bool {
	return r >= 0x2e80 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul)
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// delimiter holds the bytes that end a token beside white space.
var delimiter = [utf8.RuneSelf]bool{
	'<': true, '>': true, '(': true, ')': true, '[': true, ']': true, '{': true, '}': true,
	',': true, ';': true, '"': true, '\'': true, '|': true, '`': true,
}

// closeToken replaces the token dst[start:] by its marker, if it has one, and
// appends the byte that ended it (0 for the end of the text). Runs of spaces
// become one. It returns where the next token begins.
func closeToken(dst []byte, start int, end byte) ([]byte, int) {
	if token := dst[start:]; len(token) >= 4 {
		body := token
		for n := len(body); n > 0 && (body[n-1] == '.' || body[n-1] == ':' || body[n-1] == '!' || body[n-1] == '?'); n = len(body) {
			body = body[:n-1]
		}
		if at := bytes.IndexByte(body, '@'); at >= 0 {
			if colon := bytes.IndexByte(body[at:], ':'); colon >= 0 {
				body = body[:at+colon] // "user@host:550" in a list of failures
			}
		}
		if mark := marker(body); mark != "" {
			tail := string(token[len(body):])
			dst = append(append(dst[:start], mark...), tail...)
		}
	}
	if end == 0 || end == ' ' && (len(dst) == 0 || dst[len(dst)-1] == ' ') {
		return dst, len(dst)
	}
	dst = append(dst, end)
	return dst, len(dst)
}

// marker returns what stands for a token: an address, an IP, a host, a URL, or
// "" when the token is to stay.
func marker(token []byte) string {
	var dots, colons, at, letters, other int
	for i, c := range token {
		switch {
		case c == '.':
			dots++
		case c == ':':
			colons++
		case c == '@':
			at = i
		case 'a' <= c && c <= 'z':
			letters++
		case '0' <= c && c <= '9', c == '-', c == '_':
		default:
			other++
		}
	}
	switch {
	case dots == 0 && colons < 2 && at == 0:
		return ""
	case bytes.Contains(token, []byte("://")), bytes.HasPrefix(token, []byte("www.")):
		if namesBlockList(token) {
			return ""
		}
		return markURL
	case at > 0 && at < len(token)-1:
		return markAddress
	case other > 0:
		if host, _, ok := bytes.Cut(token, []byte("/")); ok && len(host) > 3 && bytes.IndexByte(host, '.') > 0 && isHost(host) && !namesBlockList(token) {
			return markURL
		}
		return ""
	case isIP(token, dots, colons):
		return markIP
	case colons == 0 && dots > 0 && letters > 1 && isHost(token) && !namesBlockList(token):
		return markHost
	}
	return ""
}

// isIP reports whether the token is an IPv4 or IPv6 address, or an IPv4 address
// blanked with x as manuals print it.
func isIP(token []byte, dots, colons int) bool {
	allowed := "0123456789.x"
	switch {
	case colons == 7 || colons >= 2 && bytes.Contains(token, []byte("::")):
		allowed = "0123456789abcdef:."
	case dots != 3 || colons != 0:
		return false
	}
	for _, c := range token {
		if strings.IndexByte(allowed, c) < 0 {
			return false
		}
	}
	return true
}

// isHost reports whether the token ends in a top-level domain that exists, or in
// one that is reserved for tests and private networks (RFC 2606, RFC 6762).
// "storedrv.deliver" and "rfc5322.from" are not hosts.
func isHost(token []byte) bool {
	if token[0] == '.' || token[0] == '-' {
		return false
	}
	last := string(token[bytes.LastIndexByte(token, '.')+1:])
	switch last {
	case "test", "example", "invalid", "localhost", "local", "localdomain", "lan", "internal", "intra", "corp", "home":
		return true
	case "":
		return false
	}
	_, icann := publicsuffix.PublicSuffix(last)
	return icann
}

// namesBlockList reports whether a host name or URL belongs to a DNS block list,
// which is worth more than the sentence around it.
func namesBlockList(token []byte) bool {
	for _, name := range blockLists {
		if bytes.Contains(token, name) {
			return true
		}
	}
	return false
}

var blockLists = [][]byte{
	[]byte("spamhaus"), []byte("spamcop"), []byte("barracudacentral"), []byte("sorbs."), []byte("surbl"),
	[]byte("uribl"), []byte("dnsbl"), []byte("rbl."), []byte("abuseat"), []byte("cloudmark"),
	[]byte("prs.proofpoint"), []byte("senderscore"), []byte("invaluement"), []byte("mailspike"),
	[]byte("uceprotect"), []byte("psbl"), []byte("hostkarma"), []byte("backscatterer"), []byte("nixspam"),
	[]byte("spamrats"), []byte("blacklist"), []byte("blocklist"), []byte("trustedsource"), []byte("ipcheck."),
}

// appendable maps a rune to the one that is matched: spaces of every kind to a
// space, full-width forms to ASCII; marks that carry no meaning to 0.
func appendable(r rune) rune {
	switch {
	case unicode.IsSpace(r):
		return ' '
	case 0x300 <= r && r <= 0x36f, 0x200b <= r && r <= 0x200f, r == 0xfeff, r == 0xad, r < 0xa0:
		return 0 // combining accents, zero-width and soft characters, C1 controls
	case 0xff01 <= r && r <= 0xff5e:
		return unicode.ToLower(r - 0xff01 + '!')
	}
	return unicode.ToLower(r)
}

// appendFolded appends a rune without its accent.
func appendFolded(dst []byte, r rune) []byte {
	switch r {
	case '‘', '’', '´', 'ʼ':
		return append(dst, '\'')
	case '“', '”', '«', '»', '„':
		return append(dst, '"')
	case '–', '—', '‑':
		return append(dst, '-')
	case 'ß':
		return append(dst, "ss"...)
	case 'æ':
		return append(dst, "ae"...)
	case 'œ':
		return append(dst, "oe"...)
	}
	if 0xe0 <= r && int(r-0xe0) < len(latin) && latin[r-0xe0] != '.' {
		return append(dst, latin[r-0xe0])
	}
	return utf8.AppendRune(dst, r)
}

// latin gives the base letter of U+00E0 to U+017F; a dot where there is none.
const latin = "aaaaaa.ceeeeiiiidnooooo.ouuuuy.y" + // 00E0
	"aaaaaaccccccccddddeeeeeeeeeegggg" + // 0100
	"gggghhhhiiiiiiiiii..jjkkklllllll" + // 0120
	"lllnnnnnnnnnoooooo..rrrrrrssssss" + // 0140
	"ssttttttuuuuuuuuuuuuwwyyyzzzzzzs" // 0160
