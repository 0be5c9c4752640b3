package dkim

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
)

// appendCanonical appends the fields of these names in relaxed form, each with its
// line end. Of fields with the same name the last comes first, and names without
// a field are passed over (RFC 6376 §5.4.2).
func (h header) appendCanonical(dst []byte, names []string) []byte {
	for i, name := range names {
		nth := 0 // how many of this name came before
		for _, before := range names[:i] {
			if before == name {
				nth++
			}
		}
		if field := h.nthFromEnd(name, nth); field != nil {
			dst = append(appendCanonicalField(dst, field, name), "\r\n"...)
		}
	}
	return dst
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
	for i := range len(name) {
		c := name[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
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
func hashBody(body []byte) [sha256.Size]byte {
	sum := sha256.New()
	body = bytes.TrimRight(body, " \t\r\n")
	if len(body) > 0 {
		for len(body) > 0 {
			blanks := relaxedUntil(body)
			sum.Write(body[:blanks])
			body = body[blanks:]
			rest := bytes.TrimLeft(body, " \t")
			if len(rest) < len(body) && rest[0] != '\r' {
				sum.Write(space)
			}
			body = rest
		}
		sum.Write(lineEnd)
	}
	var hash [sha256.Size]byte
	sum.Sum(hash[:0])
	return hash
}

var space, lineEnd = []byte(" "), []byte("\r\n")

// relaxedUntil returns where text, which does not end in white space, stops to be in
// relaxed form: at the first white space that is not one space between two words
// or at the beginning of a line. It looks at eight bytes at a time, since all mail
// goes through it.
func relaxedUntil(text []byte) int {
	at := 0
	for ; at+9 <= len(text); at += 8 {
		these, next := binary.LittleEndian.Uint64(text[at:]), binary.LittleEndian.Uint64(text[at+1:])
		if wrong := marked(these, '\t') | marked(these, ' ')&(marked(next, ' ')|marked(next, '\t')|marked(next, '\r')); wrong != 0 {
			return at + bits.TrailingZeros64(wrong)/8
		}
	}
	for ; at+1 < len(text); at++ {
		if next := text[at+1]; text[at] == '\t' || text[at] == ' ' && (next == ' ' || next == '\t' || next == '\r') {
			return at
		}
	}
	return len(text)
}

// marked sets the highest bit of each of eight bytes that is c, and no other bit.
func marked(eight uint64, c byte) uint64 {
	const low, seven = 0x0101010101010101, 0x7f7f7f7f7f7f7f7f
	differs := eight ^ low*uint64(c)
	return ^(differs&seven + seven | differs | seven)
}
