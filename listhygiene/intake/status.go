package intake

import (
	"path"
	"strings"
	"unicode"

	"github.com/headwaymail/headway/listhygiene"
)

// Status says what an import does with a contact.
type Status string

// The statuses of an imported row, from the most to the least welcome.
const (
	Subscribe    Status = "subscribe"    // may be mailed: the import states their consent
	Unconfirmed  Status = "unconfirmed"  // gets a double opt-in mail first
	Unsubscribed Status = "unsubscribed" // suppress: they left
	Bounced      Status = "bounced"      // suppress: they could not be reached
	Complained   Status = "complained"   // suppress: they reported mail as spam
	SuppressOnly Status = "suppress"     // suppress, for no stated reason
)

// Suppression returns the reason with which a row of this status is suppressed,
// and whether it is.
func (s Status) Suppression() (listhygiene.SuppressionReason, bool) {
	switch s {
	case Bounced:
		return listhygiene.Bounced, true
	case Complained:
		return listhygiene.Complained, true
	case Unsubscribed, SuppressOnly:
		return listhygiene.ImportedSuppression, true
	}
	return "", false
}

// weight orders statuses by how much they forbid.
var weight = map[Status]int{
	Subscribe: 0, Unconfirmed: 1, Bounced: 2, SuppressOnly: 3, Unsubscribed: 4, Complained: 5,
}

// Stricter returns the status that forbids more: where a file says two things of
// one person, the safer one counts.
func Stricter(a, b Status) Status {
	if weight[b] > weight[a] {
		return b
	}
	return a
}

// StatusHeading is what we call a column of statuses in files that we write.
const StatusHeading = "subscription status"

// statusWords are the words that exporters write in a status column, folded by
// headingKey.
var statusWords = map[string]Status{
	"subscribed": Subscribe, "subscribe": Subscribe, "active": Subscribe, "enabled": Subscribe,
	"confirmed": Subscribe, "optedin": Subscribe, "optin": Subscribe, "verified": Subscribe, "ok": Subscribe,
	"aktiv": Subscribe, "abonniert": Subscribe, "bestätigt": Subscribe, "angemeldet": Subscribe,
	"abonné": Subscribe, "actif": Subscribe, "inscrit": Subscribe, "suscrito": Subscribe, "activo": Subscribe,
	"iscritto": Subscribe, "attivo": Subscribe, "inscrito": Subscribe, "ativo": Subscribe, "aktywny": Subscribe,
	"marketing": Subscribe,

	"unconfirmed": Unconfirmed, "pending": Unconfirmed, "waiting": Unconfirmed, "unverified": Unconfirmed,
	"notconfirmed": Unconfirmed, "nonsubscribed": Unconfirmed, "notsubscribed": Unconfirmed,
	"neversubscribed": Unconfirmed, "transactional": Unconfirmed, "unbestätigt": Unconfirmed,
	"enattente": Unconfirmed, "pendiente": Unconfirmed, "nonconfirmé": Unconfirmed,

	"unsubscribed": Unsubscribed, "unsubscribe": Unsubscribed, "optedout": Unsubscribed, "optout": Unsubscribed,
	"left": Unsubscribed, "cancelled": Unsubscribed, "canceled": Unsubscribed, "removed": Unsubscribed,
	"abgemeldet": Unsubscribed, "désabonné": Unsubscribed, "désinscrit": Unsubscribed, "baja": Unsubscribed,
	"cancelado": Unsubscribed, "disiscritto": Unsubscribed, "wypisany": Unsubscribed,

	"bounced": Bounced, "bounce": Bounced, "hardbounced": Bounced, "hardbounce": Bounced, "cleaned": Bounced,
	"undeliverable": Bounced, "invalid": Bounced, "rebotado": Bounced,

	"complained": Complained, "complaint": Complained, "spam": Complained, "spamcomplaint": Complained,
	"abuse": Complained, "markedasspam": Complained, "spamreport": Complained,

	"blocklisted": SuppressOnly, "blacklisted": SuppressOnly, "blocked": SuppressOnly, "suppressed": SuppressOnly, "suppress": SuppressOnly,
	"disabled": SuppressOnly, "deleted": SuppressOnly, "banned": SuppressOnly,
	"donotcontact": SuppressOnly, "donotmail": SuppressOnly, "gesperrt": SuppressOnly,
}

// ParseStatus returns the status that a word in a status column stands for.
func ParseStatus(word string) (Status, bool) {
	s, ok := statusWords[headingKey(word)]
	return s, ok
}

// yesWords are the ways in which exporters write yes (true) and no (false),
// folded by headingKey.
var yesWords = map[string]bool{
	"true": true, "yes": true, "y": true, "1": true, "t": true, "x": true, "on": true,
	"ja": true, "oui": true, "si": true, "sí": true, "sì": true, "sim": true, "tak": true, "да": true,
	"false": false, "no": false, "n": false, "0": false, "f": false, "off": false,
	"nein": false, "non": false, "não": false, "nao": false, "nie": false, "нет": false,
}

// StatusOfFile returns the status that the name of a file gives all its rows:
// Mailchimp's archive holds one file each of subscribed, unsubscribed, cleaned
// and non-subscribed contacts.
func StatusOfFile(name string) (Status, bool) {
	words := strings.FieldsFunc(strings.ToLower(path.Base(name)), func(r rune) bool {
		return !unicode.IsLetter(r)
	})
	if len(words) == 0 {
		return "", false
	}
	switch words[0] {
	case "subscribed":
		return Subscribe, true
	case "nonsubscribed":
		return Unconfirmed, true
	case "unsubscribed":
		return Unsubscribed, true
	case "cleaned":
		return Bounced, true
	}
	return "", false
}
