package message

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"golang.org/x/net/html"

	"github.com/headwaymail/headway/campaign/message/template"
)

// Link is where a counted link leads: for everybody the same, or to a place of
// one site that merge fields name.
//
// Scheme and host are always what the editor wrote: fields stand behind them. So
// whatever a contact's fields hold, a link leads to no other site.
type Link struct {
	plain  string             // for everybody; empty for a personal one
	site   string             // scheme and host of a personal one
	fields *template.Template // of a personal one: a tag with it
}

// siteOf finds scheme and host, with the character that ends them: without one a
// field could make the host longer.
var siteOf = regexp.MustCompile(`(?i)^(https?://[^\s/?#\\@{}]+)[/?#]`)

// ParseLink reads a link as [Compiled.Links] returns it.
func ParseLink(source string) (*Link, error) {
	tokens, err := template.Scan(source)
	if err != nil {
		return nil, err
	}
	if len(tokens) == 1 && tokens[0].Kind == template.Literal {
		plain, ok := target(source)
		if !ok {
			return nil, fmt.Errorf("%q is no address of a web page", source)
		}
		return &Link{plain: plain}, nil
	}
	site := siteOf.FindStringSubmatch(source)
	if site == nil {
		return nil, fmt.Errorf("%q does not begin with the address of a site", source)
	}
	l := &Link{}
	var ok bool
	if l.site, ok = target(site[1]); !ok {
		return nil, fmt.Errorf("%q does not begin with the address of a site", source)
	}
	parts := []template.Token{{Kind: template.Literal, Source: `<a href="`}}
	for _, t := range tokens {
		if t.Kind == template.Tag {
			return nil, fmt.Errorf("%q has more than fields in it", source)
		}
		if t.Kind == template.Literal {
			t.Source = template.EscapeMarkup(t.Source)
		}
		parts = append(parts, t)
	}
	if l.fields, err = template.Parse(append(parts, template.Token{Kind: template.Literal, Source: `">`}), template.HTML); err != nil {
		return nil, err
	}
	if l.fields.Uses(template.UnsubscribeURL) || l.fields.Uses(template.ViewURL) {
		return nil, fmt.Errorf("%q holds a link of the message's own", source)
	}
	return l, nil
}

// Personal reports whether fields say where the link leads.
func (l *Link) Personal() bool { return l.fields != nil }

// Host is the site that it leads to, in lower case.
func (l *Link) Host() string {
	if l.Personal() {
		return hostOf(l.site)
	}
	return hostOf(l.plain)
}

// For returns where the link leads for a recipient, of whom it reads address,
// fields and date: the whole address of a page, in printable ASCII. The error says
// that there is none: that the fields make it too long, for example.
func (l *Link) For(r Recipient) (string, error) {
	if !l.Personal() {
		return l.plain, nil
	}
	var values template.Values
	fill(&values, r)
	tag, err := l.fields.Render(&values)
	if err != nil {
		return "", err
	}
	z := html.NewTokenizer(strings.NewReader(tag))
	z.Next()
	_, _ = z.TagName()
	_, value, _ := z.TagAttr()
	page, ok := target(string(value))
	if !ok {
		return "", fmt.Errorf("the fields make no address of %q", l.site)
	}
	if at, is := siteParts(page), siteParts(l.site); at != is || is == "" {
		return "", fmt.Errorf("the fields lead from %q to another site", l.site)
	}
	return page, nil
}

// siteParts returns scheme and host of an address; nothing where somebody's name
// stands before the host.
func siteParts(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.User != nil {
		return ""
	}
	return strings.ToLower(u.Scheme + "://" + u.Host)
}
