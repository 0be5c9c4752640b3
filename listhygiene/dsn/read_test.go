package dsn_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwaymail/headway/listhygiene/dsn"
	"github.com/headwaymail/headway/pacing/reply"
)

// head is the header of a report without fields.
const head = "Return-Path: <>\nFrom: Mail Delivery System <MAILER-DAEMON@mx.far.example>\nTo: b.token@bounce.news.example\n"

// mails are reports as mail software of several makers and countries writes
// them, with names of our own.
var mails = []struct {
	name   string
	mail   string
	kind   dsn.Kind
	bounce reply.Bounce
	who    string
}{
	{"Exim", head + "Auto-Submitted: auto-replied\nX-Failed-Recipients: ann@far.example\nSubject: Mail delivery failed: returning message to sender\n\n" +
		"This message was created automatically by mail delivery software.\n\nA message that you sent could not be delivered to one or more of its\n" +
		"recipients. This is a permanent error. The following address(es) failed:\n\n  ann@far.example\n    host mail.far.example [192.0.2.7]\n" +
		"    SMTP error from remote mail server after RCPT TO:<ann@far.example>:\n    550 Unrouteable address, no such mailbox\n\nReporting-MTA: dns; mx.far.example\n",
		dsn.Failure, reply.BounceBadMailbox, "ann@far.example"},
	{"qmail", head + "Subject: failure notice\n\nHi. This is the qmail-send program at far.example.\nI'm afraid I wasn't able to deliver your message to the following addresses.\n" +
		"This is a permanent error; I've given up. Sorry it didn't work out.\n\n<ann@far.example>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n" +
		"--- Below this line is a copy of the message.\n\nReturn-Path: <b.token@bounce.news.example>\nMessage-ID: <m.token@bounce.news.example>\n\nhi\n",
		dsn.Failure, reply.BounceBadMailbox, "ann@far.example"},
	{"Sendmail", head + "Subject: Returned mail: see transcript for details\n\n   ----- The following addresses had permanent fatal errors -----\n<ann@far.example>\n" +
		"    (reason: 552 5.2.2 Over quota)\n\n   ----- Transcript of session follows -----\n... while talking to mx.far.example.:\n>>> RCPT To:<ann@far.example>\n<<< 552 5.2.2 Over quota\n",
		dsn.Failure, reply.BounceMailboxFull, "ann@far.example"},
	{"Exchange Online", head + "Subject: Undeliverable: News of May\nContent-Type: multipart/report; report-type=delivery-status; boundary=\"x\"\n\n--x\nContent-Type: text/html; charset=utf-8\n\n" +
		"<html><head><style>p {color: red}</style></head><body><p>Your message to <a href=\"mailto:ann@far.example\">ann@far.example</a> couldn't be delivered.</p></body></html>\n" +
		"--x\nContent-Type: message/delivery-status\n\nReporting-MTA: dns;AM0.prod.outlook.example\n\nFinal-Recipient: rfc822;ann@far.example\nAction: failed\nStatus: 5.1.10\n" +
		"Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup\n\n--x--\n",
		dsn.Failure, reply.BounceBadMailbox, "ann@far.example"},
	{"half a report", head + "Subject: Undelivered Mail Returned to Sender\nContent-Type: multipart/report; report-type=delivery-status; boundary=x\n\n--x\n\n<ann@far.example>: host mx.far.example[192.0.2.1]\n" +
		"    said: 550 <ann@far.example>: Recipient address\n    rejected: User unknown (in reply to RCPT TO command)\n",
		dsn.Failure, reply.BounceBadMailbox, "ann@far.example"},
	{"German", head + "Subject: Unzustellbar: Neuigkeiten\nContent-Type: text/plain; charset=iso-8859-1\n\nIhre Nachricht konnte nicht zugestellt werden.\n\n  ann@far.example\n    Das Postfach des Empf\xe4ngers ist voll.\n",
		dsn.Failure, reply.BounceMailboxFull, "ann@far.example"},
	{"French", head + "Subject: =?utf-8?q?=C3=89chec_de_remise?=\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\nVotre message n'a pas pu =C3=AAtre remis au destinataire suivant :\n\nann@far.example\n  L'adresse de messagerie n'existe pas.\n",
		dsn.Failure, reply.BounceBadMailbox, "ann@far.example"},
	{"Spanish", head + "Subject: No se pudo entregar el mensaje\n\nEl mensaje no se pudo entregar a ann@far.example\n\nMotivo: 550 Usuario desconocido\n", dsn.Failure, reply.BounceBadMailbox, "ann@far.example"},
	{"Portuguese", head + "Subject: Falha na entrega\n\nSua mensagem para <ann@far.example> falhou: 552 A caixa postal do destinatario esta cheia\n", dsn.Failure, reply.BounceMailboxFull, "ann@far.example"},
	{"Italian", head + "Subject: Mancata consegna\n\n<ann@far.example>: 550 5.1.1 Utente sconosciuto\n", dsn.Failure, reply.BounceBadMailbox, "ann@far.example"},
	{"Polish", head + "Subject: Nie dostarczono wiadomosci\n\n<ann@far.example>:\n550 Uzytkownik nie istnieje\n", dsn.Failure, reply.BounceBadMailbox, "ann@far.example"},
	{"Russian", head + "Subject: Недоставленное сообщение\nContent-Type: text/plain; charset=utf-8\n\nВаше письмо не может быть доставлено:\n\n<ann@far.example>: 550 Пользователь не найден\n", dsn.Failure, reply.BounceBadMailbox, "ann@far.example"},
	{"Japanese", head + "Subject: =?ISO-2022-JP?B?GyRCQXc/LiUoJWkhPBsoQg==?=\nContent-Type: text/plain; charset=ISO-2022-JP\n\n<ann@far.example>\n550 \x1b$B08@h$N%a!<%k%\"%I%l%9\x1b(B\n", dsn.Failure, reply.BounceBadMailbox, "ann@far.example"},
	{"Chinese", head + "Subject: 系统退信\nContent-Type: text/plain; charset=utf-8\n\n抱歉，您的邮件被退回来了\n收件人：ann@far.example\n退信原因：550 收件人邮箱已满\n", dsn.Failure, reply.BounceMailboxFull, "ann@far.example"},
	{"Korean", head + "Subject: 메일 전송 실패 안내\nContent-Type: text/plain; charset=utf-8\n\nann@far.example\n존재하지 않는 메일 주소입니다.\n", dsn.Failure, reply.BounceBadMailbox, "ann@far.example"},
	{"blocked", head + "Subject: failure notice\n\n<ann@far.example>:\nRemote host said: 554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org\n", dsn.Failure, reply.BounceBlockedIP, "ann@far.example"},
	{"delay", head + "Subject: Warning: could not send message for past 4 hours\nContent-Type: message/delivery-status\n\nFinal-Recipient: rfc822; ann@far.example\nAction: delayed\nStatus: 4.4.1\nDiagnostic-Code: smtp; 450 user unknown\n",
		dsn.Delay, "", ""},
	{"expanded", head + "Subject: Delivery Status Notification\nContent-Type: message/delivery-status\n\nFinal-Recipient: rfc822; ann@far.example\nAction: expanded\nStatus: 2.0.0\n", dsn.Success, "", ""},
	{"internationalised (RFC 6533)", head + "Subject: failed\nContent-Type: multipart/report; report-type=delivery-status; boundary=x\n\n--x\nContent-Type: message/global-delivery-status\n\nFinal-Recipient: utf-8; jörg@far.example\nAction: failed\nStatus: 5.1.1\n\n--x--\n",
		dsn.Failure, reply.BounceBadMailbox, "jörg@far.example"},
	{"complaint", "From: feedback@loop.example\nSubject: FW: News\nContent-Type: multipart/report; report-type=feedback-report; boundary=x\n\n--x\n\nreport\n--x\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nOriginal-Mail-From: <b.token@bounce.news.example>\n\n--x--\n",
		dsn.Complaint, "", ""},
	{"vacation", "From: Ann <ann@far.example>\nSubject: Automatic reply: News of May\nAuto-Submitted: auto-replied\n\nI am away. If it could not be delivered, call 550 1234.\n", dsn.AutoReply, "", ""},
	{"vacation in German", "From: Ann <ann@far.example>\nSubject: Abwesenheitsnotiz\n\nIch bin im Urlaub.\n", dsn.AutoReply, "", ""},
	{"a postmaster on holiday", "From: Ann <postmaster@far.example>\nSubject: Automatic reply: News of May\nAuto-Submitted: auto-generated\n\nI am out. Mail to Bob could not be delivered last week.\n", dsn.AutoReply, "", ""},
	{"a help desk", "From: Help <help@far.example>\nSubject: [#12] We have your request\nAuto-Submitted: auto-generated\n\nThank you.\n", dsn.AutoReply, "", ""},
	{"a challenge", "From: Guard <no-reply@guard.example>\nSubject: Your mail to Ann\n\nYour mail could not be delivered until you verify that you are a person: https://guard.example/x\n", dsn.AutoReply, "", ""},
	{"a person who quotes an error", "From: Ann <ann@far.example>\nSubject: Re: News of May\n\nYour shop told me \"user unknown\":\n550 5.1.1 user unknown\n", dsn.Other, "", ""},
	{"a daemon in words that nobody knows", head + "Subject: Pranešimas\n\nBlablabla\n\n<ann@far.example>\nblabla bla.\n", dsn.Failure, reply.BounceUnknown, "ann@far.example"},
	{"UTF-16", head + "Subject: Undelivered\nContent-Type: text/plain; charset=utf-16\nContent-Transfer-Encoding: base64\n\n" +
		utf16("Delivery failed for <ann@far.example>:\r\n550 no such mailbox\r\n") + "\n", dsn.Failure, reply.BounceBadMailbox, "ann@far.example"},
	{"leave, in a sentence", "From: Ann <ann@far.example>\nSubject: Re: News of May\n\nPlease take me off your list.\n", dsn.Unsubscribe, "", ""},
	{"leave, in German", "From: Ann <ann@far.example>\nSubject: Re: Neues\n\nBitte abmelden!\n", dsn.Unsubscribe, "", ""},
	{"leave", "From: Ann <ann@far.example>\nSubject: unsubscribe\n\n\n", dsn.Unsubscribe, "", ""},
	{"a letter", "From: Ann <ann@far.example>\nSubject: Re: News of May\n\nThank you, I liked it.\n", dsn.Other, "", ""},
	{"nothing", "", dsn.Other, "", ""},
}

