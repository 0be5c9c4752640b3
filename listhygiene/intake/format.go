package intake

// Encoding is how the text of a file is stored.
type Encoding string

// The encodings that a file may have.
const (
	UTF8        Encoding = "utf-8"
	UTF16LE     Encoding = "utf-16le"
	UTF16BE     Encoding = "utf-16be"
	Windows1252 Encoding = "windows-1252" // includes what claims to be ISO 8859-1
)

// Newline is what ends a line.
type Newline string

// The newlines that a file may have.
const (
	LF Newline = "lf" // also CR LF
	CR Newline = "cr" // old Macintosh programs, some Excel exports
)

func (n Newline) terminator() byte {
	if n == CR {
		return '\r'
	}
	return '\n'
}

// Format says how to read a file. Sniff guesses it; every field may be changed
// by the user before the import starts.
type Format struct {
	Encoding Encoding `json:"encoding"`
	// EncodingProposed is true when the bytes do not prove the encoding: the
	// user should look at accented letters.
	EncodingProposed bool `json:"encoding_proposed"`
	// Mark is the number of bytes of the byte order mark, 0 to 3.
	Mark    int     `json:"mark"`
	Newline Newline `json:"newline"`
	// Delimiter separates cells: one of , ; tab |. With 0 each line is one value
	// and quotation marks mean nothing.
	Delimiter byte `json:"delimiter"`
	// SkipLines is the number of lines before the heading or first row that are
	// no data, such as the "sep=;" that Excel understands.
	SkipLines int `json:"skip_lines"`
	// Header is true when the first record names the columns.
	Header bool `json:"header"`
	// Columns is the number of cells of a full row. A row with more is refused:
	// an unquoted delimiter has shifted its cells. 0 does not check.
	Columns int `json:"columns"`
}

// delimiters are tried in this order; on a tie the earlier one wins.
var delimiters = []byte{',', ';', '\t', '|'}
