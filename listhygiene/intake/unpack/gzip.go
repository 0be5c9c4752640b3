package unpack

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"io"
)

func openGzip(r io.ReaderAt, size int64, name string, limits Limits) []File {
	open := func() (io.ReadCloser, error) {
		m := &members{packed: bufio.NewReader(io.NewSectionReader(r, 0, size))}
		z, err := gzip.NewReader(m.packed)
		if err != nil {
			return nil, damaged(err)
		}
		z.Multistream(false)
		m.z = z
		return bound(m, size, limits), nil
	}
	return []File{{Name: withoutSuffix(name), open: open}}
}

// members reads the members of a gzip file one after the other (RFC 1952 §2.2).
// What follows the last one and is no member, such as the padding of a tape or
// what a transfer appended, is passed over, as gzip itself does with a warning:
// every member has proven by its checksum that it is whole.
type members struct {
	packed *bufio.Reader
	z      *gzip.Reader
}

func (m *members) Read(p []byte) (int, error) {
	n, err := m.z.Read(p)
	if err != io.EOF {
		return n, err
	}
	if head, _ := m.packed.Peek(2); !bytes.Equal(head, []byte("\x1f\x8b")) {
		return n, io.EOF
	}
	if err := m.z.Reset(m.packed); err != nil {
		return n, err
	}
	m.z.Multistream(false)
	return n, nil
}

// Trailing returns how many bytes stand behind the last member, once all of it
// was read.
func (m *members) Trailing() int64 {
	n, _ := io.Copy(io.Discard, m.packed) // no more can be said of them
	return n
}

func (m *members) Close() error { return m.z.Close() }
