package reply

import "strings"

// Explain says what refusals of one class mean, and what Headway does about them:
// [Class.Words], more exactly where the code and the end of the attempts tell more.
// The code is 0 where no server answered; bounced says that the recipients were
// given up. Both are empty without a class.
func Explain(class Class, code int, bounced bool) (meaning, remedy string) {
	switch {
	case class == ClassNone:
		return "", ""
	case class == ClassMailbox && bounced:
		return "The mailbox does not exist, or takes no mail.", "Headway gave the recipient up; the provider's pace stays as it is."
	case class == ClassMailbox:
		return "The mailbox is full, or cannot take mail now.", "Headway tries it again later; the provider's pace stays as it is."
	case class == ClassDNS && code == 0 && bounced: // we asked, no server did
		return "DNS says that the recipient's domain does not exist or takes no mail.", "Headway gave the recipient up."
	case class == ClassDNS && code == 0:
		return "The mail hosts of the recipient's domain were not found in DNS.", "Headway looks again in a few minutes, and gives the recipient up if it stays."
	}
	meaning, remedy, _ = strings.Cut(class.Words(), ". ")
	return strings.TrimSuffix(meaning, ".") + ".", remedy
}
