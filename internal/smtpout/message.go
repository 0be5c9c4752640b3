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
	for start := 0; start < len(body); {
		line := body[start:]
		end := bytes.IndexByte(line, '\n')
		if end < 0 {
			f.unended = true
			f.size += 2
		} else {
			line = line[:end]
			if len(line) == 0 || line[len(line)-1] != '\r' {
				f.flaw = fmt.Sprintf("the message has a line feed without a carriage return (byte %d)", start+end)
				return f
			}
			line = line[:len(line)-1]
		}
		if cr := bytes.IndexByte(line, '\r'); cr >= 0 {
			f.flaw = fmt.Sprintf("the message has a carriage return without a line feed (byte %d)", start+cr)
			return f
		}
		f.dots = f.dots || len(line) > 0 && line[0] == '.'
		if end < 0 {
			break
		}
		start += end + 1
	}
	return f
}

// eightBit looks for a byte above 127, eight at a time.
func eightBit(b []byte) bool {
	for ; len(b) >= 8; b = b[8:] {
		if binary.LittleEndian.Uint64(b)&0x8080808080808080 != 0 {
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
	dot         = []byte(".")
	lineEnd     = []byte("\r\n")
	lineThenDot = []byte("\r\n.")
	finalDot    = []byte(".\r\n")
)