// utf16 encodes ASCII as Windows does, in base64.
func utf16(text string) string {
	raw := []byte{0xff, 0xfe}
	for _, c := range []byte(text) {
		raw = append(raw, c, 0)
	}
	return base64.StdEncoding.EncodeToString(raw)
}

// Refusals of us, with the words of a missing mailbox around them, cost the
// address nothing.
func TestRefusalsOfUsSuppressNobody(t *testing.T) {
	t.Parallel()
	for _, said := range []string{
		"550 Your host name does not exist", "550 Sending account not found", "550 Reply-To address does not exist", "550 domain not found for MAIL FROM",
		"550 URL in body points to disabled account page", "550 Sender verify failed: no such user b.token at bounce.news.example",
		"550 <b.token@bounce.news.example>: Sender address rejected: User unknown", "550 unknown sender, mailbox not found for return path",
		"550 5.1.1 Message blocked: your IP 192.0.2.1 is on our local blacklist", "550 Too many unknown users in this session",
		"550 the account that you send from is disabled", "553 Sender domain must resolve", "552 Sender has exceeded the daily message quota",
		"550 Ihr Konto wurde gesperrt", "550 Votre compte est désactivé", "550 adresse de retour inconnue", "550 message refers to nonexistent account, phishing",
		"550 Absenderadresse existiert nicht", "550 El remitente no existe", "550 Il mittente non esiste", "550 Nadawca nie istnieje",
		"550 Отправитель не найден", "550 送信者のアドレスは存在しません", "550 发件人地址不存在",
	} {
		mail := head + "Subject: Undelivered Mail Returned to Sender\nContent-Type: multipart/report; report-type=delivery-status; boundary=x\n\n--x\nContent-Type: text/plain; charset=utf-8\n\n" +
			"Your message could not be delivered.\n\n<ann@far.example>: host in3.far.example[192.0.2.7]\n    said: " + said + " (in reply to RCPT TO command)\n" +
			"--x\nContent-Type: message/delivery-status\n\nFinal-Recipient: rfc822; ann@far.example\nAction: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; " + said + "\n\n--x--\n"
		list := dsn.Read([]byte(mail)).Judge(nil)
		if len(list) != 1 || list[0].Recipient.Address != "ann@far.example" {
			t.Errorf("%q: %+v", said, list)
			continue
		}
		if suppresses(list[0]) {
			t.Errorf("%q suppresses, by %s (%s)", said, list[0].Meaning.Rule, list[0].Source)
		}
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	for _, tt := range mails {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, newline := range []string{"\n", "\r\n", "\r"} {
				r := dsn.Read([]byte(strings.ReplaceAll(tt.mail, "\n", newline)))
				if r.Kind != tt.kind {
					t.Fatalf("it is %s (%s), want %s", r.Kind, r.Why, tt.kind)
				}
				if tt.bounce == "" {
					continue
				}
				list := r.Judge(nil)
				if len(list) != 1 {
					t.Fatalf("%d judgements: %+v", len(list), list)
				}
				if got := list[0]; got.Meaning.Bounce != tt.bounce || got.Recipient.Address != tt.who {
					t.Errorf("%s is %s by %s (%s: %s), want %s %s", got.Recipient.Address, got.Meaning.Bounce, got.Meaning.Rule, got.Source, got.Reply, tt.who, tt.bounce)
				}
			}
		})
	}
}

