package reply

import "testing"

// Replies that look alike and mean different things, and replies as they are
// written by others than the examples of the rule file.
func TestMeaning(t *testing.T) {
	t.Parallel()
	const any = ""
	for _, test := range []struct {
		name     string
		provider string
		phase    Phase
		reply    string
		class    Class
		bounce   Bounce
	}{
		// Phase comes first.
		{"unknown user at MAIL is our sender", any, PhaseMail, "550 5.1.1 User unknown", ClassDNS, BounceSenderDNS},
		{"unknown user at RCPT", any, PhaseRcpt, "550 5.1.1 User unknown", ClassMailbox, BounceBadMailbox},
		{"unknown user at the greeting", any, PhaseConnect, "550 User unknown", ClassUnknown, BounceUnknown},
		{"mailbox named after the dot", any, PhaseDot, "550 5.1.1 user@example.org: user unknown", ClassMailbox, BounceBadMailbox},
		{"code alone after the dot", any, PhaseDot, "550 5.1.1 delivery impossible", ClassMailbox, BounceRecipientPolicy},
		{"code alone at RCPT", any, PhaseRcpt, "550 5.1.1 delivery impossible", ClassMailbox, BounceBadMailbox},
		{"refused at connect is about us", any, PhaseConnect, "554 5.7.1 No", ClassBlocklist, BounceBlockedIP},
		{"refused after the dot is about the message", any, PhaseDot, "554 5.7.1 No", ClassContent, BounceContentSpam},

		// Codes need their provider.
		{"x.7.27 at Google is SPF", "google", PhaseDot, "550 5.7.27 rejected", ClassAuth, BounceAuthFailure},
		{"x.7.23 at Google is PTR", "google", PhaseDot, "550 5.7.23 rejected", ClassAuth, BounceSenderDNS},
		{"x.7.23 elsewhere is SPF", any, PhaseDot, "550 5.7.23 rejected", ClassAuth, BounceAuthFailure},
		{"5.1.10 at Microsoft is a recipient", "microsoft-365", PhaseRcpt, "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup", ClassMailbox, BounceBadMailbox},
		{"5.1.10 elsewhere is a null MX", any, PhaseAsync, "556 5.1.10 recipient has no mail service", ClassPolicy, BounceBadDomain},
		{"5.5.0 at Outlook.com is an unknown user", "microsoft", PhaseRcpt, "550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302). [AM0EUR02FT049.eop-EUR02.prod.protection.outlook.com]", ClassMailbox, BounceBadMailbox},
		{"rules for microsoft hold for microsoft-365", "microsoft-365", PhaseRcpt, "451 4.7.500 Server busy. Please try again later from [192.0.2.1]. (S77719)", ClassRate, BounceRateLimited},

		// Full, or too fast?
		{"mailbox quota", any, PhaseRcpt, "552 5.2.2 The recipient's mailbox is over quota", ClassMailbox, BounceMailboxFull},
		{"sending quota", any, PhaseMail, "450 You have exceeded your sending quota for this hour", ClassQuota, BounceRateLimited},
		{"rate, not size", any, PhaseMail, "450 4.7.1 Mail sending rate exceeds limit", ClassRate, BounceRateLimited},
		{"recipient limit", any, PhaseRcpt, "452 Maximum number of recipients exceeded", ClassRecipients, BounceRateLimited},
		{"size, not mailbox", any, PhaseMail, "552 5.3.4 Message size exceeds maximum allowed size", ClassContent, BounceContentOther},
		{"system storage", any, PhaseMail, "452 4.3.1 Insufficient system storage", ClassOutage, BounceNetwork},
		{"maildir", any, PhaseDot, "552 5.2.2 maildir delivery failed: Maildir over quota", ClassMailbox, BounceMailboxFull},
		{"storage allocation", any, PhaseRcpt, "552 Requested mail action aborted: exceeded storage allocation", ClassMailbox, BounceMailboxFull},

		// About us, never about the address.
		{"our IP unknown", any, PhaseRcpt, "550 5.7.1 Your IP address 192.0.2.1 is not listed in DNS", ClassDNS, BounceNetwork},
		{"our account at a relay", any, PhaseMail, "550 5.7.0 Your account has been suspended", ClassBlocklist, BounceBlockedIP},
		{"sender unknown at RCPT", any, PhaseRcpt, "550 5.1.8 <b@bounce.example>: Sender address rejected: Domain not found", ClassDNS, BounceSenderDNS},
		{"sender callout", any, PhaseRcpt, "550 Verification failed for <b@bounce.example>: The mail server could not deliver mail. Sender verify failed", ClassDNS, BounceSenderDNS},
		{"helo", any, PhaseRcpt, "550 5.7.1 <mx.example>: Helo command rejected: Host not found", ClassAuth, BounceSenderDNS},
		{"client host", any, PhaseRcpt, "554 5.7.1 <unknown[192.0.2.1]>: Client host rejected: Access denied", ClassAuth, BounceSenderDNS},
		{"no PTR", any, PhaseConnect, "554 5.7.1 No PTR record for 192.0.2.1", ClassAuth, BounceSenderDNS},
		{"listed", any, PhaseRcpt, "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using bl.spamcop.net; Blocked - see https://www.spamcop.net/bl.shtml?192.0.2.1", ClassBlocklist, BounceBlockedIP},
		{"listed, with a mailbox in the sentence", any, PhaseRcpt, "550 5.7.1 Mail to mailbox user@example.org refused: 192.0.2.1 is listed at zen.spamhaus.org", ClassBlocklist, BounceBlockedIP},
		{"dynamic range", any, PhaseRcpt, "550 5.7.1 Mail from dynamic IP space not accepted, use your ISP's mail server", ClassBlocklist, BounceBlockedIP},
		{"listed domain", any, PhaseDot, "550 5.7.1 Blocked: a URL in this message is listed in SURBL", ClassBlocklist, BounceBlockedDomain},
		{"German block", any, PhaseConnect, "554 Ihre IP-Adresse wurde gesperrt", ClassBlocklist, BounceBlockedIP},
		{"Russian block", any, PhaseRcpt, "550 Ваш IP-адрес заблокирован", ClassBlocklist, BounceBlockedIP},
		{"Russian, of the sender", any, PhaseRcpt, "550 Отправитель заблокирован за спам", ClassContent, BounceContentSpam},
		{"Chinese, of the sender", any, PhaseRcpt, "550 发件人用户已被禁用", ClassUnknown, BounceUnknown},
		{"Croatian, of the sender", any, PhaseRcpt, "550 Pošiljatelj: nepoznat korisnik", ClassUnknown, BounceUnknown},
		{"Norwegian, of the sender", any, PhaseRcpt, "550 Avsenderens konto finnes ikke", ClassUnknown, BounceUnknown},
		{"sender at a Cisco gateway", "cisco", PhaseRcpt, "550 5.1.0 Address rejected because the sender could not be verified", ClassDNS, BounceSenderDNS},
		{"server named spam", any, PhaseRcpt, "550 5.1.1 mx1.spamfilter.example: user unknown", ClassMailbox, BounceBadMailbox},
		{"server named reputation", any, PhaseConnect, "421 reputation-gw.example: too many connections", ClassConcurrency, BounceRateLimited},
		{"DMARC", any, PhaseDot, "550 5.7.1 Message rejected: DMARC policy of example.com is reject", ClassAuth, BounceAuthFailure},
		{"SPF", any, PhaseMail, "550 SPF: 192.0.2.1 is not allowed to send mail from example.com", ClassAuth, BounceAuthFailure},
		{"limited because of DKIM", any, PhaseDot, "421 Mail has been rate limited because DKIM authentication failed", ClassAuth, BounceAuthFailure},

		// The address, in the words of many servers.
		{"Exim quoted", any, PhaseAsync, "SMTP error from remote mail server after RCPT TO:<user@example.org>: host mx.example.org [192.0.2.1]: 550 No such user here", ClassMailbox, BounceBadMailbox},
		{"Postfix quoted", any, PhaseAsync, "host mx.example.org[192.0.2.1] said: 550 5.1.1 <user@example.org>: Recipient address rejected: User unknown in local recipient table (in reply to RCPT TO command)", ClassMailbox, BounceBadMailbox},
		{"qmail", any, PhaseRcpt, "550 sorry, no mailbox here by that name (#5.1.1 - chkuser)", ClassMailbox, BounceBadMailbox},
		{"Dovecot", any, PhaseRcpt, "550 5.1.1 <user@example.org> User doesn't exist: user@example.org", ClassMailbox, BounceBadMailbox},
		{"Domino", any, PhaseRcpt, "550 user@example.org... No such user", ClassMailbox, BounceBadMailbox},
		{"no longer valid", any, PhaseDot, "554 user@example.org is no longer valid", ClassMailbox, BounceBadMailbox},
		{"moved", any, PhaseRcpt, "551 User has moved to someone@elsewhere.example", ClassMailbox, BounceBadMailbox},
		{"recipient verification", any, PhaseRcpt, "550 5.1.1 <user@example.org>: Recipient address rejected: undeliverable address: mailbox lookup failed", ClassMailbox, BounceBadMailbox},
		{"closed", any, PhaseRcpt, "550 5.2.1 This account has been closed", ClassMailbox, BounceInactive},
		{"suspended", any, PhaseRcpt, "550 user@example.org: account suspended for non-payment", ClassMailbox, BounceInactive},
		{"wrapped in the middle", any, PhaseRcpt, "550-5.1.1 The email account that you\n550-5.1.1 tried to reach does not\n550 5.1.1 exist.", ClassMailbox, BounceBadMailbox},
		{"Latin-1 French", any, PhaseRcpt, "550 Bo\xeete aux lettres inconnue", ClassMailbox, BounceBadMailbox},
		{"ASCII German", any, PhaseRcpt, "550 Empfaenger unbekannt", ClassMailbox, BounceBadMailbox},
		{"Spanish full", any, PhaseRcpt, "552 El buzón está lleno", ClassMailbox, BounceMailboxFull},
		{"Portuguese inactive", any, PhaseRcpt, "550 Conta de e-mail inativa", ClassMailbox, BounceInactive},
		{"Italian", any, PhaseRcpt, "550 5.1.1 Destinatario sconosciuto", ClassMailbox, BounceBadMailbox},
		{"Japanese", any, PhaseRcpt, "550 ユーザーが見つかりません", ClassMailbox, BounceBadMailbox},
		{"Chinese full", any, PhaseRcpt, "552 邮箱空间不足", ClassMailbox, BounceMailboxFull},
		{"Chinese sender", any, PhaseRcpt, "550 发件人地址不存在", ClassUnknown, BounceUnknown},
		{"Chinese spam", any, PhaseDot, "554 邮件被识别为垃圾邮件", ClassContent, BounceContentSpam},

		// The recipient's will, their domain, their routing.
		{"group", any, PhaseRcpt, "550 5.7.1 You are not authorized to send to this recipient", ClassPolicy, BounceRecipientPolicy},
		{"contacts only", any, PhaseRcpt, "550 This mailbox only accepts mail from known senders", ClassPolicy, BounceRecipientPolicy},
		{"sender refused", any, PhaseRcpt, "550 5.7.1 Sender rejected", ClassReputation, BounceBlockedDomain},
		{"relay", any, PhaseRcpt, "550 5.7.1 Unable to relay for user@example.org", ClassPolicy, BounceRemoteConfig},
		{"relay, for an invalid recipient", any, PhaseRcpt, "554 5.7.1 Relaying denied for invalid recipient", ClassPolicy, BounceRemoteConfig},
		{"loop", any, PhaseDot, "554 5.4.6 Routing loop detected", ClassPolicy, BounceRemoteConfig},
		{"domain", any, PhaseAsync, "550 5.1.2 unknown mail domain example.org", ClassPolicy, BounceBadDomain},

		// The message.
		{"spam", any, PhaseDot, "550 5.7.1 Your message looks like SPAM and was refused", ClassContent, BounceContentSpam},
		{"virus", any, PhaseDot, "550 5.7.1 Virus found: Eicar", ClassContent, BounceContentOther},
		{"attachment", any, PhaseDot, "554 5.7.1 The attachment .exe is not allowed", ClassContent, BounceContentOther},
		{"two From", any, PhaseDot, "550-5.7.1 Multiple 'From' headers are not accepted", ClassContent, BounceContentOther},

		// Their servers and the network.
		{"down", any, PhaseConnect, "421 mx.example.org Service not available, closing transmission channel", ClassOutage, BounceNetwork},
		{"refused", any, PhaseConnect, "dial tcp 192.0.2.1:25: connect: connection refused", ClassNetwork, BounceNetwork},
		{"TLS", any, PhaseStartTLS, "tls: failed to verify certificate: x509: certificate has expired", ClassNetwork, BounceNetwork},
		{"cut in the body", any, PhaseDot, "unexpected EOF", ClassNetwork, BounceNetwork},
		{"our look-up of them", any, PhaseConnect, "lookup example.org on 127.0.0.1:53: no such host", ClassPolicy, BounceBadDomain},
		{"expired elsewhere", any, PhaseAsync, "4.4.7 Message delayed too long: delivery time expired", ClassNetwork, BounceExpired},
		{"bad sequence", any, PhaseRcpt, "503 5.5.1 Error: need MAIL command", ClassSession, BounceProtocol},

		// Greylisting by many names.
		{"postgrey", any, PhaseRcpt, "450 4.2.0 <user@example.org>: Recipient address rejected: Greylisted, see http://postgrey.schweikert.ch/help/example.org.html", ClassGreylist, BounceGreylisted},
		{"gray", any, PhaseRcpt, "451 4.7.1 Graylisting in action, please come back in 00:05:00", ClassGreylist, BounceGreylisted},
		{"no reason", any, PhaseRcpt, "450 4.2.0 Try again later", ClassGreylist, BounceGreylisted},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m := Classify(test.provider, Parse(test.phase, test.reply))
			if m.Class != test.class || m.Bounce != test.bounce {
				t.Errorf("%s: %s %s by %s, want %s %s", test.reply, m.Class, m.Bounce, m.Rule, test.class, test.bounce)
			}
		})
	}
}
