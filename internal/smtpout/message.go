package smtpout

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// facts are what has to be known of a message before it is announced.
type facts struct {
	size     int64  // octets on the wire before dot-stuffing (RFC 1870 §5), with the line end at the end
	eightBit bool   // a byte above 127 occurs
	dots     bool   // a line begins with a dot
	unended  bool   // the line end at the end is missing
	flaw     string // why it cannot be sent, in words; empty when it can
}

// inspect reads a message once. Line ends must be CRLF: a lone CR or LF is read
// differently by different servers, and what follows one could be taken for
// the end of the message and for commands (RFC 5321 §2.3.8, "SMTP smuggling").
func inspect(body []byte) facts {
	f := facts{size: int64(len(body)), eightBit: eightBit(body)}
	lines, start := 0, 0
	for start < len(body) {
		end := bytes.IndexByte(body[start:], '\n')
		if end < 0 {
			f.unended = true
			f.size += 2
			f.dots = f.dots || body[start] == '.'
			break
		}
		if end == 0 || body[start+end-1] != '\r' {
			f.flaw = fmt.Sprintf("the message has a line feed without a carriage return (byte %d)", start+end)
			return f
		}
		f.dots = f.dots || body[start] == '.'
		start += end + 1
		lines++
	}
	if bytes.Count(body, carriageReturn) != lines {
		f.flaw = fmt.Sprintf("the message has a carriage return without a line feed (byte %d)", loneReturn(body))
	}
	return f
}

// loneReturn returns where the first carriage return without a line feed is.
func loneReturn(body []byte) int {
	at := bytes.IndexByte(body, '\r')
	for at+1 < len(body) && body[at+1] == '\n' {
		at += 2 + bytes.IndexByte(body[at+2:], '\r')
	}
	return at
}

// eightBit looks for a byte above 127, 32 at a time.
func eightBit(b []byte) bool {
	little := binary.LittleEndian
	for ; len(b) >= 32; b = b[32:] {
		if (little.Uint64(b)|little.Uint64(b[8:])|little.Uint64(b[16:])|little.Uint64(b[24:]))&0x8080808080808080 != 0 {
			return true
		}
	}
	for _, c := range b {
		if c >= 0x80 {
			return true
		}
	}
	return false
}

// stuffed calls write with the pieces of body, one more dot before each line
// that begins with one (RFC 5321 §4.5.2). Nothing is copied.
func stuffed(body []byte, write func([]byte) error) error {
	for len(body) > 0 {
		if body[0] == '.' { // body is at the beginning of a line here
			if err := write(dot); err != nil {
				return err
			}
		}
		piece := body
		if next := bytes.Index(body, lineThenDot); next >= 0 {
			piece = body[:next+2]
		}
		if err := write(piece); err != nil {
			return err
		}
		body = body[len(piece):]
	}
	return nil
}

var (
	dot            = []byte(".")
	lineEnd        = []byte("\r\n")
	lineThenDot    = []byte("\r\n.")
	finalDot       = []byte(".\r\n")
	carriageReturn = []byte("\r")
)
