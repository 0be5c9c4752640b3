package address

// Code names one way in which a string is no address that we send to. Codes are
// stored and shown by other programs: they never change.
type Code string

// The codes, in the order in which an address is read.
const (
	Empty                 Code = "empty"
	NoAt                  Code = "no_at"
	AtRepeated            Code = "at_repeated"
	ControlChar           Code = "control_char"
	NotUTF8               Code = "not_utf8"
	SpaceInside           Code = "space_inside"
	NameForm              Code = "name_form"
	CommentRefused        Code = "comment_refused"
	SourceRouteRefused    Code = "source_route_refused"
	LocalEmpty            Code = "local_empty"
	LocalTooLong          Code = "local_too_long"
	LocalBadChar          Code = "local_bad_char"
	DotMisplaced          Code = "dot_misplaced"
	QuoteMisplaced        Code = "quote_misplaced"
	DomainEmpty           Code = "domain_empty"
	DomainTooLong         Code = "domain_too_long"
	DomainLabelTooLong    Code = "domain_label_too_long"
	DomainBadChar         Code = "domain_bad_char"
	DomainDotMisplaced    Code = "domain_dot_misplaced"
	DomainHyphenMisplaced Code = "domain_hyphen_misplaced"
	DomainNoDot           Code = "domain_no_dot"
	DomainNumericTop      Code = "domain_numeric_top"
	DomainReserved        Code = "domain_reserved"
	DomainLiteralRefused  Code = "domain_literal_refused"
	IDNAInvalid           Code = "idna_invalid"
	TooLong               Code = "address_too_long"
)

// Problem says why a string was refused.
type Problem struct {
	Code   Code
	Offset int // byte of the string at which reading stopped, from 0
}

// Error returns the words, and what to do: "there is no @; an address reads
// name@domain". The place is in the field: people do not count bytes.
func (p *Problem) Error() string {
	if hint := p.Code.Hint(); hint != "" {
		return p.Code.Words() + "; " + hint
	}
	return p.Code.Words()
}

// Words says in plain words what is wrong.
func (c Code) Words() string { return explanations[c].words }

// Hint says what a person can do about it.
func (c Code) Hint() string { return explanations[c].hint }

// Codes returns every code in the order in which an address is read.
func Codes() []Code {
	codes := make([]Code, 0, len(order))
	return append(codes, order...)
}

var order = []Code{
	Empty, NoAt, AtRepeated, ControlChar, NotUTF8, SpaceInside, NameForm, CommentRefused,
	SourceRouteRefused, LocalEmpty, LocalTooLong, LocalBadChar, DotMisplaced, QuoteMisplaced,
	DomainEmpty, DomainTooLong, DomainLabelTooLong, DomainBadChar, DomainDotMisplaced,
	DomainHyphenMisplaced, DomainNoDot, DomainNumericTop, DomainReserved, DomainLiteralRefused,
	IDNAInvalid, TooLong,
}

var explanations = map[Code]struct{ words, hint string }{
	Empty:                 {"the address is empty", "fill it in, or remove the row"},
	NoAt:                  {"there is no @", "an address reads name@domain"},
	AtRepeated:            {"there is more than one @", "keep one address in each cell"},
	ControlChar:           {"it contains an invisible control character", "delete the address and type it again"},
	NotUTF8:               {"it contains bytes that are no text in the chosen encoding", "choose another encoding for the file"},
	SpaceInside:           {"it contains a space", "remove the space"},
	NameForm:              {"a name or angle brackets stand around the address", "keep only what is between < and >"},
	CommentRefused:        {"it contains a comment in parentheses", "remove the comment"},
	SourceRouteRefused:    {"it names the route through other servers", "keep only the last address"},
	LocalEmpty:            {"nothing stands before the @", "add the name of the mailbox"},
	LocalTooLong:          {"the part before the @ is longer than 64 characters", "check it for text that does not belong to it"},
	LocalBadChar:          {"the part before the @ contains a character that is not allowed there", "check it for a typing mistake or a wrong encoding"},
	DotMisplaced:          {"a dot stands at the start or the end of the part before the @, or twice in a row", "remove the extra dot"},
	QuoteMisplaced:        {"a quotation mark stands in a wrong place or is not closed", "remove the quotation marks"},
	DomainEmpty:           {"nothing stands after the @", "add the domain"},
	DomainTooLong:         {"the domain is longer than 253 characters", "check it for text that does not belong to it"},
	DomainLabelTooLong:    {"a part of the domain is longer than 63 characters", "check it for text that does not belong to it"},
	DomainBadChar:         {"the domain contains a character that is not allowed there", "check it for a comma, an underscore or another typing mistake"},
	DomainDotMisplaced:    {"a dot stands at the start or the end of the domain, or twice in a row", "remove the extra dot"},
	DomainHyphenMisplaced: {"a part of the domain starts or ends with a hyphen", "remove the hyphen"},
	DomainNoDot:           {"the domain has no dot", "complete the domain, for instance with .com"},
	DomainNumericTop:      {"the domain ends in a digit", "use a name instead of an IP address"},
	DomainReserved:        {"the domain is reserved for tests and private networks", "such an address receives no mail: remove it"},
	DomainLiteralRefused:  {"an IP address in brackets stands after the @", "use a domain name"},
	IDNAInvalid:           {"the international domain name is not well formed", "check the domain for a typing mistake"},
	TooLong:               {"the address is longer than 254 characters", "check it for several addresses in one cell"},
}
