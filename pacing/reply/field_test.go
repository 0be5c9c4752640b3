package reply

import "testing"

// field are refusals as servers of many makes and countries write them, most of
// them without an enhanced code.
var field = []struct {
	want    Bounce
	phase   Phase
	replies []string
}{
	{BounceBadMailbox, PhaseRcpt, []string{
		"550 Der Empfaenger ist auf diesem Server nicht bekannt",
		"550 Requested action not taken: mailbox unavailable. Das angegebene Postfach existiert nicht",
		"550 Adresse d au moins un destinataire invalide. Invalid recipient. OFR204_416 [416]",
		"550 Utilisateur inconnu dans la table des boites locales",
		"550 La dirección de correo no existe en este servidor",
		"550 usuario desconocido",
		"550 Usuario inexistente nesta maquina",
		"550 Conta de e-mail inexistente",
		"550 Пользователь не найден",
		"550 收件人不存在",
		"550 Mailbox not found. http://service.mail.qq.com/cgi-bin/help?subtype=1&&id=20022&&no=1000728",
		"550 宛先のメールアドレスが見つかりません",
		"550 No Such User Here",
		"511 sorry, no mailbox here by that name (#5.1.1 - chkuser)",
		"550 x@dom.test... No such user",
		"553 5.3.0 <x@y.test>... Addressee unknown, relay=[192.0.2.4]",
		"550 <x@y.test>: Recipient address rejected: User unknown in relay recipient table",
		"550 unknown user <x@mail.test>",
		"550 The mail address does not exist or is not active: x@zoho.test",
		"553 Invalid recipient x@mimecast.test (Mode: normal)",
		"550 No such user (x@bar.test)",
		"550 #5.1.0 Address rejected.",
		"550 user unknown. t-online",
		"550 spool: recipient unknown",
		"550 Empfänger unbekannt",
		"550 Unbekannter Benutzer",
		"550 Kein solcher Benutzer",
		"550 Destinataire inconnu",
		"550 Cette adresse n'existe pas",
		"550 Destinatario no existe",
		"550 El usuario no existe",
		"550 Buzón inexistente",
		"550 Destinatário inexistente",
		"550 Usuário desconhecido",
		"550 Endereço de e-mail inválido ou inexistente",
		"550 Нет такого пользователя",
		"550 Адресат не существует",
		"550 Такого почтового ящика не существует",
		"550 用户不存在",
		"550 无此用户",
		"550 邮箱地址不存在",
		"550 收件人地址错误或不存在",
		"550 收件者不存在",
		"550 ユーザーが存在しません",
		"550 宛先不明",
		"550 Indirizzo non trovato",
		"550 Utente sconosciuto",
		"550 Nieznany użytkownik",
		"550 Gebruiker onbekend",
		"550 Kullanıcı bulunamadı",
		"550 존재하지 않는 사용자입니다",
		"554 x@y.test: Recipient not found (barracuda)",
		"554 Transaction failed: Recipient address does not exist in our directory",
		"550 x@y.test is not a valid mailbox",
		"550 mailbox name unknown or not local",
		"550 That account does not exist here. Check the spelling.",
		"550 RCPT TO:<x@y.test> User unknown",
		"550 account not found (x@y.test)",
		"550 Recipient does not exist here",
		"550 we don't know anybody by that name",
		"550 recipient no longer with the company",
	}},
	{BounceMailboxFull, PhaseDot, []string{
		"552 Das Postfach des Empfaengers hat sein Speicherlimit erreicht",
		"552 Caixa postal do destinatario esta cheia",
		"552 Boite du destinataire pleine",
		"552 Quota depasse pour cette boite",
		"552 Cuota de disco excedida para el usuario",
		"552 A caixa de correio do destinatário está cheia",
		"552 Quota excedida",
		"552 Превышена квота почтового ящика",
		"552 邮箱空间已满",
		"552 收件人郵箱已滿",
		"552 メールボックスの容量が超過しています",
		"552 Casella piena",
		"552 Skrzynka odbiorcy jest pełna",
		"552 Mailbox vol",
		"552 사서함이 가득 찼습니다",
		"552 insufficient disk space in user's mailbox",
	}},
	{BounceInactive, PhaseRcpt, []string{
		"550 Dieses Postfach wurde deaktiviert",
		"550 Compte desactive ou suspendu",
		"550 La cuenta del usuario ha sido deshabilitada",
		"550 Conta bloqueada por inatividade",
		"554 Почтовый ящик заблокирован",
		"550 该账号已被停用",
		"550 Das Konto ist gesperrt",
		"550 Usuario suspenso",
		"550 Учетная запись отключена",
		"550 This mailbox has been closed by its owner",
		"550 user account has expired",
		"550 mailbox temporarily suspended for non-payment",
	}},
	{BounceBadMailbox, PhaseAsync, []string{
		"Die Adresse wurde nicht gefunden. Ihre Nachricht wurde nicht zugestellt, da die Adresse x@firma.test nicht existiert oder keine E-Mails empfangen kann.",
		"Die E-Mail-Adresse des Empfängers wurde im E-Mail-System des Empfängers nicht gefunden. Microsoft Exchange wird nicht versuchen, diese Nachricht erneut zuzustellen.",
		"L'adresse de messagerie que vous avez saisie est introuvable. Vérifiez l'adresse de messagerie du destinataire et réessayez.",
		"No se ha encontrado la dirección: Tu mensaje no se ha entregado a x@y.test porque no se ha encontrado la dirección o esta no puede recibir correo.",
		"Endereço não encontrado. A mensagem não foi entregue para x@y.test porque o endereço não foi encontrado ou não pode receber e-mails.",
		"Адрес не найден. Ваше сообщение не доставлено, так как адрес не существует или не может получать почту.",
		"收件人邮件地址（x@qq.test）不存在，邮件无法送达。",
		"ご指定のメールアドレスは存在しません",
		"This user doesn't have a example.test account (x@example.test) [0]",
		"Sorry, no mailbox here by that name. (#5.1.1)",
		"x@example.test: Unrouteable address",
		"User x (x@dom.test) not listed in Domino Directory",
		"RESOLVER.ADR.ExRecipNotFound; not found",
		"RESOLVER.ADR.RecipNotFound; not found",
		"Die Nachricht konnte nicht zugestellt werden: Der Empfänger existiert nicht.",
		"Votre message n'a pas pu être remis : le destinataire n'existe pas",
		"Adresse introuvable. Votre message n'est pas parvenu à x@y.test, car l'adresse est introuvable ou ne peut pas recevoir de messages.",
		"アドレスが見つからないため、またはメールを受信できないため、x@y.test にメールを配信できませんでした。",
		"Delivery to the following recipient failed permanently: the recipient server did not recognise the mailbox.",
		"The email address you entered couldn't be found. Please check the recipient's email address",
		"host mx.y.test said: 550 #5.1.1 bad address x@y.test (in reply to RCPT TO command)",
	}},
	{BounceRecipientPolicy, PhaseAsync, []string{
		"Sie sind nicht berechtigt, eine Nachricht an diesen Empfänger zu senden. #SMTP#",
		"RESOLVER.RST.AuthRequired; authentication required",
		"RESOLVER.RST.NotAuthorized; not authorized",
	}},
	{BounceMailboxFull, PhaseAsync, []string{
		"La boîte aux lettres du destinataire est pleine et ne peut pas accepter de messages pour le moment.",
		"El buzón del destinatario está lleno y no puede aceptar mensajes en este momento.",
		"Почтовый ящик получателя переполнен",
		"收件人的邮箱已满，无法接收邮件",
		"受信者のメールボックスがいっぱいです",
		"QuotaExceededException.MapiExceptionShutoffQuotaExceeded; Failed to process message due to a permanent exception with message Cannot open mailbox",
		"Das Postfach des Empfängers ist voll und kann zurzeit keine Nachrichten annehmen.",
		"Message rejected. Recipient has exceeded their mailbox quota",
	}},
	{BounceBadMailbox, PhaseDot, []string{
		"550 Message was not accepted -- invalid mailbox.  Local mailbox x@mail.test is unavailable: user not found",
		"554 delivery error: dd This user doesn't have a yahoo.com account (x@yahoo.test) [-20] - mta1000.mail",
		"550 permanent failure for one or more recipients (x@y.test:unknown user)",
	}},
	{BounceInactive, PhaseDot, []string{
		"550 Message was not accepted -- invalid mailbox.  Local mailbox x@mail.test is unavailable: account is disabled",
		"554 delivery error: dd Sorry, your message to x@yahoo.test cannot be delivered. This mailbox is disabled (554.30). - mta4",
		"554 30 Sorry, your message to x@yahoo.test cannot be delivered. This mailbox is disabled (554.30)",
	}},
	{BounceContentSpam, PhaseDot, []string{
		"550 Mail content denied. 邮件内容被拒绝",
		"554 rejected due to spam content",
		"554 Die Nachricht wurde als Spam abgelehnt",
		"550 Message refusé car considéré comme spam",
		"554 Mensaje rechazado por contenido spam",
		"550 Mensagem rejeitada como spam",
		"554 Сообщение отклонено как спам",
		"554 邮件被判定为垃圾邮件",
		"554 迷惑メールと判定されました",
		"554 Message permanently rejected: matches spam profile",
		"550 High probability of spam",
	}},
	{BounceRateLimited, PhaseRcpt, []string{
		"451 Frequency of receiving messages has exceeded the limit",
		"421 slow down, too many messages from your host",
	}},
	{BounceInactive, PhaseAsync, []string{
		"宛先のアカウントは無効になっています",
	}},
	{BounceBadDomain, PhaseAsync, []string{
		"all relevant MX records point to non-existent hosts",
	}},
	{BounceMailboxFull, PhaseRcpt, []string{
		"552 The email account that you tried to reach is over quota.",
		"422 The recipient's mailbox is over the storage limit",
		"552 Requested mail action aborted: exceeded storage allocation. For explanation visit https://postmaster.gmx.net/de/case?c=r0103",
		"552 Mailbox voll / quota ueberschritten",
		"552 Buzon lleno",
	}},
	{BounceRecipientPolicy, PhaseDot, []string{
		"550 Rejected by header based manually Blocked Senders: x@z.test - https://community.mimecast.com/docs/DOC-1369#550",
	}},
	{BounceBlockedIP, PhaseRcpt, []string{
		"550 csi.mimecast.org Poor Reputation Sender. - https://community.mimecast.com/docs/DOC-1369#550",
		"550 Your IP has been listed by our local RBL",
	}},
	{BounceBlockedIP, PhaseConnect, []string{
		"554 Blocked - see https://ipcheck.proofpoint.com/?ip=192.0.2.4",
		"554 IP=192.0.2.4 - A problem occurred. (Ask your postmaster for help or to contact tosa@rx.t-online.de to clarify.)",
		"550 mwinf5c04 ME Adresse IP source bloquee pour incident de spam. Client host blocked for spamming issues. OFR006_102 Ref http://csi.cloudmark.test/reset-request/?ip=192.0.2.4 [102]",
		"554 IP=192.0.2.4 - A problem occurred. (Ask your postmaster for help or to contact tosa@rx.t-online.de to clarify.) (BL)",
		"554 your server 192.0.2.4 has a poor reputation; connection refused",
	}},
	{BounceRecipientPolicy, PhaseRcpt, []string{
		"550 permission denied: the recipient only accepts mail from authenticated senders in the organization",
	}},
	{BounceContentOther, PhaseAsync, []string{
		"RESOLVER.RST.RecipSizeLimit; message too large for this recipient",
	}},
	{BounceContentOther, PhaseDot, []string{
		"552 Nachricht ist zu gross",
	}},
	{BounceGreylisted, PhaseRcpt, []string{
		"450 Bitte versuchen Sie es in 5 Minuten erneut (Greylisting)",
		"451 Please come back in 10 minutes",
	}},
	{BounceAuthFailure, PhaseDot, []string{
		"550 rejected due to the sender's domain DMARC policy",
		"550 message from example.test failed DKIM check",
	}},
	{BounceSenderDNS, PhaseConnect, []string{
		"550 no reverse DNS entry for 192.0.2.4",
	}},
	{BounceRemoteConfig, PhaseDot, []string{
		"550 mail loop detected, too many hops",
	}},
	{BounceRemoteConfig, PhaseRcpt, []string{
		"554 relay not permitted for this domain",
	}},
}

