package message

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/headwaymail/headway/campaign/message/template"
)

// Compile turns the content of a campaign into a form that renders fast. The
// error is of type [Errors] and holds everything that is wrong with it.
func Compile(src Source) (*Compiled, error) {
	k := compiler{src: src}
	sender, fixed := k.senderFields(), k.listFields()
	k.scan()
	if len(k.errs) > 0 {
		return nil, k.errs
	}
	k.compose()
	if len(k.errs) > 0 {
		return nil, k.errs
	}
	subject := k.parse(PartSubject, k.subject, template.Text)
	text := k.parse(PartText, k.text, template.Text)
	var html *template.Template
	if k.html != nil {
		html = k.parse(k.bodyPart(), k.html, template.HTML)
	}
	if len(k.errs) > 0 {
		return nil, k.errs
	}
	c := &Compiled{naive: naive{subject, text, html}, uses: map[string]bool{}, links: k.links, counts: len(k.links) > 0 || k.opens}
	c.values.New = func() any { return new(template.Values) }
	c.noteFields()
	c.setSubject(sender, subject)
	c.setParts(fixed, boundary(src), text, html)
	return c, nil
}

// compiler holds what is known of a source while it is compiled.
type compiler struct {
	src  Source
	errs Errors

	subject, preheader, body, text []template.Token
	frame                          []template.Token // the layout of the editor's own; nil for ours
	html                           []template.Token // the whole document; nil for a plain text campaign
	layout                         string

	links []string // where counted links lead
	opens bool     // the document has the image that counts opens
}

// senderFields returns From and Reply-To.
func (k *compiler) senderFields() string {
	if strings.Contains(k.src.FromName, "{{") || strings.Contains(k.src.FromName, "{%") {
		k.fail(PartFrom, "the sender's name is the same for all and cannot hold Liquid", "write the name itself")
	}
	field, ok := fromField(template.Clean(k.src.FromName), k.src.FromAddress)
	if !ok || NeedsSMTPUTF8(k.src.FromAddress) {
		k.fail(PartFrom, quote(k.src.FromAddress)+" is no address that everybody can receive mail from", "give an address with ASCII letters before the @, such as news@example.com")
	}
	if k.src.ReplyTo == "" {
		return field
	}
	replyTo, ok := appendAddressField(nil, "Reply-To", k.src.ReplyTo)
	if !ok || NeedsSMTPUTF8(k.src.ReplyTo) {
		k.fail(PartReplyTo, quote(k.src.ReplyTo)+" is no address that everybody can answer to", "give an address with ASCII letters before the @, or leave it empty")
	}
	return field + string(replyTo)
}

// listFields returns List-ID and Feedback-ID.
func (k *compiler) listFields() string {
	fields := ""
	if id := k.src.ListID; id != "" {
		if !isHostName(id) || len(id) > maxAddress {
			k.fail(PartListID, quote(id)+" is no list identifier", "give a name like a domain, such as weekly.example.com")
		}
		fields += string(appendTokenField(nil, "List-ID", "<", id, ">"))
	}
	if id := k.src.FeedbackID; id != "" {
		if !isToken(id) || strings.Count(id, ":") > 3 {
			k.fail(PartFeedbackID, quote(id)+" is no feedback identifier", "give up to four short words between colons, such as 42:acme:news:headway")
		}
		fields += string(appendTokenField(nil, "Feedback-ID", "", id, ""))
	}
	return fields
}

