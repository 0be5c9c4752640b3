package unpack

import (
	"compress/gzip"
	"errors"
	"io"

	"github.com/headwaymail/headway/listhygiene/intake"
)

func openGzip(r io.ReaderAt, size int64, name string, limits Limits) []File {
	open := func() (io.ReadCloser, error) {
		z, err := gzip.NewReader(io.NewSectionReader(r, 0, size))
		if err != nil {
			return nil, errors.Join(refuse(intake.ArchiveDamaged), err)
		}
		return bound(z, size, limits), nil
	}
	return []File{{Name: withoutSuffix(name), open: open}}
}
