package address

import (
	"regexp"
	"strings"
)

// Mend returns the address that a refused string was probably meant to be, and
// whether there is one. It is a proposal for a person: mending guesses, so the
// result is never used without a yes. Misspelt domains are not its business.
func (p Policy) Mend(raw string) (Address, bool) {
	if len(raw) > maxRaw {
		return Address{}, false
	}
	text := Tidy(spelledAt.Replace(raw)).Text
	text = aroundPunctuation.ReplaceAllString(text, "$1")
	text = repeated.ReplaceAllStringFunc(text, func(s string) string { return s[:1] })
	local, domain, found := strings.Cut(text, "@")
	if !found || strings.Contains(domain, "@") {
		return Address{}, false
	}
	domain = strings.Trim(inDomain.Replace(domain), ".-")
	a, err := p.Parse(strings.Trim(local, ".") + "@" + domain)
	return a, err == nil && a.String() != raw
}

var (
	// spelledAt undoes how people write addresses against harvesters.
	spelledAt = strings.NewReplacer("(at)", "@", "[at]", "@", " at ", "@", "(dot)", ".", "[dot]", ".", " dot ", ".")
	// inDomain holds what is typed for a dot on the keys beside it.
	inDomain = strings.NewReplacer(",", ".", ";", ".", ":", ".", " ", "")

	aroundPunctuation = regexp.MustCompile(`\s*([@.])\s*`)
	repeated          = regexp.MustCompile(`@{2,}|\.{2,}`)
)
