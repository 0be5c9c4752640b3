package reply

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// maxRuleFile bounds what Load reads. The built-in file is about a tenth of it.
const maxRuleFile = 1 << 20

// Load reads a rule file: a YAML list of rules as at the head of rules.yaml.
// The error names every fault with its line; a file with a fault loads nothing.
func Load(r io.Reader) (*Rules, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxRuleFile+1))
	if err != nil {
		return nil, fmt.Errorf("read reply rules: %w", err)
	}
	if len(data) > maxRuleFile {
		return nil, fmt.Errorf("reply rules: the file is larger than %d MB", maxRuleFile>>20)
	}
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, fmt.Errorf("reply rules: not valid YAML: %w", err)
	}
	l := loader{lines: map[string]int{}}
	for _, doc := range file.Docs {
		l.list(doc.Body)
	}
	if len(l.faults) > 0 {
		return nil, fmt.Errorf("reply rules: %w", errors.Join(l.faults...))
	}
	return compile(l.rules, 0), nil
}

// loader turns the syntax tree of a rule file into rules and collects faults.
type loader struct {
	rules  []Rule
	lines  map[string]int // id → line of its rule
	faults []error
}

// fault notes a fault at a node. The caller goes on, so that one reading finds
// all of them.
func (l *loader) fault(n ast.Node, format string, args ...any) {
	l.faultLine(line(n), format, args...)
}

func (l *loader) faultLine(line int, format string, args ...any) {
	l.faults = append(l.faults, fmt.Errorf("line %d: %w", line, fmt.Errorf(format, args...)))
}

func line(n ast.Node) int {
	if t := n.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line
	}
	return 0
}

// list reads the rules of one YAML document.
func (l *loader) list(n ast.Node) {
	switch n := n.(type) {
	case nil, *ast.NullNode, *ast.CommentGroupNode:
		return
	case *ast.SequenceNode:
		for _, item := range n.Values {
			switch m := item.(type) {
			case *ast.MappingNode:
				l.rule(m, m.Values)
			case *ast.MappingValueNode:
				l.rule(m, []*ast.MappingValueNode{m})
			default:
				l.fault(item, "a rule is a map that begins with \"- id: …\"")
			}
		}
	default:
		l.fault(n, "the file must be a list of rules, each beginning with \"- id: …\"")
	}
}

// rule reads and checks one rule.
func (l *loader) rule(at ast.Node, fields []*ast.MappingValueNode) {
	r := Rule{line: line(at)}
	if len(fields) > 0 {
		r.line = line(fields[0].Key)
	}
	var passes string
	seen := map[string]bool{}
	for _, f := range fields {
		key := f.Key.GetToken().Value
		if seen[key] {
			l.fault(f.Key, "%q is given twice", key)
		}
		seen[key] = true
		l.field(&r, &passes, key, f.Value)
	}
	faults := len(l.faults)
	l.complete(&r, passes)
	if first, again := l.lines[r.ID]; again && r.ID != "" {
		l.faultLine(r.line, "rule %s: the id is taken by the rule at line %d", r.ID, first)
	}
	l.lines[r.ID] = r.line
	if len(l.faults) == faults {
		l.rules = append(l.rules, r)
	}
}

// field stores one "key: value" of a rule.
func (l *loader) field(r *Rule, passes *string, key string, value ast.Node) {
	switch key {
	case "id":
		r.ID = l.word(value)
	case "provider":
		r.Providers = l.words(value)
	case "software":
		r.Software = l.word(value)
	case "anywhere":
		r.Anywhere = l.oneOf(value, "true", "false") == "true"
	case "phase":
		for _, s := range l.words(value) {
			r.Phases = append(r.Phases, known(l, value, Phase(s), Phases()))
		}
	case "code":
		r.Codes = l.words(value)
		for _, s := range r.Codes {
			if !codePattern.MatchString(s) {
				l.fault(value, "code %q: write 450, 4xx, 5xx or none", s)
			}
		}
	case "enhanced":
		r.Enhanced = l.words(value)
		for _, s := range r.Enhanced {
			if !enhancedPattern.MatchString(s) {
				l.fault(value, "enhanced code %q: write 4.7.28, x.7.28 or x.7.x", s)
			}
		}
	case "contains":
		r.Contains = l.literals(value)
	case "unless":
		r.Unless = l.literals(value)
	case "regex":
		r.Regex = l.words(value)
		l.regex(r, value)
	case "class":
		r.Class = known(l, value, Class(l.word(value)), Classes())
	case "bounce":
		r.Bounce = known(l, value, Bounce(l.word(value)), Bounces())
	case "scope":
		r.Scope = known(l, value, Scope(l.word(value)), Scopes())
	case "guess":
		r.Guess = l.oneOf(value, "true", "false") == "true"
	case "passes":
		*passes = l.oneOf(value, "true", "false")
	case "note":
		r.Note = l.word(value)
	case "source":
		r.Source = l.words(value)
	case "examples":
		r.Examples = l.words(value)
	default:
		l.fault(value, "%q is no field of a rule", key)
	}
}

