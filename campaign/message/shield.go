package message

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/headwaymail/headway/campaign/message/template"
)

// shield keeps Liquid safe from converters that know nothing of it. It puts a
// word of lower-case letters and digits in the place of each piece of Liquid,
// which Markdown, HTML and links let through unchanged, and puts the Liquid back
// afterwards.
type shield struct {
	prefix string // begins every mark; occurs in no source
	tokens []template.Token
	marks  *regexp.Regexp // any mark
	apart  *regexp.Regexp // one in a comment, see standApart
}

// newShield returns a shield for these texts.
func newShield(texts ...string) *shield {
	all := strings.ToLower(template.Clean(strings.Join(texts, "\n")))
	s := &shield{prefix: "hw0x"}
	for n := 1; strings.Contains(all, s.prefix); n++ {
		s.prefix = "hw" + strconv.Itoa(n) + "x"
	}
	s.marks = regexp.MustCompile(`<!--` + s.prefix + `([0-9]+)b-->|` + s.prefix + `([0-9]+)[bz]`)
	s.apart = regexp.MustCompile(`<!--(` + s.prefix + `[0-9]+b)-->`)
	return s
}

// hide returns the text of tokens with a mark for each piece of Liquid.
func (s *shield) hide(tokens []template.Token) string {
	var b strings.Builder
	for _, t := range tokens {
		if t.Kind == template.Literal {
			b.WriteString(t.Source)
			continue
		}
		b.WriteString(s.prefix + strconv.Itoa(len(s.tokens)) + "z")
		s.tokens = append(s.tokens, t)
	}
	return b.String()
}

// standApart puts the marks of each line that consists of tags alone into HTML
// comments. Markdown takes these for blocks of their own, so that {% if %} does
// not become a paragraph.
func (s *shield) standApart(text string) string {
	mark := regexp.MustCompile(s.prefix + `([0-9]+)z`)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		found := mark.FindAllStringSubmatch(line, -1)
		if len(found) == 0 || strings.TrimSpace(mark.ReplaceAllString(line, "")) != "" {
			continue
		}
		onlyTags := true
		for _, m := range found {
			token, ok := s.token(m[1])
			onlyTags = onlyTags && ok && token.Kind == template.Tag
		}
		if onlyTags {
			lines[i] = mark.ReplaceAllString(line, "<!--"+s.prefix+"${1}b-->")
		}
	}
	return strings.Join(lines, "\n")
}

// token returns what the mark of this number stands for. A converter can make up
// a mark, from a&#48;b for example, whose number then means nothing.
func (s *shield) token(number string) (template.Token, bool) {
	n, err := strconv.Atoi(number)
	if err != nil || n >= len(s.tokens) {
		return template.Token{}, false
	}
	return s.tokens[n], true
}

// outOfComments turns the comments of standApart into bare marks, which still
// tell that they stand apart.
func (s *shield) outOfComments(text string) string {
	return s.apart.ReplaceAllString(text, " $1 ")
}

// closeUp moves marks that stand apart to what follows them, with one empty line
// before, so that a condition that does not hold leaves no empty lines.
func (s *shield) closeUp(text string) string {
	marks := regexp.MustCompile(`\s*(?:` + s.prefix + `[0-9]+b\s*)+`)
	text = marks.ReplaceAllStringFunc(text, func(found string) string {
		return "\n\n" + strings.Join(strings.Fields(found), "")
	})
	return strings.TrimSpace(text)
}

// reveal returns the tokens of a text with marks.
func (s *shield) reveal(text string) []template.Token {
	var tokens []template.Token
	literal := ""
	flush := func() {
		if literal != "" {
			tokens = append(tokens, template.Token{Kind: template.Literal, Source: literal})
			literal = ""
		}
	}
	at := 0
	for _, m := range s.marks.FindAllStringSubmatchIndex(text, -1) {
		token, ok := s.token(text[max(m[2], m[4]):max(m[3], m[5])])
		if !ok {
			continue
		}
		literal += text[at:m[0]]
		at = m[1]
		flush()
		tokens = append(tokens, token)
	}
	literal += text[at:]
	flush()
	return tokens
}
