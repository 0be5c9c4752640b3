package unpack

import (
	"archive/zip"
	"io"
	"path"
	"strings"

	"github.com/headwaymail/headway/listhygiene/intake"
)

func openZip(r io.ReaderAt, size int64, name string, limits Limits) ([]File, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, damaged(err)
	}
	if _, err := z.Open("xl/workbook.xml"); err == nil {
		return openWorkbook(r, size, name, limits)
	}
	var files []File
	var total uint64
	for _, entry := range z.File {
		if isClutter(entry) {
			continue
		}
		switch {
		case entry.Flags&1 != 0: // general purpose bit 0: encrypted
			return nil, refuse(intake.ArchiveLocked)
		case len(files) == limits.Files:
			return nil, refuse(intake.TooManyFiles)
		}
		if total += entry.UncompressedSize64; total > uint64(limits.Total) {
			return nil, refuse(intake.UnpacksTooLarge)
		}
		files = append(files, entryFile(entry, limits))
	}
	if len(files) == 0 {
		return nil, refuse(intake.EmptyFile)
	}
	return files, nil
}

func entryFile(entry *zip.File, limits Limits) File {
	open := func() (io.ReadCloser, error) {
		rc, err := entry.Open()
		if err != nil {
			return nil, damaged(err)
		}
		return bound(rc, int64(entry.CompressedSize64), limits), nil
	}
	return File{Name: entry.Name, open: open}
}

// isClutter reports folders and what operating systems add to archives.
func isClutter(entry *zip.File) bool {
	base := path.Base(entry.Name)
	return entry.FileInfo().IsDir() || strings.HasPrefix(entry.Name, "__MACOSX/") ||
		strings.HasPrefix(base, ".") || strings.EqualFold(base, "desktop.ini") || strings.EqualFold(base, "thumbs.db")
}
