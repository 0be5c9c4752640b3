package dsn

import (
	"strings"

	"github.com/headwaymail/headway/pacing/reply"
)

// Kind says what a mail is.
type Kind string

// The kinds of mail at a return path.
const (
	Failure     Kind = "failure"     // a message was not delivered, for good
	Delay       Kind = "delay"       // it is still being tried; nothing follows from it
	Success     Kind = "success"     // it was delivered, relayed or expanded
	Complaint   Kind = "complaint"   // somebody reported the message (RFC 5965)
	AutoReply   Kind = "auto_reply"  // a vacation notice or another automatic answer (RFC 3834)
	Unsubscribe Kind = "unsubscribe" // the subject or text asks to be taken off
	Other       Kind = "other"       // none of these: a person must look
)

// Words names the kind for people.
func (k Kind) Words() string {
	switch k {
	case Failure:
		return "a report that a message was not delivered"
	case Delay:
		return "a report of a delay: the message is still being tried"
	case Success:
		return "a report that the message was delivered or passed on"
	case Complaint:
		return "a complaint about a message"
	case AutoReply:
		return "an automatic answer"
	case Unsubscribe:
		return "a wish to be taken off the list"
	case Other:
		return "none of the mails that are known here"
	}
	return string(k)
}

// Report is what a mail says.
type Report struct {
	Kind       Kind
	Why        string      // the sign by which Kind was recognised, in words
	From       string      // address of the From field, lower case
	Subject    string      // decoded
	Recipients []Recipient // of whom a Failure, Delay or Success speaks
	Feedback   Feedback    // of a Complaint
	Original   Original    // of the message that came back
}

// Recipient is one addressee of a message that came back, and what is said of it.
type Recipient struct {
	Address    string // as the report names it; empty when it names none
	Action     string // RFC 3464 §2.3.3: failed, delayed, delivered, relayed, expanded; empty outside of such fields
	Status     string // RFC 3463 code of the Status field
	RemoteMTA  string // host that refused
	Diagnostic string // Diagnostic-Code without its type
	Quoted     string // the reply of a server that the text quotes
	Text       string // what the text says of this recipient
	Whole      string // all that it says, when it speaks of nobody else
	Phase      reply.Phase
}

// Feedback are the fields of a complaint.
type Feedback struct {
	Type         string // RFC 5965 §3.1: abuse, fraud, virus, not-spam, opt-out, auth-failure, other; lower case
	Agent        string // User-Agent: who sends the report
	OriginalFrom string // Original-Mail-From: our return path, which holds a token
	OriginalTo   string // Original-Rcpt-To: often redacted, and easily forged
}

// Clears reports whether the complaint says that the message was welcome.
func (f Feedback) Clears() bool { return f.Type == "not-spam" }

// Technical reports whether it is about authentication (RFC 6591) and not about
// what a person wants.
func (f Feedback) Technical() bool { return f.Type == "auth-failure" || f.Type == "dmarc" }

// Original is the message that came back, as far as it was enclosed.
type Original struct {
	ReturnPath  string
	MessageID   string
	Ref         string // X-Headway-Ref
	Unsubscribe string // List-Unsubscribe
	To          string
	Text        string // head and text, cut: the last place to look for a link of ours
}

// arrived reports whether the fields say that the message got through.
func (to Recipient) arrived() bool {
	switch to.Action {
	case "delivered", "relayed", "expanded", "deliverable": // the last is Postfix' answer to a trial
		return true
	}
	return to.Action == "" && strings.HasPrefix(to.Status, "2.")
}
