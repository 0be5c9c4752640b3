package engagement

// Rule says who made a visit.
type Rule string

// The rules, in the order in which they are tried: the first that holds counts.
const (
	Head       Rule = "head"       // asked for the header of an answer alone
	Prefetch   Rule = "prefetch"   // said that nobody is looking yet
	NoAgent    Rule = "no_agent"   // named no program at all
	AppleMPP   Rule = "apple_mpp"  // Apple Mail Privacy Protection, which loads images ahead
	Proxy      Rule = "proxy"      // a mail provider's image proxy
	Scanner    Rule = "scanner"    // a security product looks at links
	Previewer  Rule = "previewer"  // a messenger or network makes a preview
	Crawler    Rule = "crawler"    // a search engine, or another robot
	Library    Rule = "library"    // a program of somebody's own
	TooSoon    Rule = "too_soon"   // moments after the message was accepted
	Everything Rule = "everything" // used many links within seconds
	Person     Rule = ""           // nothing gave a program away
)

// Words says what gave the visitor away, as part of a sentence: "… because …".
func (r Rule) Words() string {
	switch r {
	case Head:
		return "it asked whether the page exists, not for the page"
	case Prefetch:
		return "it loaded ahead of anybody looking"
	case NoAgent:
		return "it did not say what it is"
	case AppleMPP:
		return "Apple Mail loads images whether or not somebody reads"
	case Proxy:
		return "a mail provider’s proxy loaded it"
	case Scanner:
		return "a security program looked at it"
	case Previewer:
		return "a messenger made a preview"
	case Crawler:
		return "a robot followed it"
	case Library:
		return "a script followed it"
	case TooSoon:
		return "it came moments after the message was delivered"
	case Everything:
		return "it followed many links within seconds"
	}
	return ""
}

// Machine reports whether a program made the visit.
func (r Rule) Machine() bool { return r != Person }
