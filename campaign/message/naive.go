package message

import "github.com/headwaymail/headway/campaign/message/template"

// naive holds the parts as one template each.
type naive struct {
	subject, text, html *template.Template // html is nil for a plain text campaign
}

// Rendering is what a recipient sees once a message is decoded.
type Rendering struct {
	Subject string
	Text    string // lines end in \n
	HTML    string // the same; empty for a plain text campaign
}

// Naive renders the message of one recipient in the obvious way: each part by one
// Liquid rendering, nothing encoded. It is many times slower than
// [Compiled.Append], which must decode to the same.
func (c *Compiled) Naive(r Recipient) (Rendering, error) {
	if err := c.check(r); err != nil {
		return Rendering{}, err
	}
	if _, ok := appendAddress(nil, r.Address); !ok {
		return Rendering{}, refuseAddress(r.Address)
	}
	var values template.Values
	fill(&values, r)
	return c.naive.render(&values)
}

// render fills in every part.
func (n naive) render(values *template.Values) (Rendering, error) {
	var out Rendering
	for _, p := range []struct {
		part Part
		from *template.Template
		to   *string
	}{{PartSubject, n.subject, &out.Subject}, {PartText, n.text, &out.Text}, {PartHTML, n.html, &out.HTML}} {
		if p.from == nil {
			continue
		}
		var err error
		if *p.to, err = p.from.Render(values); err != nil {
			return Rendering{}, located(p.part, err)
		}
	}
	out.Subject = string(squeeze([]byte(out.Subject)))
	return out, nil
}
