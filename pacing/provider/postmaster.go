package provider

import "strings"

// Postmaster is where a sender asks a provider about refusals, or sees how the
// provider rates the mail.
type Postmaster struct {
	Contact string // page of a form or an address; empty where none is published
	Figures string // page on which senders see their own figures; empty without one
}

// postmasters are the pages that providers publish for senders.
var postmasters = map[string]Postmaster{
	"google":        {"https://support.google.com/mail/contact/gmail_bulk_sender_escalation", "https://postmaster.google.com/"},
	"yahoo":         {"https://senders.yahooinc.com/contact/", "https://senders.yahooinc.com/"},
	"microsoft":     {"https://olcsupport.office.com/", "https://sendersupport.olc.protection.outlook.com/snds/"},
	"microsoft-365": {"https://sender.office.com/", ""},
	"apple":         {"https://support.apple.com/en-us/102322", ""},
	"comcast":       {"https://postmaster.comcast.net/", ""},
	"gmx":           {"https://postmaster.gmx.net/en/", ""},
	"tonline":       {"https://postmaster.t-online.de/", ""},
	"mailru":        {"", "https://postmaster.mail.ru/"},
	"proofpoint":    {"https://ipcheck.proofpoint.com/", ""},
	"barracuda":     {"https://www.barracudacentral.org/rbl/removal-request", ""},
}

// PostmasterOf returns where a sender turns to about the provider with this key.
// Where no page is known, it is the address that every mail domain must have
// (RFC 5321 §4.5.1), if the key is a name of the DNS.
func PostmasterOf(key string) Postmaster {
	if p, ok := postmasters[key]; ok {
		return p
	}
	if strings.Contains(key, ".") {
		return Postmaster{Contact: "mailto:postmaster@" + key}
	}
	return Postmaster{}
}