// scan reads the texts and reports the mistakes in each by itself.
func (k *compiler) scan() {
	switch {
	case k.src.HTML != "" && k.src.Markdown != "":
		k.fail(PartHTML, "there is an HTML body and a Markdown body", "keep one of them")
	case k.src.HTML == "" && k.src.Markdown == "" && k.src.Text == "":
		k.fail(PartText, "the message has no body", "write Markdown, HTML or text")
	}
	if strings.TrimSpace(k.src.Subject) == "" {
		k.fail(PartSubject, "the message has no subject", "write one; few people open a message without")
	}
	var known bool
	if k.src.Frame != "" {
		k.scanFrame()
	} else if k.layout, known = k.src.Layout.document(); !known {
		k.fail(k.bodyPart(), "there is no layout "+quote(string(k.src.Layout)), "choose plain, letter or newsletter")
	}
	k.subject = k.scanPart(PartSubject, k.src.Subject, template.Text)
	k.preheader = k.scanPart(PartPreheader, k.src.Preheader, template.Text)
	if k.src.Markdown != "" {
		k.body = k.scanPart(PartMarkdown, k.src.Markdown, template.Text)
	} else {
		k.body = k.scanPart(PartHTML, k.src.HTML, template.HTML)
	}
	k.text = k.scanPart(PartText, k.src.Text, template.Text)
}

func (k *compiler) scanPart(part Part, text string, mode template.Mode) []template.Token {
	tokens, err := template.Scan(text)
	if err != nil {
		k.add(located(part, err))
		return nil
	}
	k.parse(part, tokens, mode)
	return tokens
}

func (k *compiler) parse(part Part, tokens []template.Token, mode template.Mode) *template.Template {
	t, err := template.Parse(tokens, mode)
	if err != nil {
		k.add(located(part, err))
	}
	return t
}

func (k *compiler) bodyPart() Part {
	if k.src.Markdown != "" {
		return PartMarkdown
	}
	return PartHTML
}

func (k *compiler) fail(part Part, problem, advice string) {
	k.errs = append(k.errs, &Error{Part: part, Problem: problem, Advice: advice})
}

func (k *compiler) add(err error) {
	var several Errors
	if errors.As(err, &several) {
		k.errs = append(k.errs, several...)
	}
}

// noteFields notes what the parts read.
func (c *Compiled) noteFields() {
	seen := map[string]bool{}
	for _, t := range []*template.Template{c.naive.subject, c.naive.text, c.naive.html} {
		if t == nil {
			continue
		}
		for _, field := range t.Fields() {
			seen[field] = true
		}
		for _, name := range []string{template.UnsubscribeURL, template.ViewURL} {
			c.uses[name] = c.uses[name] || t.Uses(name)
		}
	}
	c.fields = slices.Sorted(maps.Keys(seen))
}

// setSubject keeps the sender's fields, with the subject if it is the same for
// all.
func (c *Compiled) setSubject(sender string, subject *template.Template) {
	c.sender = []byte(sender)
	for _, piece := range subject.Pieces() {
		if piece.Slot != nil {
			c.subject = subject
			return
		}
	}
	c.sender, _ = appendSubject(c.sender, subject, nil) // no slot, no error
}

const (
	textHeader = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
	htmlHeader = "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
)

// setParts encodes the bodies: both as alternatives, the better one last
// (RFC 2046 §5.1.4), or the text alone.
func (c *Compiled) setParts(fixed, boundary string, text, html *template.Template) {
	fixed += "MIME-Version: 1.0\r\n"
	if html == nil {
		c.fixed = []byte(fixed + textHeader)
		c.parts = []part{encode(PartText, text, "")}
		return
	}
	c.fixed = []byte(fixed + "Content-Type: multipart/alternative;\r\n boundary=\"" + boundary + "\"\r\n\r\n" +
		"--" + boundary + "\r\n" + textHeader)
	c.parts = []part{
		encode(PartText, text, "\r\n--"+boundary+"\r\n"+htmlHeader),
		encode(PartHTML, html, "\r\n--"+boundary+"--\r\n"),
	}
}

// boundary returns the line between the parts. It is the same for all messages
// of a campaign, and =_ occurs in no quoted-printable text (RFC 2045 §6.7).
func boundary(src Source) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{src.FromAddress, src.Subject, src.HTML, src.Markdown, src.Text}, "\x00")))
	return "=_" + hex.EncodeToString(sum[:12])
}