var (
	codePattern     = regexp.MustCompile(`^([2-5][0-9]{2}|[45]xx|none)$`)
	enhancedPattern = regexp.MustCompile(`^[45x]\.([0-9]{1,3}|x)\.([0-9]{1,3}|x)$`)
)

// complete checks a rule as a whole and fills in what it leaves to its class.
func (l *loader) complete(r *Rule, passes string) {
	bad := func(format string, args ...any) {
		l.faultLine(r.line, "rule %s: "+format, append([]any{r.ID}, args...)...)
	}
	switch {
	case r.ID == "":
		l.faultLine(r.line, "the rule has no id")
	case r.ID == Fallback:
		bad("the id is used for replies that no rule decides")
	}
	if len(r.Contains) == 0 && len(r.Regex) == 0 && len(r.Enhanced) == 0 && len(r.Codes) == 0 {
		bad("it has no condition: give contains, regex, enhanced or code")
	}
	if r.Anywhere && len(r.Providers) == 0 {
		bad("anywhere is only for rules of a provider; this one holds for every server already")
	}
	if r.Class == "" {
		bad("it has no class")
	}
	if r.Scope == "" {
		bad("it has no scope")
	}
	if r.Bounce == "" {
		r.Bounce = impliedBounce(r.Class, r.Scope)
	}
	if r.Bounce == "" && r.Class != "" {
		bad("class %s says nothing of the delivery: give bounce", r.Class)
	}
	r.Passes = passes == "true" || passes == "" && r.Bounce.passes()
}

// known returns v if it is one of all, and notes a fault otherwise.
func known[T ~string](l *loader, n ast.Node, v T, all []T) T {
	if !slices.Contains(all, v) {
		names := make([]string, len(all))
		for i, a := range all {
			names[i] = string(a)
		}
		l.fault(n, "%q is not known here; one of %s", v, strings.Join(names, ", "))
	}
	return v
}

func (l *loader) oneOf(n ast.Node, all ...string) string { return known(l, n, l.word(n), all) }

// word reads a scalar as written: 4.10 stays "4.10".
func (l *loader) word(n ast.Node) string {
	switch n := n.(type) {
	case *ast.LiteralNode:
		return strings.TrimSpace(n.Value.Value)
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return strings.TrimSpace(n.GetToken().Value)
	}
	l.fault(n, "a single value is expected here")
	return ""
}

// words reads a scalar or a list of scalars.
func (l *loader) words(n ast.Node) []string {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		return []string{l.word(n)}
	}
	words := make([]string, 0, len(seq.Values))
	for _, v := range seq.Values {
		words = append(words, l.word(v))
	}
	return words
}

// literals reads texts that a reply contains, and folds them as replies are
// folded. A text that names a host or an address could never match and is a
// fault.
func (l *loader) literals(n ast.Node) []string {
	words := l.words(n)
	for i, w := range words {
		folded := string(foldText(nil, w))
		for _, mark := range []string{markAddress, markIP, markHost, markURL} {
			if strings.Count(folded, mark) > strings.Count(w, mark) {
				l.fault(n, "%q never matches: before matching, addresses, host names and URLs are replaced by %s, %s, %s and %s",
					w, markAddress, markIP, markHost, markURL)
			}
		}
		if len(folded) < 2 {
			l.fault(n, "%q is too short to tell anything", w)
		}
		words[i] = folded
	}
	return words
}

// regex takes the patterns of a rule apart.
func (l *loader) regex(r *Rule, n ast.Node) {
	for _, pattern := range r.Regex {
		whole, err := syntax.Parse(pattern, syntax.Perl)
		if err != nil {
			l.fault(n, "regex: %w", err)
			continue
		}
		patterns, err := alternatives(whole)
		if err != nil {
			l.fault(n, "regex: %w", err)
			continue
		}
		if c := unfolded(whole); c != 0 {
			l.fault(n, "regex: %q never matches: replies are matched in lower case and without accents", c)
		}
		r.patterns = append(r.patterns, patterns...)
	}
}
