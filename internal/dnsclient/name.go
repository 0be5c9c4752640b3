package dnsclient

import (
	"strings"

	"golang.org/x/net/idna"
)

// profile maps as browsers and mail clients do (UTS 46), yet lets underscores
// pass, which service names such as _mta-sts need.
var profile = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(false))

// wire brings a name as it stands in a message to the form in which names are
// compared and cached: lower case, no trailing dot. The root becomes "".
func wire(name string) string {
	return strings.ToLower(strings.TrimSuffix(name, "."))
}

// canonical brings a name from outside to wire form, or says that it is none:
// labels of 1–63 octets, 253 in all (RFC 1035 §2.3.4).
func canonical(name string) (string, bool) {
	ascii := true
	for i := range len(name) {
		ascii = ascii && name[i] < 0x80
	}
	if !ascii {
		var err error
		if name, err = profile.ToASCII(name); err != nil {
			return "", false
		}
	}
	name = wire(name)
	if name == "" || len(name) > 253 {
		return "", false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || strings.ContainsFunc(label, unfit) {
			return "", false
		}
	}
	return name, true
}

// unfit refuses what no host name has and what the DNS library would read as
// an escape. Underscores are fit: service names have them.
func unfit(c rune) bool {
	return c <= ' ' || c >= 0x7f || strings.ContainsRune(`\"();@$[]:,<>`, c)
}
