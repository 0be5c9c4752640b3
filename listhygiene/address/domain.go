package address

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// profile maps a domain as UTS 46 asks for look-ups (non-transitional, STD3,
// hyphens, joiners and the bidi rule checked).
var profile = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.Transitional(false))

// ParseDomain checks a bare domain, as in a domain suppression, and returns it
// as lower-case A-labels. The error is always a [*Problem].
func (p Policy) ParseDomain(raw string) (string, error) {
	if len(raw) > maxRaw {
		return "", &Problem{Code: DomainTooLong, Offset: maxDomain}
	}
	return p.checkDomain(raw, 0)
}

// DomainUnicode returns a domain of A-labels as people read it. A label that
// cannot be decoded is kept.
func DomainUnicode(domain string) string {
	if !strings.Contains(domain, "xn--") {
		return domain
	}
	u, err := profile.ToUnicode(domain)
	if err != nil {
		return domain
	}
	return u
}

// checkDomain checks raw[start:] and returns it as lower-case A-labels.
// Offsets of problems count from the start of raw.
func (p Policy) checkDomain(raw string, start int) (string, error) {
	domain := raw[start:]
	switch {
	case domain == "":
		return "", &Problem{Code: DomainEmpty, Offset: start}
	case domain[0] == '[':
		return "", &Problem{Code: DomainLiteralRefused, Offset: start}
	}
	kind, err := scanDomain(raw, start)
	if err != nil {
		return "", err
	}
	if kind.needsIDNA {
		if domain, err = mapDomain(domain, start); err != nil {
			return "", err
		}
		if _, err := scanDomain(domain, 0); err != nil {
			return "", &Problem{Code: err.(*Problem).Code, Offset: start}
		}
	} else if kind.upper {
		domain = strings.ToLower(domain)
	}
	if len(domain) > maxDomain {
		return "", &Problem{Code: DomainTooLong, Offset: start}
	}
	return domain, p.checkTop(domain, start)
}

// domainKind says what is left to do for a domain after the first scan.
type domainKind struct {
	upper     bool // has capital letters
	needsIDNA bool // has characters beyond ASCII, or labels that claim to be A-labels
}

// scanDomain checks labels of letters, digits and hyphens (RFC 1123 §2.1) and
// leaves everything beyond ASCII to IDNA.
func scanDomain(raw string, start int) (domainKind, error) {
	var k domainKind
	label := start
	for i := start; i < len(raw); i++ {
		c := raw[i]
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-':
		case 'A' <= c && c <= 'Z':
			k.upper = true
		case c == '.':
			if err := k.checkLabel(raw, label, i); err != nil {
				return k, err
			}
			label = i + 1
		case c >= utf8.RuneSelf:
			k.needsIDNA = true
		default:
			return k, explainDomain(raw, i)
		}
	}
	return k, k.checkLabel(raw, label, len(raw))
}

// checkLabel checks the label raw[start:end]. Labels with hyphens in third and
// fourth place are reserved for A-labels (RFC 5890 §2.3.1): IDNA judges them.
func (k *domainKind) checkLabel(raw string, start, end int) error {
	switch label := raw[start:end]; {
	case label == "":
		return &Problem{Code: DomainDotMisplaced, Offset: start}
	case k.needsIDNA:
		return nil // lengths and hyphens are checked on the A-label
	case len(label) > maxLabel:
		return &Problem{Code: DomainLabelTooLong, Offset: start}
	case label[0] == '-':
		return &Problem{Code: DomainHyphenMisplaced, Offset: start}
	case label[len(label)-1] == '-':
		return &Problem{Code: DomainHyphenMisplaced, Offset: end - 1}
	case len(label) >= 4 && label[2:4] == "--":
		k.needsIDNA = true
	}
	return nil
}

// mapDomain brings a domain into A-labels. The final dot that UTS 46 leaves in
// place is refused by the scan that follows.
func mapDomain(domain string, start int) (string, error) {
	if !utf8.ValidString(domain) {
		return "", &Problem{Code: NotUTF8, Offset: start}
	}
	ascii, err := profile.ToASCII(domain)
	if err != nil || hasReservedHyphens(ascii) {
		return "", &Problem{Code: IDNAInvalid, Offset: start}
	}
	return ascii, nil
}

// hasReservedHyphens reports hyphens as third and fourth character of a label
// in Unicode (UTS 46 §4.1, CheckHyphens), which x/net/idna looks for in bytes.
func hasReservedHyphens(ascii string) bool {
	for label := range strings.SplitSeq(DomainUnicode(ascii), ".") {
		if r := []rune(label); len(r) >= 4 && r[2] == '-' && r[3] == '-' {
			return true
		}
	}
	return false
}

// explainDomain names the character at raw[i] that no domain has.
func explainDomain(raw string, i int) error {
	p := &Problem{Code: DomainBadChar, Offset: i}
	switch c := raw[i]; {
	case c < ' ' && c != '\t' || c == 0x7f:
		p.Code = ControlChar
	case c == ' ' || c == '\t':
		p.Code = SpaceInside
	case c == '@':
		p.Code = AtRepeated
	case c == '<' || c == '>':
		p.Code = NameForm
	case c == '(':
		p.Code = CommentRefused
	}
	return p
}

// checkTop judges the top-level label of a lower-case ASCII domain.
func (p Policy) checkTop(domain string, start int) error {
	dot := strings.LastIndexByte(domain, '.')
	top := domain[dot+1:]
	switch top {
	case "test", "example", "invalid": // RFC 2606 §2
		if !p.AllowReserved {
			return &Problem{Code: DomainReserved, Offset: start}
		}
	case "localhost", // RFC 6761 §6.3
		"local",    // RFC 6762 §3
		"onion",    // RFC 7686 §2
		"alt",      // RFC 9476 §2
		"arpa",     // RFC 3172 §2: infrastructure only
		"internal": // set aside by ICANN in 2024
		return &Problem{Code: DomainReserved, Offset: start}
	}
	switch c := top[len(top)-1]; {
	case dot < 0 && !countryTakesMail(top):
		return &Problem{Code: DomainNoDot, Offset: start}
	case c < 'a' || c > 'z':
		// A top-level name is alphabetic or an A-label (RFC 1123 §2.1, RFC 3696 §2),
		// and Punycode always ends in a letter. Catches a@192.0.2.1.
		return &Problem{Code: DomainNumericTop, Offset: start + dot + 1}
	}
	return nil
}

// countryTakesMail reports whether a domain of a single label may have a mail
// host. ICANN forbids it for generic names (SAC 053); some two-letter country
// names have had one.
func countryTakesMail(top string) bool {
	if len(top) != 2 {
		return false
	}
	_, icann := publicsuffix.PublicSuffix(top)
	return icann
}