func TestFieldReplies(t *testing.T) {
	t.Parallel()
	for _, group := range field {
		for _, text := range group.replies {
			if m := Default().Classify("", Parse(group.phase, text)); m.Bounce != group.want {
				t.Errorf("%s: %q is %s by %s, want %s", group.phase, text, m.Bounce, m.Rule, group.want)
			}
		}
	}
}

// aboutUs speak of the sender, of its address, its domain or its speed, in words
// that elsewhere condemn a mailbox.
var aboutUs = []string{
	"550 Absenderadresse existiert nicht",
	"550 Die Absenderadresse wurde nicht gefunden",
	"553 Absender unbekannt",
	"550 Ihre Adresse ist auf diesem Server nicht bekannt",
	"550 Adresse de l'expéditeur inconnue",
	"550 Adresse expediteur inexistante",
	"550 L'adresse de l'émetteur n'existe pas",
	"550 La dirección del remitente no existe",
	"550 Remitente desconocido: la cuenta no existe",
	"550 O endereço do remetente não existe",
	"550 Endereço de origem inválido",
	"550 Адрес отправителя не существует",
	"550 Отправитель не найден",
	"550 Домен отправителя не существует",
	"550 发件人地址不存在",
	"550 发件人不存在",
	"550 发信域名不存在",
	"550 发送者邮箱不存在",
	"550 送信者のアドレスが存在しません",
	"550 送信元メールアドレスが見つかりません",
	"550 送信元ドメインが存在しません",
	"550 Adres nadawcy nie istnieje",
	"550 Domena nadawcy nie istnieje",
	"550 Afzender bestaat niet",
	"550 Indirizzo del mittente inesistente",
	"550 Il mittente non esiste",
	"550 Gönderen adresi bulunamadı",
	"550 보낸 사람 주소가 존재하지 않습니다",
	"550 존재하지 않는 도메인입니다",
	"550 Sender address could not be found",
	"550 The address you are sending from does not exist",
	"550 we don't recognize your address",
	"550 your mailbox was not found on your server (callback failed)",
	"550 sender verify failed: no such user",
	"550 Could not complete sender verify callout",
	"550 From address does not exist",
	"550 IP address not recognized",
	"550 reverse DNS could not be found for your IP address",
	"550 PTR record not found",
	"550 SPF record for your address not found",
	"550 your account is not allowed to send",
	"550 this server does not know you",
	"550 DKIM public key not found for user",
	"550 The sender's mailbox is full",
	"452 Sender over quota",
	"550 Compte expéditeur suspendu",
	"550 La cuenta del remitente ha sido suspendida",
	"550 邮件被拒绝，您的IP不在白名单",
	"550 您的域名未通过SPF检查，发件地址错误",
	"554 用户举报过多，拒绝接收",
	"550 您的邮箱地址错误，发信失败",
	"550 Ihre IP-Adresse wurde nicht gefunden",
	"550 Benutzer muss sich authentifizieren; Konto nicht gefunden",
	"550 Invalid HELO name (not found)",
	"550 link in message not found in whitelist",
	"550 Recipient address rejected: your IP was not found in allow list",
	"550 the customer of this IP address is no longer with the provider",
	"550 Speicher: Grenze der Verbindungen erreicht",
	"421 Konto: Limit der Nachrichten pro Stunde erreicht",
	"452 用户发信频率错误，请稍后再试",
	"550 邮箱服务器拒绝：IP地址无效",
	"550 邮箱地址格式错误",
}

func TestRepliesAboutUsCondemnNobody(t *testing.T) {
	t.Parallel()
	for _, text := range aboutUs {
		for _, phase := range []Phase{PhaseRcpt, PhaseDot, PhaseAsync} {
			switch m := Default().Classify("", Parse(phase, text)); m.Bounce {
			case BounceBadMailbox, BounceInactive, BounceMailboxFull, BounceBadDomain:
				t.Errorf("%s: %q is %s by %s", phase, text, m.Bounce, m.Rule)
			}
		}
	}
}
