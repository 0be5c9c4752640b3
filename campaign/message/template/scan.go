package template

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Kind tells tokens apart.
type Kind uint8

const (
	Literal Kind = iota // text that stands as written
	Output              // {{ expression }}
	Tag                 // {% name arguments %}
	Counted             // where a link or image goes whose uses are counted; no text has one, see [Values]
)

// Token is a stretch of text or one piece of Liquid.
type Token struct {
	Kind         Kind
	Source       string // as written; for a Literal the text itself
	Name         string // of a Tag
	Args         string // the expression of an Output, the arguments of a Tag; on one line
	Link         int    // of a Counted
	Line, Column int    // where it begins, counted from 1, the column in characters
}

var (
	tagContent = regexp.MustCompile(`^(\w+)(?s:\s*(.*))$`)
	rawEnd     = regexp.MustCompile(`\{%-?\s*endraw\s*-?%\}`)
	commentEnd = regexp.MustCompile(`\{%-?\s*endcomment\s*-?%\}`)
)

// Scan splits a text, once it is clean ([Clean]), into tokens. Comments are gone,
// raw sections are literals, and whitespace next to {{- or -%} is cut. The error
// is of type [Errors].
func Scan(text string) ([]Token, error) {
	s := scanner{rest: Clean(text), line: 1, column: 1}
	for s.rest != "" {
		if err := s.next(); err != nil {
			return nil, Errors{err}
		}
	}
	return s.tokens, nil
}

// scanner walks over a text.
type scanner struct {
	rest         string
	line, column int // of the beginning of rest
	tokens       []Token
	trim         bool // the last token ended in -}} or -%}
}

// next takes one token off the rest.
func (s *scanner) next() *Error {
	if at := opening(s.rest); at != 0 {
		s.literal(s.take(at))
		return nil
	}
	token := Token{Kind: Output, Line: s.line, Column: s.column}
	closing := "}}"
	if s.rest[1] == '%' {
		token.Kind, closing = Tag, "%}"
	}
	end := strings.Index(s.rest[2:], closing)
	if end < 0 {
		token.Source, _, _ = strings.Cut(s.rest, "\n")
		return token.mistake("this "+s.rest[:2]+" is never closed",
			"end it with "+closing+", or write {% raw %}"+s.rest[:2]+"{% endraw %} to show it as it is")
	}
	token.Source = s.take(end + 4)
	return s.liquid(token)
}

// liquid takes in an output or a tag.
func (s *scanner) liquid(token Token) *Error {
	content := token.Source[2 : len(token.Source)-2]
	if strings.HasPrefix(content, "-") {
		content = content[1:]
		s.trimLast()
	}
	s.trim = strings.HasSuffix(content, "-")
	content = strings.TrimSpace(strings.TrimSuffix(content, "-"))
	if content == "" {
		return token.mistake("nothing stands between the braces", "name a field, as in {{ first_name }}")
	}
	token.Args = strings.ReplaceAll(content, "\n", " ")
	if token.Kind == Tag {
		match := tagContent.FindStringSubmatch(token.Args)
		if match == nil {
			return token.mistake("a tag begins with its name", "write it as in {% if first_name %}")
		}
		token.Name, token.Args = match[1], match[2]
		switch token.Name {
		case "raw":
			return s.section(token, rawEnd)
		case "comment":
			return s.section(token, commentEnd)
		}
	}
	s.tokens = append(s.tokens, token)
	return nil
}

// section takes the text up to the tag that ends it, as a literal if it is raw.
func (s *scanner) section(begin Token, ending *regexp.Regexp) *Error {
	at := ending.FindStringIndex(s.rest)
	if at == nil {
		return begin.mistake("{% "+begin.Name+" %} is never closed", "end it with {% end"+begin.Name+" %}")
	}
	trimAfter := s.rest[at[1]-3] == '-'
	inside := s.take(at[0])
	s.take(at[1] - at[0])
	if begin.Name == "raw" {
		s.literal(inside)
		s.trim = trimAfter
	} else {
		s.trim = s.trim || trimAfter
	}
	return nil
}

// literal takes in text, as part of the literal before it if there is one.
func (s *scanner) literal(text string) {
	if s.trim {
		text = strings.TrimLeftFunc(text, unicode.IsSpace)
		s.trim = false
	}
	last := len(s.tokens) - 1
	switch {
	case text == "":
	case last >= 0 && s.tokens[last].Kind == Literal:
		s.tokens[last].Source += text
	default:
		s.tokens = append(s.tokens, Token{Kind: Literal, Source: text})
	}
}

// trimLast cuts the whitespace at the end of the literal before a token.
func (s *scanner) trimLast() {
	last := len(s.tokens) - 1
	if last < 0 || s.tokens[last].Kind != Literal {
		return
	}
	text := strings.TrimRightFunc(s.tokens[last].Source, unicode.IsSpace)
	s.tokens[last].Source = text
	if text == "" {
		s.tokens = s.tokens[:last]
	}
}

// opening returns where the next {{ or {% begins, or the length of text.
func opening(text string) int {
	for i := 0; i+1 < len(text); i++ {
		if text[i] == '{' && (text[i+1] == '{' || text[i+1] == '%') {
			return i
		}
	}
	return len(text)
}

// take cuts n bytes off the rest and moves the position behind them.
func (s *scanner) take(n int) string {
	taken := s.rest[:n]
	s.rest = s.rest[n:]
	if i := strings.LastIndexByte(taken, '\n'); i >= 0 {
		s.line += strings.Count(taken, "\n")
		s.column = 1 + utf8.RuneCountInString(taken[i+1:])
	} else {
		s.column += utf8.RuneCountInString(taken)
	}
	return taken
}
