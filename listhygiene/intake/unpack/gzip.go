package unpack

import (
	"compress/gzip"
	"io"
)

func openGzip(r io.ReaderAt, size int64, name string, limits Limits) []File {
	open := func() (io.ReadCloser, error) {
		z, err := gzip.NewReader(io.NewSectionReader(r, 0, size))
		if err != nil {
			return nil, damaged(err)
		}
		return bound(z, size, limits), nil
	}
	return []File{{Name: withoutSuffix(name), open: open}}
}
