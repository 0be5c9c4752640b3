package dsn

import (
	"bytes"
	"encoding/base64"
	"mime"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
)

const (
	// deepest bounds nested multiparts. Reports have at most four levels.
	deepest = 6
	// mostParts bounds the parts of one mail.
	mostParts = 64
	// longestPart bounds what is read of one part after decoding.
	longestPart = 32 << 10
)

// part is a leaf of the MIME tree: its header, its type in lower case and its
// body as it stands.
type part struct {
	header  header
	kind    string // "text/plain"
	charset string
	body    string
}

// text decodes the body as far as it is text. It is done for parts that are read
// only: the same words in HTML, and files, are not.
func (p part) text() string { return decodeBody(p.header, p.kind, p.charset, p.body) }

// parts collects the leaves of a mail in their order.
type parts struct {
	list  []part
	types []string // of multiparts, with their report-type
}

// walk adds the leaves of an entity.
func (p *parts) walk(h header, body string, depth int) {
	if len(p.list) >= mostParts {
		return
	}
	kind, params := mediaType(h.get("Content-Type"))
	if strings.HasPrefix(kind, "multipart/") && depth < deepest {
		p.types = append(p.types, kind+" "+strings.ToLower(params["report-type"]))
		if boundary := params["boundary"]; boundary != "" && p.split(body, boundary, depth) {
			return
		}
		kind = "text/plain" // its boundary never comes: read it as it stands
	}
	p.list = append(p.list, part{header: h, kind: kind, charset: params["charset"], body: body})
}

// split walks the parts of a multipart. It reports whether there was any.
func (p *parts) split(body, boundary string, depth int) bool {
	found := false
	delimiter := "--" + boundary
	for {
		at := lineThatBegins(body, delimiter)
		if at < 0 {
			return found
		}
		line, rest := cutLine(body[at:])
		if strings.HasPrefix(line[len(delimiter):], "--") {
			return found
		}
		end := lineThatBegins(rest, delimiter)
		inner := rest
		if end >= 0 {
			inner = rest[:end]
		}
		found = true
		h, text := cutHeader(inner)
		p.walk(h, text, depth+1)
		if end < 0 || len(p.list) >= mostParts {
			return found
		}
		body = rest[end:]
	}
}

// lineThatBegins returns where a line with this prefix begins, -1 when none does.
func lineThatBegins(text, prefix string) int {
	for at := 0; ; {
		i := strings.Index(text[at:], prefix)
		if i < 0 {
			return -1
		}
		at += i
		if at == 0 || text[at-1] == '\n' {
			return at
		}
		at += len(prefix)
	}
}

// mediaType reads a Content-Type. What mime refuses is read by hand: broken
// parameters are common in reports.
func mediaType(value string) (string, map[string]string) {
	if value == "" {
		return "text/plain", nil
	}
	kind, params, err := mime.ParseMediaType(value)
	if err == nil {
		return kind, params
	}
	head, rest, _ := strings.Cut(value, ";")
	params = make(map[string]string, 2)
	for _, name := range []string{"boundary", "charset", "report-type"} {
		i := strings.Index(strings.ToLower(rest), name+"=")
		if i < 0 || i+len(name)+1 > len(rest) {
			continue
		}
		v := rest[i+len(name)+1:]
		if strings.HasPrefix(v, `"`) {
			v, _, _ = strings.Cut(v[1:], `"`)
		} else if end := strings.IndexAny(v, "; \t"); end >= 0 {
			v = v[:end]
		}
		params[name] = v
	}
	return strings.ToLower(strings.TrimSpace(head)), params
}

// decodeBody undoes transfer encoding and character set of a text, and the
// markup of HTML. Enclosed messages stay as they are.
func decodeBody(h header, kind, charset, body string) string {
	if len(body) > 2*longestPart {
		body = body[:2*longestPart]
	}
	hidden := false // newlines, from the pass over the whole mail
	switch encoding := strings.ToLower(strings.TrimSpace(h.get("Content-Transfer-Encoding"))); {
	case encoding == "base64":
		body, hidden = fromBase64(body), true
	case encoding == "quoted-printable", encoding == "" && kind == "text/plain" && strings.Contains(body[:min(len(body), mostText)], "=\n"):
		body = fromQuotedPrintable(body)
	}
	body = cut(body)
	if strings.HasPrefix(kind, "text/") || kind == "" {
		body = toUTF8(body, charset)
	}
	if hidden {
		body = unifyNewlines([]byte(body))
	}
	if !strings.HasPrefix(kind, "text/") && kind != "" {
		return body
	}
	if kind == "text/html" {
		body = withoutMarkup(body)
	}
	return body
}

