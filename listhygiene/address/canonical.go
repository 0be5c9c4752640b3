package address

import "strings"

// canonicalRule says what a provider ignores in a local part. Each rule drops
// the "+tag".
type canonicalRule struct {
	dropDots bool
	domain   string // the domain under which its aliases are merged; empty: keep
}

var (
	// Gmail ignores dots and "+tag"; googlemail.com names the same mailboxes
	// (support.google.com/mail/answer/10313 and answer/7436150).
	gmail = canonicalRule{dropDots: true, domain: "gmail.com"}
	// The others of the table document "+tag" (subaddressing, RFC 5233) and say
	// nothing about dots.
	plusTag = canonicalRule{}
)

// canonicalRules holds the domains whose rule is known by name.
var canonicalRules = map[string]canonicalRule{
	"gmail.com": gmail, "googlemail.com": gmail,
	"msn.com": plusTag, "passport.com": plusTag, "windowslive.com": plusTag,
	"icloud.com": plusTag, "me.com": plusTag, "mac.com": plusTag,
	"fastmail.com": plusTag, "fastmail.fm": plusTag, "messagingengine.com": plusTag,
	"proton.me": plusTag, "protonmail.com": plusTag, "protonmail.ch": plusTag, "pm.me": plusTag,
	"ya.ru": plusTag,
}

// national holds the names that a provider uses under many country domains
// (outlook.fr, hotmail.co.uk, yandex.kz).
var national = map[string]canonicalRule{
	"outlook": plusTag, "hotmail": plusTag, "live": plusTag, "yandex": plusTag,
}

func ruleFor(domain string) (canonicalRule, bool) {
	if rule, ok := canonicalRules[domain]; ok {
		return rule, true
	}
	name, rest, _ := strings.Cut(domain, ".")
	rule, ok := national[name]
	return rule, ok && isCountrySuffix(rest)
}

// isCountrySuffix reports whether s is what follows a provider's name in its
// national domains: com, fr, co.uk, com.br.
func isCountrySuffix(s string) bool {
	if s == "com" {
		return true
	}
	if second, country, found := strings.Cut(s, "."); found {
		return (second == "co" || second == "com") && len(country) == 2
	}
	return len(s) == 2
}
