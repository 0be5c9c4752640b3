package risk

import (
	"strings"

	"golang.org/x/net/publicsuffix"
)

// common are the domains that are worth comparing with, the most used first. A
// tie goes to the earlier one. Names that end in "mail" have so many neighbours
// which exist that only the largest of them are here.
var common = []string{
	"gmail.com", "yahoo.com", "hotmail.com", "outlook.com", "icloud.com", "aol.com", "live.com", "msn.com",
	"comcast.net", "googlemail.com", "web.de", "gmx.de", "gmx.net", "t-online.de", "freenet.de", "yahoo.co.uk",
	"hotmail.co.uk", "hotmail.fr", "yahoo.fr", "orange.fr", "wanadoo.fr", "laposte.net", "free.fr", "sfr.fr",
	"yahoo.de", "hotmail.de", "outlook.de", "hotmail.it", "libero.it", "yahoo.it", "hotmail.es", "yahoo.es",
	"yahoo.com.br", "hotmail.com.br", "uol.com.br", "bol.com.br", "terra.com.br", "yahoo.co.in", "rediffmail.com",
	"yahoo.co.jp", "yahoo.ca", "hotmail.ca", "btinternet.com", "virginmedia.com", "ntlworld.com", "sky.com",
	"verizon.net", "sbcglobal.net", "bellsouth.net", "charter.net", "earthlink.net", "optonline.net",
	"rocketmail.com", "proton.me", "protonmail.com", "mail.ru", "yandex.ru",
	"rambler.ru", "seznam.cz", "centrum.cz", "wp.pl", "onet.pl", "interia.pl", "telenet.be", "skynet.be", "ziggo.nl",
	"bluewin.ch", "posteo.de", "bigpond.com", "hanmail.net",
}

// brands are names under which hardly anyone but the provider takes mail, so
// that a wrong ending is a typing mistake as well.
var brands = map[string]string{
	"gmail": "gmail.com", "googlemail": "googlemail.com", "hotmail": "hotmail.com", "yahoo": "yahoo.com",
	"outlook": "outlook.com", "icloud": "icloud.com",
}

// lookalikes are real domains that are close to a common one. They are never
// taken for a mistake, nor is any free-mail domain.
var lookalikes = words(`
	hotmart.com cloud.com mail.de mail.be mail.fr mail.ch mail.at mail.pt gail.com mymail.com webmail.com
	amail.com cmail.com e-mail.com fmail.com kmail.com nmail.com pmail.com vmail.com xmail.com zmail.com
	sina.com.cn msc.com ms.com mms.com asn.com aon.com adl.com ao.com all.com web.com comcast.com att.com
	verizon.com orange.com sky.de skye.com live.co live.nl tree.fr three.fr terra.es terra.com love.com like.com line.com olive.com five.com dive.com give.com life.com outlook.sa
`)

var free = mustSet(freeSeed)

// candidate is a common domain with what the comparison needs of it.
type candidate struct {
	domain  string
	name    string // before the first dot
	suffix  string // after it
	letters uint64
	limit   float64
}

var candidates = func() []candidate {
	list := make([]candidate, len(common))
	for i, domain := range common {
		name, suffix, _ := strings.Cut(domain, ".")
		list[i] = candidate{domain, name, suffix, letters(domain), limitFor(name)}
	}
	return list
}()

// limitFor returns the cost below which a name counts as mistyped. Short names
// have many neighbours that exist, so that only the plainest slips count.
func limitFor(name string) float64 {
	switch n := len(name); {
	case n <= 3:
		return 0.45
	case n == 4:
		return 0.55
	case n <= 6:
		return 1.5
	}
	return 2
}

// SuggestDomain returns the domain that was probably meant by a lower-case one,
// and whether there is one. A domain that is known to be real gets none; nor
// does one whose top-level domain exists, unless the name or the ending is very
// close to a common domain.
func SuggestDomain(domain string) (string, bool) {
	if _, known := free[domain]; known || lookalikes[domain] || len(domain) < 4 {
		return "", false
	}
	if meant, ok := suggestBrand(domain); ok {
		return meant, true
	}
	if meant, ok := suggestCommon(domain); ok {
		return meant, true
	}
	return suggestEnding(domain)
}

// suggestBrand finds a provider's exact name with an ending that it does not
// have: gmail, gmail.net, hotmail.c, yahoo.com.com. A name before a company's
// own domain (outlook.example.org) is no mistake.
func suggestBrand(domain string) (string, bool) {
	name, suffix, _ := strings.Cut(domain, ".")
	meant, ok := brands[name]
	if !ok || !mayEnd(name, suffix) {
		return "", false
	}
	for _, c := range candidates {
		if c.name == name && c.suffix != "com" && distance(suffix, c.suffix, costNear+0.01) <= costNear {
			return c.domain, true
		}
	}
	return meant, true
}

// mayEnd reports whether a brand with this suffix is a mistake for the brand's
// own domain.
func mayEnd(name, suffix string) bool {
	first, top, dotted := strings.Cut(suffix, ".")
	if !dotted {
		top = suffix
	}
	switch {
	case dotted && (first != "com" && first != "co" || strings.Contains(top, ".")):
		return false
	case !isTop(top), mistypedCom[suffix]:
		return true
	case len(top) == 2: // a country's: only Gmail has none of its own
		return name == "gmail" || name == "googlemail"
	}
	return commonTops[top]
}

// commonTops are generic top-level domains that come to mind before others.
var commonTops = map[string]bool{"com": true, "net": true, "org": true, "info": true, "biz": true, "edu": true}

// isTop reports whether a top-level domain exists.
func isTop(top string) bool {
	_, icann := publicsuffix.PublicSuffix(top)
	return icann
}

// mistypedCom are endings that exist but are met in place of .com far more often.
var mistypedCom = map[string]bool{"co": true, "cm": true, "om": true}

// suggestCommon finds the closest common domain.
func suggestCommon(domain string) (string, bool) {
	if len(domain) > maxName {
		return "", false
	}
	set := letters(domain)
	name, suffix, _ := strings.Cut(domain, ".")
	exists := isTop(suffix[strings.LastIndexByte(suffix, '.')+1:]) && !mistypedCom[suffix]
	best, least := "", 0.0
	for _, c := range candidates {
		if exists && (suffix != c.suffix || name == c.name) || !mayBeClose(len(domain)-len(c.domain), set^c.letters, c.limit) {
			continue
		}
		limit := c.limit
		if best != "" {
			limit = min(limit, least)
		}
		cost := distance(domain, c.domain, limit)
		if suffix == c.suffix && len(name) > 4 && isAnagram(name, c.name) {
			cost = min(cost, costAnagram)
		}
		if cost < limit {
			best, least = c.domain, cost
		}
	}
	return best, best != ""
}

// endings are the top-level domains that an ending which does not exist is
// compared with.
var endings = []string{"com", "net", "org", "edu", "gov", "info"}

// suggestEnding mends an ending that does not exist, whatever the name:
// example.con was example.com.
func suggestEnding(domain string) (string, bool) {
	dot := strings.LastIndexByte(domain, '.')
	if dot <= 0 {
		return "", false
	}
	top := domain[dot+1:]
	if len(top) < 2 || len(top) > 5 || strings.HasPrefix(top, "xn--") || isTop(top) {
		return "", false
	}
	best, least := "", costOther+0.01
	for _, ending := range endings {
		if cost := distance(top, ending, least); cost < least {
			best, least = ending, cost
		}
	}
	return domain[:dot+1] + best, best != ""
}