func cut(s string) string {
	if len(s) > longestPart {
		return s[:longestPart]
	}
	return s
}

func fromBase64(s string) string {
	compact := make([]byte, 0, len(s))
	for i := range len(s) {
		if c := s[i]; c > ' ' {
			compact = append(compact, c)
		}
	}
	compact = bytes.TrimRight(compact, "=")
	out := make([]byte, base64.RawStdEncoding.DecodedLen(len(compact)))
	n, _ := base64.RawStdEncoding.Decode(out, compact) // what was right before the mistake is enough
	return string(out[:n])
}

// fromQuotedPrintable undoes quoted-printable (RFC 2045 §6.7) in lines that end
// with LF. What is no code stays as it stands, as reports have it unencoded.
func fromQuotedPrintable(s string) string {
	if strings.IndexByte(s, '=') < 0 {
		return s
	}
	var out strings.Builder
	out.Grow(len(s))
	for s != "" {
		line, rest, ended := strings.Cut(s, "\n")
		s = rest
		line = strings.TrimRight(line, " \t")
		soft := strings.HasSuffix(line, "=")
		line = strings.TrimSuffix(line, "=")
		for {
			i := strings.IndexByte(line, '=')
			if i < 0 {
				break
			}
			out.WriteString(line[:i])
			line = line[i:]
			if high, low := hexOf(line, 1), hexOf(line, 2); high >= 0 && low >= 0 {
				out.WriteByte(byte(high<<4 | low))
				line = line[3:]
			} else {
				out.WriteByte('=')
				line = line[1:]
			}
		}
		out.WriteString(line)
		if ended && !soft {
			out.WriteByte('\n')
		}
	}
	return out.String()
}

// hexOf returns the value of the hexadecimal digit at s[i], -1 where none stands.
func hexOf(s string, i int) int {
	if i >= len(s) {
		return -1
	}
	switch c := s[i]; {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	}
	return -1
}

// toUTF8 decodes a text. Without a charset that is known, and for one that does
// not fit, the bytes stay: they are read as Latin-1 later.
func toUTF8(s, charset string) string {
	if order, ok := utf16Order(s, charset); ok {
		if out, err := unicode.UTF16(order, unicode.UseBOM).NewDecoder().String(s); err == nil {
			return out
		}
	}
	if strings.Contains(s, "\x1b$") {
		charset = "iso-2022-jp"
	} else if utf8.ValidString(s) {
		return s
	}
	enc, err := htmlindex.Get(strings.TrimSpace(charset))
	if err != nil {
		return s
	}
	out, err := enc.NewDecoder().String(s)
	if err != nil || strings.Count(out, "\uFFFD") > 8 {
		return s
	}
	return out
}

// utf16Order reports whether a text is UTF-16, and its order where no mark says
// it: by its charset when it has NUL bytes, which no other text has (what stands
// in the open without a transfer encoding lost them), or by its byte order mark.
func utf16Order(s, charset string) (unicode.Endianness, bool) {
	charset = strings.ToLower(strings.TrimSpace(charset))
	switch {
	case strings.HasPrefix(s, "\xfe\xff"), strings.HasPrefix(s, "\xff\xfe"):
	case !strings.HasPrefix(charset, "utf-16"), strings.IndexByte(s, 0) < 0:
		return unicode.BigEndian, false
	case charset == "utf-16le":
		return unicode.LittleEndian, true
	}
	if charset == "utf-16" && len(s) > 1 && s[1] == 0 {
		return unicode.LittleEndian, true // RFC 2781 §4.3 says the other, Windows writes this
	}
	return unicode.BigEndian, true
}

// unifyNewlines ends every line with LF, whether it ended with CRLF, CR or LF,
// and drops NUL bytes.
func unifyNewlines(raw []byte) string {
	if bytes.IndexByte(raw, 0) >= 0 {
		raw = bytes.ReplaceAll(raw, []byte{0}, nil)
	}
	if bytes.IndexByte(raw, '\r') < 0 {
		return string(raw)
	}
	var b strings.Builder
	b.Grow(len(raw))
	for {
		i := bytes.IndexByte(raw, '\r')
		if i < 0 {
			b.Write(raw)
			return b.String()
		}
		b.Write(raw[:i])
		b.WriteByte('\n')
		raw = bytes.TrimPrefix(raw[i+1:], []byte{'\n'})
	}
}
