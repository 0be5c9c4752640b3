package intake

import "slices"

// emailHeadings are the names of the column of addresses, the surest first,
// folded by headingKey. Google and Outlook number theirs.
var emailHeadings = []string{
	"email", "emailaddress", "email1value", "emailadresse", "mail", "mailaddress", "primaryemail",
	"contactemail", "subscriberemail", "useremail", "customeremail", "subscriber", "emailid",
	// French, Spanish, Portuguese, Italian
	"adresseemail", "adressemail", "adressedemessagerie", "adresseelectronique", "courriel", "mél",
	"correo", "correoelectronico", "correoelectrónico", "direccióndecorreoelectrónico", "direcciondecorreoelectronico",
	"endereçodeemail", "enderecodeemail", "correioeletrônico", "correioeletronico",
	"indirizzoemail", "indirizzodipostaelettronica", "postaelettronica",
	// German, Dutch, Nordic
	"mailadresse", "emailadressen", "adresemail", "emailadres", "mailadres", "epost", "epostadress",
	"epostadresse", "sähköposti", "sähköpostiosoite", "netfang", "tölvupóstur",
	// Central and Eastern Europe, Turkish, Greek
	"adresemailowy", "adresemailowe", "emailováadresa", "emailcím", "emailcim", "eposta", "epostaadresi",
	"electronicmail", "ηλεκτρονικόταχυδρομείο", "διεύθυνσηemail", "эл", "элпочта", "электроннаяпочта",
	"адресэлектроннойпочты", "почта", "имейл", "електроннапошта",
	// East Asian, Arabic, Hebrew
	"メールアドレス", "メール", "eメール", "邮箱", "电子邮件", "电子邮箱", "電子郵件", "이메일", "이메일주소",
	"البريدالإلكتروني", "דואראלקטרוני", "אימייל",
}

// emailRank returns how unsure the heading is as a name for addresses, 0 to 1.
func emailRank(key string) float64 {
	i := slices.Index(emailHeadings, key)
	if i < 0 {
		return 0
	}
	return float64(i) / float64(len(emailHeadings))
}

// target is the role and the field name that a heading stands for.
type target struct {
	role  Role
	field string
}

func field(name string) target { return target{RoleField, name} }

// headings are the columns that mean the same whoever wrote the file, folded by
// headingKey.
var headings = func() map[string]target {
	t := map[string]target{
		"firstname": field("first_name"), "fname": field("first_name"), "givenname": field("first_name"),
		"vorname": field("first_name"), "prénom": field("first_name"), "prenom": field("first_name"),
		"nombre": field("first_name"), "imię": field("first_name"), "imie": field("first_name"),
		"voornaam": field("first_name"), "förnamn": field("first_name"), "имя": field("first_name"),
		"lastname": field("last_name"), "lname": field("last_name"), "surname": field("last_name"),
		"familyname": field("last_name"), "nachname": field("last_name"), "nomdefamille": field("last_name"),
		"apellido": field("last_name"), "apellidos": field("last_name"), "nazwisko": field("last_name"),
		"achternaam": field("last_name"), "efternamn": field("last_name"), "cognome": field("last_name"),
		"фамилия": field("last_name"),
		"name":    field("name"), "fullname": field("name"), "displayname": field("name"),

		"status": {role: RoleStatus}, "state": {role: RoleStatus}, "subscriptionstatus": {role: RoleStatus},
		"subscriberstatus": {role: RoleStatus}, "emailstatus": {role: RoleStatus}, "contactstatus": {role: RoleStatus},
		"emailmarketingstatus": {role: RoleStatus}, "emailmarketingconsent": {role: RoleStatus},

		"subscribed": {role: RoleOptIn}, "optedin": {role: RoleOptIn}, "optin": {role: RoleOptIn},
		"acceptsmarketing": {role: RoleOptIn}, "acceptsemailmarketing": {role: RoleOptIn},
		"unsubscribed": {role: RoleOptOut}, "optedout": {role: RoleOptOut}, "optout": {role: RoleOptOut},
		"blacklisted": {role: RoleOptOut}, "blocklisted": {role: RoleOptOut}, "emailblacklisted": {role: RoleOptOut},
		"emailblocklisted": {role: RoleOptOut}, "donotemail": {role: RoleOptOut}, "emailoptout": {role: RoleOptOut},
		"unsubscribe": {role: RoleOptOut}, "donotcontact": {role: RoleOptOut}, "donotmail": {role: RoleOptOut},
		"abgemeldet": {role: RoleOptOut}, "abbestellt": {role: RoleOptOut}, "désabonné": {role: RoleOptOut}, "désinscrit": {role: RoleOptOut},
		"baja": {role: RoleOptOut}, "dadodebaja": {role: RoleOptOut}, "desuscrito": {role: RoleOptOut}, "descadastrado": {role: RoleOptOut},
		"disiscritto": {role: RoleOptOut}, "uitgeschreven": {role: RoleOptOut}, "afgemeld": {role: RoleOptOut}, "wypisany": {role: RoleOptOut},
		"отписан": {role: RoleOptOut}, "отписался": {role: RoleOptOut}, "配信停止": {role: RoleOptOut}, "退订": {role: RoleOptOut},
		"hasoptedoutofemail": {role: RoleOptOut}, "bounced": {role: RoleBounced}, "hardbounced": {role: RoleBounced},
		"unsubscribedat": {role: RoleLeftAt}, "unsubscribedate": {role: RoleLeftAt}, "unsubscribetime": {role: RoleLeftAt},
		"unsubscribedon": {role: RoleLeftAt}, "optoutdate": {role: RoleLeftAt}, "optouttime": {role: RoleLeftAt},
		"abgemeldetam": {role: RoleLeftAt}, "abmeldedatum": {role: RoleLeftAt}, "datededésinscription": {role: RoleLeftAt},
		"fechadebaja": {role: RoleLeftAt}, "datadisiscrizione": {role: RoleLeftAt}, "uitgeschrevenop": {role: RoleLeftAt},
		"датаотписки": {role: RoleLeftAt}, "newsletter": {role: RoleOptIn},

		"optintime": {role: RoleConsentTime}, "optindate": {role: RoleConsentTime}, "consentdate": {role: RoleConsentTime},
		"consenttime": {role: RoleConsentTime}, "subscribedat": {role: RoleConsentTime}, "subscriptiondate": {role: RoleConsentTime},
		"signupdate": {role: RoleConsentTime}, "optinip": {role: RoleConsentIP}, "signupip": {role: RoleConsentIP},
		"consentip": {role: RoleConsentIP}, "ipaddress": {role: RoleConsentIP}, "consentsource": {role: RoleConsentSource},
		"optinsource": {role: RoleConsentSource}, "signupsource": {role: RoleConsentSource},
		"confirmtime": {role: RoleConfirmTime}, "confirmedat": {role: RoleConfirmTime}, "confirmip": {role: RoleConfirmIP},

		"tags": {RoleTags, "tags"}, "labels": {RoleTags, "tags"}, "groupmembership": {RoleTags, "tags"},
		"attributes": {role: RoleAttributes},
	}
	for _, key := range emailHeadings {
		t[key] = target{role: RoleEmail}
	}
	return t
}()
