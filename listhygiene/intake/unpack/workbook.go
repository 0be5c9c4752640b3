package unpack

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/xuri/excelize/v2"

	"github.com/headwaymail/headway/listhygiene/intake"
)

// sheetInMemory is the size of an unpacked sheet or table of strings above which
// it goes to a temporary file.
const sheetInMemory = 1 << 20

// openWorkbook lists the visible sheets of an .xlsx file.
func openWorkbook(r io.ReaderAt, size int64, name string, limits Limits) ([]File, error) {
	if size > limits.Workbook {
		return nil, refuse(intake.WorkbookTooLarge)
	}
	load := func() (*excelize.File, error) { return loadWorkbook(r, size, limits) }
	book, err := load()
	if err != nil {
		return nil, err
	}
	defer book.Close() //nolint:errcheck // only read
	var files []File
	for _, sheet := range book.GetSheetList() {
		if visible, err := book.GetSheetVisible(sheet); err != nil || !visible {
			continue
		}
		open := func() (io.ReadCloser, error) { return openSheet(load, sheet, limits) }
		files = append(files, File{Name: name + ": " + sheet, Sheet: true, open: open})
	}
	if len(files) == 0 {
		return nil, refuse(intake.EmptyFile)
	}
	return files, nil
}

func loadWorkbook(r io.ReaderAt, size int64, limits Limits) (book *excelize.File, err error) {
	defer damagedOnPanic(&err)
	options := excelize.Options{
		UnzipSizeLimit:    min(limits.Total, ratioFree+size*limits.Ratio),
		UnzipXMLSizeLimit: sheetInMemory,
		ShortDatePattern:  "yyyy-mm-dd", // Excel's is that of a country, and means another day in the next one
	}
	book, err = excelize.OpenReader(io.NewSectionReader(r, 0, size), options)
	if err != nil {
		return nil, damaged(err)
	}
	return book, nil
}

// openSheet returns a sheet as CSV, one line for each of its rows.
func openSheet(load func() (*excelize.File, error), sheet string, limits Limits) (io.ReadCloser, error) {
	book, err := load()
	if err != nil {
		return nil, err
	}
	rows, err := book.Rows(sheet)
	if err != nil {
		return nil, errors.Join(damaged(err), book.Close())
	}
	s := &sheetReader{book: book, rows: rows}
	s.csv = csv.NewWriter(&s.text)
	return &bounded{r: s, closer: s, left: limits.Total}, nil
}

// sheetReader writes rows as CSV as they are asked for.
type sheetReader struct {
	book *excelize.File
	rows *excelize.Rows
	csv  *csv.Writer
	text bytes.Buffer
}

func (s *sheetReader) Read(p []byte) (int, error) {
	for s.text.Len() == 0 {
		if err := s.row(); err != nil {
			return 0, err
		}
	}
	return s.text.Read(p)
}

// lineBreaks in a cell become spaces, so that lines of the text are rows of the
// sheet.
var lineBreaks = strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ")

func (s *sheetReader) row() (err error) {
	defer damagedOnPanic(&err)
	if !s.rows.Next() {
		if err := s.rows.Error(); err != nil {
			return err
		}
		return io.EOF
	}
	cells, err := s.rows.Columns()
	if err != nil {
		return err
	}
	for i := range cells {
		cells[i] = lineBreaks.Replace(cells[i])
	}
	if err := s.csv.Write(cells); err != nil {
		return err
	}
	s.csv.Flush()
	return s.csv.Error()
}

func (s *sheetReader) Close() error {
	return errors.Join(s.rows.Close(), s.book.Close())
}

// damagedOnPanic turns a panic of the library on a damaged or hostile workbook
// into a refusal: one upload must not stop the program.
func damagedOnPanic(err *error) {
	if cause := recover(); cause != nil {
		*err = damaged(fmt.Errorf("%v", cause))
	}
}
