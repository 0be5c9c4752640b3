package jobs

import (
	"encoding/json"
	"net/netip"
	"time"
	"unicode/utf8"

	"github.com/headwaymail/headway/listhygiene/intake"
)

// appendFields appends fields as a JSON object. Of two with one name the
// database keeps the last.
func appendFields(b []byte, fields []intake.Field) []byte {
	b = append(b, '{')
	for i, f := range fields {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, f.Name), ':')
		b = appendString(b, f.Value)
	}
	return append(b, '}')
}

// appendString appends a JSON string. Almost all values need no escaping.
func appendString(b []byte, text string) []byte {
	for i := 0; i < len(text); i++ {
		if c := text[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			quoted, err := json.Marshal(text)
			if err != nil {
				return append(b, `""`...) // a string can always be encoded
			}
			return append(b, quoted...)
		}
	}
	return append(append(append(b, '"'), text...), '"')
}

// consentJSON returns what a file says about a person's consent, nil when it
// says nothing.
func consentJSON(c intake.Consent) []byte {
	if c == (intake.Consent{}) {
		return nil
	}
	text, err := json.Marshal(struct {
		At          time.Time  `json:"at,omitzero"`
		IP          netip.Addr `json:"ip,omitzero"`
		Source      string     `json:"source,omitempty"`
		ConfirmedAt time.Time  `json:"confirmed_at,omitzero"`
		ConfirmedIP netip.Addr `json:"confirmed_ip,omitzero"`
	}{c.At, c.IP, c.Source, c.ConfirmedAt, c.ConfirmedIP})
	if err != nil {
		return nil // a year beyond 9999: no time that anyone consented at
	}
	return text
}
