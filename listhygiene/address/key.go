package address

import (
	"strings"

	"golang.org/x/text/unicode/norm"
)

// Key returns the exact key: two addresses with the same key are the same
// contact. It is the address in lower case and NFC, without needless quotes,
// the domain as A-labels. It allocates nothing when the address already is its
// key.
func (a Address) Key() string {
	if isLowerASCII(a.Local) && a.Local[0] != '"' {
		return a.send
	}
	content := norm.NFC.String(unquote(a.Local))
	content = norm.NFC.String(strings.ToLower(content))
	return quoteIfNeeded(content) + "@" + a.Domain
}

// Canonical returns the canonical key: two addresses with the same one very
// probably reach the same person. See [CanonicalKey].
func (a Address) Canonical() string { return CanonicalKey(a.Key()) }

// CanonicalKey derives the canonical key from an exact key. Where the provider
// is known to ignore a part of the local part, that part is dropped: dots and
// "+tag" at Gmail (and googlemail.com becomes gmail.com), "+tag" at the others
// of the table. Unknown domains keep their exact key. It is for marking likely
// duplicates and for honouring an unsubscribe; mail is never sent to it.
func CanonicalKey(key string) string {
	at := strings.LastIndexByte(key, '@')
	if at <= 0 || key[0] == '"' {
		return key
	}
	local, domain := key[:at], key[at+1:]
	rule, ok := ruleFor(domain)
	if !ok {
		return key
	}
	if plus := strings.IndexByte(local, '+'); plus > 0 {
		local = local[:plus]
	}
	if rule.dropDots {
		local = strings.ReplaceAll(local, ".", "")
	}
	if rule.domain != "" {
		domain = rule.domain
	}
	if len(local) == at && domain == key[at+1:] {
		return key
	}
	return local + "@" + domain
}

// TagHint returns the address without the "-tag" of a disposable Yahoo address
// as an exact key, and whether there is one. It is a hint for people and never
// merges: dashes occur in ordinary names.
func (a Address) TagHint() (string, bool) {
	base, _, found := strings.Cut(a.Domain, ".")
	if !found || base != "yahoo" && base != "ymail" && base != "rocketmail" {
		return "", false
	}
	key := a.Key()
	dash := strings.IndexByte(key, '-')
	at := strings.LastIndexByte(key, '@')
	if dash <= 0 || dash > at || key[0] == '"' {
		return "", false
	}
	return key[:dash] + key[at:], true
}

func isLowerASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c >= 0x80 || 'A' <= c && c <= 'Z' {
			return false
		}
	}
	return s != ""
}
