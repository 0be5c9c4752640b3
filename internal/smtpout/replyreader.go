package smtpout

import (
	"bufio"
	"errors"
	"io"

	"github.com/headwaymail/headway/pacing/reply"
)

// Limits of one reply. RFC 5321 §4.5.3.1.5 allows 512 octets a line; the
// longest replies seen in the wild are explanations of a few KB.
const (
	keptBytes = 64 << 10 // text kept; what follows is read and dropped
	keptLines = 100
	maxBytes  = 1 << 20 // a reply this long ends the session

	// usualBytes holds two lines of that length, and nearly every whole reply.
	usualBytes = 1 << 10
)

var (
	errReplyTooLong = errors.New("the reply does not end after 1 MB")
	errNoReply      = errors.New("what the server said is not an SMTP reply")
)

// replyReader takes replies off a connection.
type replyReader struct {
	br *bufio.Reader
}

func newReplyReader(r io.Reader) *replyReader {
	return &replyReader{bufio.NewReaderSize(r, usualBytes)}
}

// next reads one whole reply (RFC 5321 §4.2.1). The code is that of its last
// line, as other mail software has it where a server lets the lines differ.
//
// A reply may come with an error: one that never ends, or that the end of the
// connection cut short after its code was known. The code counts, the session
// is over. A first line that is no reply line comes as Code 0 with errNoReply;
// such a line further down is kept as text.
func (r *replyReader) next() (reply.Reply, error) {
	var rep reply.Reply
	kept, total := 0, 0
	for {
		line, size, err := r.line(keptBytes-kept, maxBytes-total)
		total += size
		if size == 0 && err != nil {
			return finished(rep), err
		}
		code, more, text, ok := parseLine(line)
		switch {
		case !ok && err != nil:
			return finished(rep), err
		case !ok && rep.Code == 0:
			rep.Lines = []string{clean(line)}
			return rep, errNoReply
		case !ok:
			more, text = true, line
		default:
			rep.Code = code
		}
		if len(rep.Lines) < keptLines && (kept < keptBytes || len(rep.Lines) == 0) {
			rep.Lines = append(rep.Lines, clean(text))
			kept += len(text)
		}
		if !more || err != nil {
			return finished(rep), err
		}
	}
}

func finished(rep reply.Reply) reply.Reply {
	rep.Enhanced = enhancedCode(rep.Code, rep.Lines)
	return rep
}

// line reads up to the next line feed and returns at most keep bytes of it,
// without the line end, good until the next call. size counts all that was read.
// It fails when size reaches limit.
func (r *replyReader) line(keep, limit int) (line []byte, size int, err error) {
	for {
		part, err := r.br.ReadSlice('\n')
		size += len(part)
		part = part[:min(len(part), max(keep+2-len(line), 0))] // 2 for CR LF
		if err == nil && line == nil {
			line = part // whole in the buffer, as nearly always
		} else {
			line = append(line, part...)
		}
		switch {
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			return trimEnd(line), size, err
		case size >= limit:
			return trimEnd(line), size, errReplyTooLong
		case err == nil:
			return trimEnd(line), size, nil
		}
	}
}

func trimEnd(line []byte) []byte {
	for len(line) > 0 && (line[len(line)-1] == '\n' || line[len(line)-1] == '\r') {
		line = line[:len(line)-1]
	}
	return line
}

// parseLine takes a reply line apart. A missing space after the code is
// forgiven; a fourth digit is not.
func parseLine(line []byte) (code int, more bool, text []byte, ok bool) {
	if len(line) < 3 || line[0] < '2' || line[0] > '5' || !isDigit(line[1]) || !isDigit(line[2]) {
		return 0, false, nil, false
	}
	code = int(line[0]-'0')*100 + int(line[1]-'0')*10 + int(line[2]-'0')
	switch {
	case len(line) == 3:
		return code, false, nil, true
	case line[3] == '-':
		return code, true, line[4:], true
	case line[3] == ' ' || line[3] == '\t':
		return code, false, line[4:], true
	case isDigit(line[3]):
		return 0, false, nil, false
	default:
		return code, false, line[3:], true
	}
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
