package message

import "github.com/headwaymail/headway/campaign/message/template"

// Page renders the message of one recipient for a browser, like [Compiled.Naive].
// A page has no header: it needs neither an address, which stays empty where
// nobody is known any more, nor a Message-ID.
func (c *Compiled) Page(r Recipient) (Rendering, error) {
	var values template.Values
	fill(&values, r)
	return c.naive.render(&values)
}

// ShowsView reports whether some part links to the message as a page
// ({{ view_url }}).
func (c *Compiled) ShowsView() bool { return c.uses[template.ViewURL] }
