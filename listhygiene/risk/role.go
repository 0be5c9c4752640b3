package risk

import (
	"strings"

	"github.com/headwaymail/headway/listhygiene"
)

// technicalRoles are read by machines or administrators (RFC 2142 and custom);
// a newsletter to them ends as a complaint.
var technicalRoles = words(`
	abuse admin administrator bounce bounces cert certadmin daemon devnull dns dnsadmin donotreply
	hostmaster infosec ipadmin listserv lists mailer mailerdaemon majordomo mtaadmin netadmin news
	noc noreply nobody null postmaster root security spam ssladmin ssladministrator sslwebmaster
	subscribe sysadmin sysop undisclosedrecipients unsubscribe usenet uucp www webmaster
`)

// sharedRoles are read by several people of an organisation.
var sharedRoles = words(`
	accounting accounts all billing board booking bookings bureau buero büro careers comercial
	compliance compras contabilidad contabilita contact contacto contactus contato crew customerservice
	customercare direccion direction einkauf empfang enquiries enquiry everyone feedback finance
	financeiro hello help helpdesk hola hr info infos information inquiries it jobs kontakt
	kundenservice legal mail mailbox marketing media newsletter office orders paiement personal
	post press presse privacy redaktion reception recepcion rechnung reservations reservation rh
	sales sekretariat secretary secretariat service services shop staff stage support team tech
	vendas ventas verkauf vertrieb verwaltung volunteers zentrale biuro sprzedaz kadry faktury
`)

func words(s string) map[string]bool {
	set := map[string]bool{}
	for word := range strings.FieldsSeq(s) {
		set[word] = true
	}
	return set
}

// RoleOf reports whether a local part names a task instead of a person, and
// which kind. Dots, dashes and underscores do not count ("no-reply"), nor does
// what follows a plus.
func RoleOf(local string) (listhygiene.Reason, bool) { return Lists{}.RoleOf(local) }

// RoleOf is [RoleOf] with the roles of a public list.
func (l Lists) RoleOf(local string) (listhygiene.Reason, bool) {
	local = plainRole(local)
	switch {
	case technicalRoles[local]:
		return listhygiene.RoleTechnical, true
	case sharedRoles[local], l.Roles[local]:
		return listhygiene.RoleShared, true
	}
	return "", false
}

// plainRole is the form in which roles are compared.
func plainRole(local string) string {
	local, _, _ = strings.Cut(strings.ToLower(local), "+")
	return strings.Map(func(r rune) rune {
		if r == '.' || r == '-' || r == '_' {
			return -1
		}
		return r
	}, local)
}
