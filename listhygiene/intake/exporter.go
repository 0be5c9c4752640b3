package intake

import (
	"maps"
	"slices"
)

// exporter is a program whose exports are recognised by their headings.
type exporter struct {
	name      string
	signature []string          // headings that all occur, folded by headingKey
	columns   map[string]target // what differs from the common headings
}

// exporters, the most particular first, with the headings of their export files.
var exporters = []exporter{
	{name: "Mailchimp", signature: []string{"leid", "euid"}, columns: map[string]target{
		"memberrating": ignore, "leid": ignore, "euid": ignore, "gmtoff": ignore, "dstoff": ignore,
		"lastchanged": ignore, "latitude": ignore, "longitude": ignore, "cc": field("country"),
		"unsubtime": {role: RoleLeftAt}, "cleantime": {role: RoleBounced},
	}},
	{name: "Ghost", signature: []string{"subscribedtoemails"}, columns: map[string]target{
		"subscribedtoemails": {role: RoleOptIn}, "subscribed": ignore, "id": ignore,
		"stripecustomerid": ignore, "complimentaryplan": ignore, "deletedat": ignore,
	}},
	{name: "HubSpot", signature: []string{"unsubscribedfromallemail"}, columns: map[string]target{
		"unsubscribedfromallemail": {role: RoleOptOut}, "recordid": ignore,
		"emailhardbouncereason": {role: RoleBounced}, "contactstatus": field("contact_status"),
	}},
	{name: "Brevo", signature: []string{"contactid", "email"}, columns: map[string]target{
		"contactid": ignore, "doubleoptin": field("double_opt_in"),
	}},
	{name: "Google Contacts", signature: []string{"email1value"}, columns: map[string]target{
		"email1type": ignore, "email1label": ignore, "email2type": ignore, "email2label": ignore,
		"email2value": moreEmails, "email3value": moreEmails, "email4value": moreEmails,
		"photo": ignore,
	}},
	{name: "listmonk", signature: []string{"email", "name", "attributes"}, columns: map[string]target{
		"uuid": ignore, "createdat": ignore, "updatedat": ignore,
	}},
	{name: "phpList", signature: []string{"email", "confirmed", "blacklisted"}, columns: map[string]target{
		"confirmed": {role: RoleConfirmed}, "uniqid": ignore, "htmlemail": ignore, "bouncecount": ignore,
	}},
	{name: "Outlook", signature: []string{"emailaddress", "emailtype", "emaildisplayname"}, columns: map[string]target{
		"emailtype": ignore, "emaildisplayname": ignore, "email2address": moreEmails, "email3address": moreEmails,
	}},
	{name: "Substack", signature: []string{"email", "activesubscription", "expiry"}, columns: map[string]target{
		"emaildisabled": {role: RoleOptOut},
	}},
	{name: "Shopify", signature: []string{"email", "acceptsemailmarketing"}, columns: map[string]target{
		"customerid": ignore,
	}},
}

var (
	ignore     = target{role: RoleIgnore}
	moreEmails = target{RoleMoreEmails, "more_emails"}
)

// rejects are the columns that a [RejectWriter] adds to those of the file that
// the rows come from.
var rejects = exporter{name: "Headway rejects", signature: []string{"line", "problem", "suggestion"}, columns: map[string]target{
	"line": ignore, "problem": ignore, "suggestion": ignore,
}}

// recognise returns the exporter whose headings all occur among keys, or one
// that knows the common headings only. Rows that we refused earlier mean what
// they meant in the file that they come from.
func recognise(keys []string) exporter {
	if rejects.wrote(keys) {
		origin := recogniseForeign(keys)
		columns := maps.Clone(origin.columns)
		if columns == nil {
			columns = map[string]target{}
		}
		maps.Copy(columns, rejects.columns)
		return exporter{name: rejects.name, columns: columns}
	}
	return recogniseForeign(keys)
}

func recogniseForeign(keys []string) exporter {
	for _, e := range exporters {
		if e.wrote(keys) {
			return e
		}
	}
	return exporter{}
}

// wrote reports whether all headings of the signature occur among keys.
func (e exporter) wrote(keys []string) bool {
	return !slices.ContainsFunc(e.signature, func(h string) bool { return !slices.Contains(keys, h) })
}

// column returns the role and the field name of a heading in this program's files.
func (e exporter) column(key string) (Role, string) {
	if t, ok := e.columns[key]; ok {
		return t.role, t.field
	}
	if t, ok := headings[key]; ok {
		return t.role, t.field
	}
	return RoleField, ""
}
