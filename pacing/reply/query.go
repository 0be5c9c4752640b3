package reply

import "bytes"

// query is a reply prepared for matching.
type query struct {
	phase      Phase
	beforeRcpt bool   // the server cannot have judged the recipient yet
	code       int    // 0 when the connection failed
	enhanced   string // "" when there is none
	final      bool   // a notification without any code: it reports what ended in failure
	text       []byte // folded
}

// newQuery folds a reply. The buffer is reused for the text.
func newQuery(buf []byte, r Reply) query {
	q := query{phase: r.Phase, code: r.Code, enhanced: r.enhanced(), text: fold(buf[:0], r)}
	q.final = r.Phase == PhaseAsync && r.Code == 0 && q.enhanced == ""
	if q.phase == "" {
		q.phase = PhaseAsync
	}
	switch q.phase {
	case PhaseConnect, PhaseEHLO, PhaseStartTLS, PhaseAuth, PhaseMail:
		q.beforeRcpt = true
	}
	return q
}

// permanent reports whether the server said 5xx. Without a code the class of the
// enhanced code speaks; without both the failure was the network's, or is reported
// as final.
func (q *query) permanent() bool {
	if q.code == 0 {
		return q.final || q.enhanced != "" && q.enhanced[0] == '5'
	}
	return q.code >= 500
}

// codeIn reports whether the code is one of the list: "450", "4xx" or "none".
func (q *query) codeIn(list []string) bool {
	digits := itoa3(q.code)
	if q.code == 0 {
		switch { // "?" lets only "4xx" or "5xx" hold
		case q.enhanced != "":
			digits = q.enhanced[:1] + "??"
		case q.final:
			digits = "5??"
		default:
			digits = codeNone
		}
	}
	for _, c := range list {
		if c == digits || c[1:] == "xx" && c[0] == digits[0] {
			return true
		}
	}
	return false
}

// enhancedIn reports whether the enhanced code is one of the list. An x stands
// for any number.
func (q *query) enhancedIn(list []string) bool {
	if q.enhanced == "" {
		return false
	}
	for _, pattern := range list {
		if enhancedMatches(pattern, q.enhanced) {
			return true
		}
	}
	return false
}

func enhancedMatches(pattern, code string) bool {
	for len(pattern) > 0 && len(code) > 0 {
		if pattern[0] == 'x' {
			pattern = pattern[1:]
			for len(code) > 0 && code[0] != '.' {
				code = code[1:]
			}
			continue
		}
		if pattern[0] != code[0] {
			return false
		}
		pattern, code = pattern[1:], code[1:]
	}
	return pattern == "" && code == ""
}

func containsAny(text []byte, list []string) bool {
	for _, s := range list {
		if bytes.Contains(text, []byte(s)) {
			return true
		}
	}
	return false
}
