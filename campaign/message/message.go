// Package message composes a newsletter: compiled once for a campaign, then
// rendered for each recipient by appending to a buffer that is used again.
//
// It stands between the editor and the signing of messages:
//
//  1. [Compile] takes what the editor wrote ([Source]). Markdown becomes HTML
//     within a layout, HTML becomes a text part if none was written, the
//     preheader and the unsubscribe line are put in their places, images of our
//     own get their whole address and their size, and links that are to be
//     counted get addresses for that ([Compiled.Links]). Liquid is kept
//     out of the way of each of these steps and comes back untouched;
//  2. package template splits every part into literals and slots and decides how
//     each slot is escaped. Literals are encoded as quoted-printable right away,
//     with a soft line break before and behind each slot, so that no line grows
//     too long whatever a slot holds;
//  3. [Compiled.Append] writes one recipient's whole message (RFC 5322), header
//     and multipart/alternative body, with CRLF line ends, ready to be signed.
//     Only the slots cost anything worth counting.
//
// The same recipient gives the same bytes, so that a repeated delivery is a
// repetition. No value of a recipient can add a header field or a line to one:
// each header is written by a function that cannot write a line break but to
// fold.
//
// [Compiled.Naive] renders the same message in the slow and obvious way. Tests
// hold Append against it, and previews may use it.
//
// The package sends nothing, signs nothing, inlines no style sheets, follows no
// links, and knows nothing of audiences. HTML reaches the reader as the editor
// wrote it, the comments for Outlook included.
package message

import (
	"slices"
	"sync"
	"time"

	"github.com/headwaymail/headway/campaign/message/template"
)

// Source is the content of a campaign as its editor wrote it. Subject, Preheader
// and the bodies may hold Liquid. At least one of HTML, Markdown and Text is
// needed, and HTML and Markdown exclude each other.
type Source struct {
	FromName    string // shown as the sender; may be empty
	FromAddress string // required; its local part in ASCII
	ReplyTo     string // address that answers go to; empty for the sender's
	Subject     string // required
	Preheader   string // what inboxes show behind the subject; hidden in the message
	HTML        string // a whole document or a fragment
	Markdown    string // CommonMark with tables, strikethrough, bare links and inline HTML
	Text        string // made from the other body when empty
	Layout      Layout // surrounds Markdown and, if it is set, an HTML fragment; defaults to the letter
	Frame       string // a layout of the editor's own, in place of Layout: HTML with {{ content }}; see [CheckFrame]
	Language    string // of the Markdown body, as in "pl"; defaults to "en"

	ListID     string // List-ID without the angle brackets (RFC 2919): weekly.example.com
	FeedbackID string // Feedback-ID, up to four fields between colons

	// An unsubscribe line and the postal address are added to each body that does
	// not show {{ unsubscribe_url }} itself.
	UnsubscribeText string // text of that link; defaults to "Unsubscribe"
	PostalAddress   string // lines of the sender's address, which law in many countries demands
	OmitFooter      bool   // for mail that is no newsletter, such as a password reset

	CountClicks bool     // links lead through [Recipient.Counted]; see [Compiled.Links] for which
	CountOpens  bool     // the HTML ends with an image at [Recipient.Counted]
	OwnHosts    []string // links to these, in lower case, stay as they are

	// PublicURL is where images of our own are loaded from, without a slash at its
	// end; see campaign/picture. When it is empty their addresses stay as they are.
	PublicURL string
}

// Recipient is what differs between the messages of a campaign.
type Recipient struct {
	Address string         // required
	Fields  map[string]any // of the contact; strings, numbers, booleans, times, lists and maps of these

	UnsubscribeURL    string // List-Unsubscribe and {{ unsubscribe_url }}; https for one-click (RFC 8058)
	UnsubscribeMailto string // List-Unsubscribe, the address alone; may be empty
	ViewURL           string // {{ view_url }}; may be empty
	// Counted appends the address by which the use of a link is counted, numbered
	// from 1 as in [Compiled.Links], or with 0 that of the image that counts
	// opens. It must be a web address in ASCII that no place of a message needs
	// escaped. Needed when the source asked for it.
	Counted func(dst []byte, link int) []byte

	MessageID string    // required, without the angle brackets
	Ref       string    // X-Headway-Ref; may be empty
	Date      time.Time // required; the same at every attempt, in the zone to show
}

// Compiled is a campaign ready to be rendered. It never changes and may be used
// by many goroutines.
type Compiled struct {
	sender  []byte             // From, Reply-To and, if the same for all, Subject
	subject *template.Template // nil if the same for all
	fixed   []byte             // List-ID to the end of the header, and into the first part
	parts   []part             // in their order, each encoded up to the next boundary
	naive   naive
	uses    map[string]bool // provided names that some part shows
	fields  []string
	links   []string  // where the counted links lead
	counts  bool      // there is a counted link, or the image
	values  sync.Pool // of *template.Values
}

// Fields returns the contact fields that any part reads, sorted, without those
// that Headway provides.
func (c *Compiled) Fields() []string { return slices.Clone(c.fields) }

// Links returns where the counted links lead, without repetition: each web link of
// the bodies, as [ParseLink] reads it. One that is the same for all is in ASCII,
// one with merge fields is as it was written. Links whose fields stand before the
// path, links to leave and to the page of the message, and those that lead to no
// web page are not counted.
func (c *Compiled) Links() []string { return slices.Clone(c.links) }

// Append appends the message of one recipient to dst and returns the longer
// buffer. The error is of type [*Error]; dst then comes back as it was.
func (c *Compiled) Append(dst []byte, r Recipient) ([]byte, error) {
	values := c.values.Get().(*template.Values)
	defer func() {
		values.Reset()
		c.values.Put(values)
	}()
	fill(values, r)
	out, err := c.appendHeader(dst, r, values)
	if err != nil {
		return dst, err
	}
	for i := range c.parts {
		if out, err = c.parts[i].append(out, values); err != nil {
			return dst, err
		}
	}
	return out, nil
}

func fill(v *template.Values, r Recipient) {
	v.Email, v.UnsubscribeURL, v.ViewURL = r.Address, r.UnsubscribeURL, r.ViewURL
	v.SentAt, v.Fields, v.Counted = r.Date, r.Fields, r.Counted
}
