// Package address says whether a string is a mailbox that Headway may send to,
// and which strings mean the same mailbox.
//
// It is the first gate of an import and of every form and API call that takes
// an address:
//
//  1. [Tidy] removes what spreadsheets and mail programs put around an address
//     (spaces, "mailto:", "Anna <…>", a trailing comma) and says what it removed;
//  2. [Policy.Parse] holds the rest against the mailbox grammar of RFC 5321
//     §4.1.2 with the UTF-8 of RFC 6531 §3.3, and against UTS 46 for the domain;
//     a refusal is a [*Problem] with a stable code, plain words and a hint;
//  3. [Address.String] is what goes into RCPT TO: the local part exactly as
//     given, the domain as lower-case A-labels;
//  4. [Address.Key] and [Address.Canonical] are what duplicates and suppressions
//     are matched on;
//  5. [Policy.Mend] proposes the address that a refused string was probably
//     meant to be. It is only ever a proposal.
//
// It asks no DNS and no list: whether the domain exists, takes mail or looks
// like a typo is decided later. Forms that RFC 5322 allows in a header but that
// no bulk sender wants (comments, domain literals, source routes, obsolete
// quoting) are refused, each with a code of its own.
package address

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Longest parts of an address in octets (a local part beyond ASCII: characters): RFC 5321 §4.5.3.1.1 (local part),
// §4.5.3.1.2 (domain; 253 without the root dot) and §4.5.3.1.3 (a path of 256
// including its angle brackets). Labels: RFC 1035 §2.3.4.
const (
	maxLocal   = 64
	maxDomain  = 253
	maxLabel   = 63
	maxAddress = 254
)

// maxRaw bounds the work on hostile input. An address of at most 254 octets
// whose domain is written in Unicode stays far below it.
const maxRaw = 1024

// Address is a well-formed mailbox. The zero value is no address.
type Address struct {
	// Local is the part before the @ exactly as it was given, quotes included.
	// Only the receiving host may interpret it (RFC 5321 §2.3.11).
	Local string
	// Domain is the part after the @ as lower-case A-labels, without a final dot.
	Domain string
	// UTF8 is true when Local is not ASCII: the receiver must offer SMTPUTF8.
	UTF8 bool

	send string // Local + "@" + Domain; shares memory with the input where it can
}

// Policy says which well-formed addresses are refused all the same. The zero
// value is the one for real mail.
type Policy struct {
	// AllowReserved accepts names under .test, .example and .invalid, which
	// RFC 2606 sets aside for tests and which only the sandbox can deliver to.
	// Defaults to false.
	AllowReserved bool
}

// Parse is [Policy.Parse] with the policy for real mail.
func Parse(raw string) (Address, error) { return Policy{}.Parse(raw) }

// Parse checks raw and takes it apart. Nothing is trimmed or mended: use [Tidy]
// first on text that people typed. The error is always a [*Problem]. Parsing
// allocates nothing when raw is ASCII and its domain is in lower case.
func (p Policy) Parse(raw string) (Address, error) {
	if raw == "" {
		return Address{}, &Problem{Code: Empty}
	}
	if len(raw) > maxRaw {
		return Address{}, &Problem{Code: TooLong, Offset: maxAddress}
	}
	local, err := scanLocal(raw)
	if err != nil {
		return Address{}, err
	}
	if local.utf8 {
		if err := checkNormalLocal(raw[:local.end]); err != nil {
			return Address{}, err
		}
	}
	domain, err := p.checkDomain(raw, local.end+1)
	if err != nil {
		return Address{}, err
	}
	a := Address{Local: raw[:local.end], Domain: domain, UTF8: local.utf8, send: raw}
	if len(a.Local)+1+len(domain) > maxAddress {
		return Address{}, &Problem{Code: TooLong, Offset: maxAddress}
	}
	if raw[local.end+1:] != domain {
		a.send = a.Local + "@" + domain
	}
	return a, nil
}

// checkNormalLocal checks a UTF-8 local part again in its NFC form, in which
// receivers compare it (RFC 6532 §3.1): a character may turn into one that is
// not allowed, and the part may grow.
func checkNormalLocal(local string) error {
	normal := norm.NFC.String(local)
	if normal == local {
		return nil
	}
	_, err := scanLocal(normal + "@")
	return err
}

// String returns the address as it is sent: the local part as given, the domain
// as lower-case A-labels.
func (a Address) String() string { return a.send }

// Normal returns the address for people to read: the local part in NFC and
// without quotes that it does not need, the domain in Unicode.
func (a Address) Normal() string {
	return normalLocal(a.Local) + "@" + DomainUnicode(a.Domain)
}

// normalLocal returns the local part in NFC, unquoted where a dot-string says
// the same (RFC 5321 §4.1.2: the two forms are equivalent).
func normalLocal(local string) string {
	if isASCII(local) && local[0] != '"' {
		return local
	}
	return quoteIfNeeded(norm.NFC.String(unquote(local)))
}

// unquote returns the content of a quoted local part, or local unchanged.
func unquote(local string) string {
	if local == "" || local[0] != '"' {
		return local
	}
	inner := local[1 : len(local)-1]
	if strings.IndexByte(inner, '\\') < 0 {
		return inner
	}
	var b strings.Builder
	for i := 0; i < len(inner); i++ {
		if inner[i] == '\\' {
			i++
		}
		b.WriteByte(inner[i])
	}
	return b.String()
}

// quoteIfNeeded returns content as a dot-string where it is one, else quoted
// with as few backslashes as possible.
func quoteIfNeeded(content string) string {
	if isDotString(content) {
		return content
	}
	return `"` + quoteEscaper.Replace(content) + `"`
}

var quoteEscaper = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// isDotString reports whether content needs no quotes. What is beyond ASCII was
// checked when the address was parsed.
func isDotString(content string) bool {
	for i := 0; i < len(content); i++ {
		c := content[i]
		dotBetweenAtoms := c == '.' && i > 0 && i < len(content)-1 && content[i-1] != '.'
		if !isAtext[c] && c < utf8.RuneSelf && !dotBetweenAtoms {
			return false
		}
	}
	return content != ""
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
