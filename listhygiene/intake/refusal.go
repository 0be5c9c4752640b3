package intake

import (
	"fmt"

	"github.com/headwaymail/headway/listhygiene"
)

// Refusal says why a whole file cannot be imported.
type Refusal struct {
	Code   Code
	Line   int   // physical line, from 1; 0 when no line is to blame
	Offset int64 // byte of the file, from 0; -1 when no byte is to blame
}

// Error says what is wrong, where, and what to do.
func (r *Refusal) Error() string {
	where := ""
	if r.Line > 0 {
		where = fmt.Sprintf(" in line %d", r.Line)
	}
	if r.Offset >= 0 {
		where += fmt.Sprintf(" at byte %d", r.Offset)
	}
	return r.Code.Words() + where + ": " + r.Code.Hint()
}

// Code names one reason why a file or a row was refused. Codes are stored and
// shown by other programs: they never change. A refused address has the code of
// its reason, see [listhygiene.SyntaxReason].
type Code string

// The codes for whole files.
const (
	EmptyFile        Code = "empty_file"
	NotText          Code = "not_text"
	NULByte          Code = "nul_byte" // also for a row
	NoEmailColumn    Code = "no_email_column"
	TooManyColumns   Code = "too_many_columns"
	AddressesAbreast Code = "addresses_abreast"
)

// The codes for archives and workbooks.
const (
	ArchiveDamaged   Code = "archive_damaged"
	ArchiveLocked    Code = "archive_locked"
	TooManyFiles     Code = "too_many_files"
	UnpacksTooLarge  Code = "unpacks_too_large"
	WorkbookTooLarge Code = "workbook_too_large"
	OldWorkbook      Code = "old_workbook"
)

// The codes for rows.
const (
	UnclosedQuote    Code = "unclosed_quote"
	RowTooLong       Code = "row_too_long"
	TooManyCells     Code = "too_many_cells"
	BadEncoding      Code = "bad_encoding"
	EmailMissing     Code = "email_missing"
	SeveralAddresses Code = "several_addresses"
	StatusUnknown    Code = "status_unknown"
)

// Words says in plain words what is wrong.
func (c Code) Words() string { return c.explain().words }

// Hint says what a person can do about it.
func (c Code) Hint() string { return c.explain().hint }

type explanation struct{ words, hint string }

func (c Code) explain() explanation {
	if e, ok := explanations[c]; ok {
		return e
	}
	if a, ok := listhygiene.Reason(c).AddressCode(); ok {
		return explanation{a.Words(), a.Hint()}
	}
	return explanation{string(c), ""}
}

var explanations = map[Code]explanation{
	EmptyFile:        {"the file holds no rows", "export it again"},
	NotText:          {"the file is no text", "export it as CSV, or upload the workbook or archive under its own name"},
	NULByte:          {"there is a NUL byte", "the file is damaged or no text: export it again as CSV in UTF-8"},
	NoEmailColumn:    {"no column holds e-mail addresses", "choose the column, or check delimiter and encoding"},
	TooManyColumns:   {"the file has more than 4,096 columns", "check the delimiter, or export fewer columns"},
	AddressesAbreast: {"several addresses stand side by side", "give each address a line of its own; where a person has several, add a first line that names the columns"},
	ArchiveDamaged:   {"the archive or workbook is damaged", "export or compress it again"},
	ArchiveLocked:    {"the archive is protected by a password", "upload it without one"},
	TooManyFiles:     {"the archive holds too many files", "upload only the files with contacts"},
	UnpacksTooLarge:  {"the file unpacks to far more than its size", "upload it uncompressed, or in parts"},
	WorkbookTooLarge: {"the workbook is too large", "save it as CSV in UTF-8"},
	OldWorkbook:      {"the file is a workbook of an old or protected kind", "save it as .xlsx without a password, or as CSV in UTF-8"},
	UnclosedQuote:    {"a quotation mark is not closed, or stands in the middle of a quoted cell", "double the quotation marks inside the cell, or remove them"},
	RowTooLong:       {"the row is longer than 256 KB", "check it for a missing line break or quotation mark"},
	TooManyCells:     {"the row has more cells than the heading", "put quotation marks around cells that contain the delimiter"},
	BadEncoding:      {"the address contains bytes that are no text in this encoding", "export the file again in UTF-8"},
	EmailMissing:     {"the cell for the address is empty", "fill it in, or remove the row"},
	SeveralAddresses: {"the cell holds more than one address", "give each address a row of its own"},
	StatusUnknown:    {"the status of this contact is not understood", "use subscribed, unconfirmed, unsubscribed, bounced or complained"},
}
