package dkim

import (
	"bytes"
	"crypto/sha256"
	"strings"
)

// canonical returns the fields of these names in relaxed form, each with its
// line end. Of fields with the same name the last comes first, and names without
// a field are passed over (RFC 6376 §5.4.2).
func (h header) canonical(names []string) []byte {
	out := make([]byte, 0, 2048)
	for i, name := range names {
		nth := 0 // how many of this name came before
		for _, before := range names[:i] {
			if before == name {
				nth++
			}
		}
		if field := h.nthFromEnd(name, nth); field != nil {
			out = append(appendCanonicalField(out, field, name), "\r\n"...)
		}
	}
	return out
}

func (h header) nthFromEnd(name string, n int) []byte {
	for i := len(h) - 1; i >= 0; i-- {
		if !isNamed(h[i], name) {
			continue
		}
		if n == 0 {
			return h[i]
		}
		n--
	}
	return nil
}

// appendCanonicalField appends a field in relaxed form without its line end: the
// name in lower case, runs of white space as one space, none around the colon
// and at the end (RFC 6376 §3.4.2).
func appendCanonicalField(dst, field []byte, name string) []byte {
	dst = append(dst, strings.ToLower(name)...)
	dst = append(dst, ':')
	value := field[bytes.IndexByte(field, ':')+1:]
	return appendSqueezed(dst, bytes.Trim(value, " \t\r\n"))
}

// appendSqueezed appends text with each run of white space as one space.
func appendSqueezed(dst, text []byte) []byte {
	space := false
	for _, c := range text {
		if c == ' ' || c == '\t' || c == '\r' || c == '\n' {
			space = true
			continue
		}
		if space {
			dst = append(dst, ' ')
			space = false
		}
		dst = append(dst, c)
	}
	return dst
}

// hashBody returns the SHA-256 of a body in relaxed form: runs of white space as
// one space, none at the end of a line, no empty lines at the end (RFC 6376
// §3.4.4). Stretches that are in that form already are hashed as they are.
func hashBody(body []byte) []byte {
	sum := sha256.New()
	body = bytes.TrimRight(body, " \t\r\n")
	if len(body) == 0 {
		return sum.Sum(nil)
	}
	var changed []byte
	asIs := 0 // where the stretch begins that is in relaxed form
	for at := 0; at < len(body); {
		end := len(body)
		if n := bytes.IndexByte(body[at:], '\n'); n >= 0 {
			end = at + n - 1
		}
		if line := body[at:end]; !isRelaxed(line) {
			sum.Write(body[asIs:at])
			changed = appendLine(changed[:0], line)
			sum.Write(changed)
			asIs = end
		}
		at = end + len("\r\n")
	}
	sum.Write(body[asIs:])
	sum.Write([]byte("\r\n"))
	return sum.Sum(nil)
}

// isRelaxed reports whether a line is in relaxed form.
func isRelaxed(line []byte) bool {
	return len(line) == 0 || line[len(line)-1] != ' ' &&
		bytes.IndexByte(line, '\t') < 0 && !bytes.Contains(line, []byte("  "))
}

// appendLine appends a line in relaxed form, without its line end.
func appendLine(dst, line []byte) []byte {
	text := bytes.Trim(line, " \t")
	if len(text) > 0 && (line[0] == ' ' || line[0] == '\t') {
		dst = append(dst, ' ')
	}
	return appendSqueezed(dst, text)
}