// Of several recipients each has its own reason.
func TestReadSeveral(t *testing.T) {
	t.Parallel()
	r := dsn.Read([]byte(head + "Subject: failure notice\n\nI wasn't able to deliver your message to the following addresses.\n\n" +
		"<ann@far.example>:\nRemote host said: 550 5.1.1 no such user\n\n<bob@far.example>:\nRemote host said: 552 5.2.2 mailbox full\n\n" +
		"<cyd@far.example>:\nRemote host said: 554 5.7.1 spam\n"))
	got := map[string]reply.Bounce{}
	for _, j := range r.Judge(nil) {
		got[j.Recipient.Address] = j.Meaning.Bounce
	}
	want := map[string]reply.Bounce{"ann@far.example": reply.BounceBadMailbox, "bob@far.example": reply.BounceMailboxFull, "cyd@far.example": reply.BounceContentSpam}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What is larger or deeper than any report costs little and breaks nothing.
func TestReadBounds(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("Content-Type: multipart/mixed; boundary=a\n\n--a\n", 5000)
	long := head + "Subject: failure notice\n\n" + strings.Repeat("<ann@far.example>: 550 no such user here\n", 50_000)
	for _, mail := range []string{deep, long, strings.Repeat("a", 1<<20), strings.Repeat("X: y\n", 100_000), strings.Repeat("@", 300_000), strings.Repeat("a@b.c ", 100_000)} {
		if r := dsn.Read([]byte(mail)); len(r.Recipients) > 50 {
			t.Errorf("%d recipients", len(r.Recipients))
		}
	}
}
