package intake

import (
	"bytes"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
)

// sniffEncoding follows a byte order mark, else recognises UTF-16 by its NUL
// bytes and UTF-8 by its validity, else asks [legacy].
func sniffEncoding(head []byte) Format {
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		return Format{Encoding: UTF8, Mark: 3}
	case bytes.HasPrefix(head, []byte("\xff\xfe")):
		return Format{Encoding: UTF16LE, Mark: 2}
	case bytes.HasPrefix(head, []byte("\xfe\xff")):
		return Format{Encoding: UTF16BE, Mark: 2}
	}
	if e := unmarkedUTF16(head); e != "" {
		return Format{Encoding: e, EncodingProposed: true}
	}
	if isUTF8(head) {
		return Format{Encoding: UTF8, EncodingProposed: !utf8.Valid(wholeRunes(head))}
	}
	e, proven := legacy(head)
	return Format{Encoding: e, EncodingProposed: !proven}
}

// unmarkedUTF16 recognises Latin text in UTF-16 without a mark: every other byte
// is NUL, always on the same side.
func unmarkedUTF16(head []byte) Encoding {
	var nul [2]int
	for i, c := range head {
		if c == 0 {
			nul[i%2]++
		}
	}
	half := len(head) / 4 // at least half of the characters are Latin
	switch {
	case nul[1] > half && nul[0] == 0:
		return UTF16LE
	case nul[0] > half && nul[1] == 0:
		return UTF16BE
	}
	return ""
}

// isUTF8 tells UTF-8 with some damaged rows from other encodings: four
// well-formed characters beyond ASCII for each broken byte speak for UTF-8.
func isUTF8(head []byte) bool {
	good, bad := 0, 0
	for rest := wholeRunes(head); len(rest) > 0; {
		r, n := utf8.DecodeRune(rest)
		switch {
		case r == utf8.RuneError && n == 1:
			bad++
		case n > 1:
			good++
		}
		rest = rest[n:]
	}
	return bad == 0 || good >= 4*bad
}

// wholeRunes drops a character that the end of the sample cut in two.
func wholeRunes(head []byte) []byte {
	for i := len(head) - 1; i >= 0 && i >= len(head)-utf8.UTFMax+1; i-- {
		if utf8.RuneStart(head[i]) {
			if !utf8.FullRune(head[i:]) {
				return head[:i]
			}
			break
		}
	}
	return head
}

func (e Encoding) decoder() *encoding.Decoder {
	if enc := e.encoding(); enc != nil {
		return enc.NewDecoder()
	}
	return nil
}

// decodeSample returns the sample as UTF-8 without its mark. A NUL byte refuses
// the file: no text has one.
func decodeSample(head []byte, f Format) ([]byte, error) {
	body := head[min(f.Mark, len(head)):]
	text := body
	if d := f.Encoding.decoder(); d != nil {
		if f.Encoding == UTF16LE || f.Encoding == UTF16BE {
			body = body[:len(body)&^1]
		}
		decoded, err := d.Bytes(body)
		if err != nil {
			return nil, &Refusal{Code: NotText, Offset: -1}
		}
		text = decoded
	}
	if nul := bytes.IndexByte(text, 0); nul >= 0 {
		return nil, nulRefusal(head, text[:nul], f)
	}
	return text, nil
}

func nulRefusal(head, before []byte, f Format) error {
	line := 1 + bytes.Count(before, []byte{sniffNewline(before).terminator()})
	offset := int64(bytes.IndexByte(head, 0))
	if f.Encoding == UTF16LE || f.Encoding == UTF16BE {
		offset = -1 // halves of ordinary characters are NUL there
	}
	return &Refusal{Code: NULByte, Line: line, Offset: offset}
}

// decoded returns r as UTF-8, after its mark.
func decoded(r io.Reader, f Format) io.Reader {
	r = &skipReader{r: r, left: f.Mark}
	if d := f.Encoding.decoder(); d != nil {
		return d.Reader(r)
	}
	return r
}

// skipReader leaves out the first bytes of a stream.
type skipReader struct {
	r    io.Reader
	left int
}

func (s *skipReader) Read(p []byte) (int, error) {
	if s.left > 0 {
		n, err := io.CopyN(io.Discard, s.r, int64(s.left))
		s.left -= int(n)
		if err != nil {
			return 0, err
		}
	}
	return s.r.Read(p)
}

// mendText reads bytes that are no UTF-8 as Windows-1252 and keeps the rest: a
// few rows pasted from another program should not lose their names.
func mendText(text []byte) []byte {
	mended := make([]byte, 0, len(text)+16)
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		if r == utf8.RuneError && n == 1 {
			r = charmap.Windows1252.DecodeByte(text[0])
		}
		mended = utf8.AppendRune(mended, r)
		text = text[n:]
	}
	return mended
}
