package dsn

import (
	"strings"
)

// failureSystems are local parts under which mail software reports failures.
var failureSystems = []string{"mailer-daemon", "postmaster", "mail-daemon", "mailerdaemon", "maildaemon", "mdaemon", "mail.daemon",
	"mailer_daemon", "post_master", "post-master", "mail-deamon", "system-administrator", "bounce"}

// daemons are those of them that write nothing else.
var daemons = []string{"mailer-daemon", "mail-daemon", "mailerdaemon", "maildaemon", "mail.daemon", "mailer_daemon", "mail-deamon"}

// systems are local parts under which programs of any kind write.
var systems = []string{"no-reply", "noreply", "donotreply", "do-not-reply", "autoresponder", "notification"}

// failureSubjects are parts of subjects under which failures are reported, in
// lower case without regard to language.
var failureSubjects = []string{
	"undeliver", "delivery fail", "delivery status", "delivery report", "delivery problem", "delivery notification", "returned mail",
	"returned to sender", "failure notice", "mail fail", "failed mail", "not delivered", "could not be delivered", "non-delivery",
	"nondelivery", "ndn:", "mail system error", "delivery has failed", "message fail", "bounce", "rejected:", "delivery error",
	"mail delivery", "message not deliver", "failed delivery", "unzustellbar", "nicht zugestellt", "zustellung", "unzustellbarkeit", "fehler bei der",
	"non remis", "non distribu", "échec", "echec de", "non délivr", "remise impossible", "no entregado", "no se pudo entregar", "no se puede entregar",
	"error de entrega", "devuelto", "não entregue", "nao entregue", "falha na entrega", "falha de entrega", "devolvid",
	"mancato recapito", "mancata consegna", "non recapit", "non consegnat", "onbestelbaar", "niet bezorgd", "kan inte levereras", "olevererbart", "obeställ",
	"ikke levert", "kunne ikke leveres", "ikke-leveret", "toimitus epäonnistui", "niedostarcz", "nie dostarcz", "zwrot", "nedoručiteln", "nedorucit",
	"kézbesíthetetlen", "недостав", "не доставлен", "не может быть доставлен", "ошибка доставки", "teslim edilemedi", "iletilemedi",
	"退信", "无法投递", "無法投遞", "投递失败", "未送达", "未送達", "系统退信", "配信できません", "配信不能", "配信エラー", "送信エラー", "メールエラー", "送信できません",
	"送達できません", "전송 실패", "전송실패", "배달", "반송", "발송 실패", "ส่งไม่", "không thể gửi",
}

// delaySubjects tell that nothing is decided yet.
var delaySubjects = []string{"delayed", "still being retried", "delay)", "warning: could not send message", "warning: message",
	"verzögert", "verzoegert", "retard", "retrasad", "atrasad", "in ritardo", "vertraagd", "задерж", "延迟", "遅延"}

// delayWords are how texts tell that.
var delayWords = []string{"warning message only", "still being retried", "will be retried for"}

// answerSubjects begin the subjects of vacation notices and other automatic
// answers.
var answerSubjects = []string{
	"automatic reply", "auto reply", "autorespon", "auto-reply", "autoreply", "auto:", "out of office", "out of the office", "out-of-office", "ooo:",
	"vacation", "away from", "i am away", "i'm away", "on holiday", "on leave", "auto response", "autoresponse", "automated reply", "automated response",
	"automatische antwort", "abwesen", "abwesenheitsnotiz", "urlaub", "réponse automatique", "reponse automatique", "absence", "absent",
	"respuesta automática", "respuesta automatica", "fuera de la oficina", "fuera de oficina", "resposta automática", "resposta automatica", "fora do escritório",
	"risposta automatica", "fuori ufficio", "automatisch antwoord", "afwezig", "autosvar", "frånvaro", "automatisk svar", "fravær", "automaattinen vastaus", "poissa",
	"odpowiedź automatyczna", "automatyczna odpowiedź", "autoodpowiedź", "automatická odpověď", "automatikus válasz", "автоответ", "автоматический ответ",
	"otomatik yanıt", "自动回复", "自動回覆", "自动答复", "自動応答", "自動返信", "不在", "자동 회신", "자동 응답", "부재중",
	"re: auto", "fw: automatic reply",
}

// failureWords are how texts say that a message did not arrive, whatever the
// subject.
var failureWords = []string{
	"could not be delivered", "couldn't be delivered", "wasn't delivered", "was not delivered", "undeliverable", "unable to deliver", "delivery failed",
	"could not deliver", "couldn't deliver", "permanent fatal errors", "permanent error", "did not reach", "delivery to the following", "not able to deliver",
	"wasn't able to deliver", "message not delivered", "has been rejected", "was rejected", "error while trying to deliver", "problem delivering", "cannot be delivered",
	"delivery problems", "failure reasons", "no such user", "unknown user", "user unknown", "mailbox is full", "failed permanently", "message you sent to",
	"nicht zugestellt", "konnte nicht", "n'a pas pu", "n'a pu", "no se pudo entregar", "no ha podido", "não pôde", "nao pode ser", "non è stato possibile",
	"не может быть доставлен", "не доставлен", "无法投递", "无法送达", "退信", "送信できません", "配信できません", "配送できません", "전송하지 못", "niet worden bezorgd",
	`"notificationtype":"bounce"`, `notificationtype\":\"bounce`, "group you tried to contact", "may not exist, or you may not have permission",
}

// containsAny reports whether one of the list stands in text, which is in lower
// case.
func containsAny(text string, list []string) bool {
	for _, s := range list {
		if strings.Contains(text, s) {
			return true
		}
	}
	return false
}

// fromSystem reports whether a program wrote the mail, by its sender.
func fromSystem(h header, from string) bool {
	return isFailureSystem(h, from) || hasPrefix(from, systems)
}

// isFailureSystem reports whether the sender is one that reports failures.
func isFailureSystem(h header, from string) bool {
	if from == "" || hasPrefix(from, failureSystems) {
		return true // "From: <>", "From: MAILER-DAEMON"
	}
	lower := strings.ToLower(h.get("From"))
	return strings.Contains(lower, "mail delivery") || strings.Contains(lower, "delivery subsystem") ||
		strings.Contains(lower, "system administrator") || strings.Contains(lower, "mailer-daemon")
}

func hasPrefix(s string, list []string) bool {
	for _, prefix := range list {
		if strings.HasPrefix(s, prefix) {
			return true
		}
	}
	return false
}

// challengeWords are how services ask the sender to prove that a person wrote.
var challengeWords = []string{
	"verify that you are a person", "verify that you are human", "verify you are human", "prove that you are human", "prove you are human", "prove that you are a person",
	"you are a real person", "challenge-response", "challenge/response", "click the link below to deliver", "reply to this message to release", "reply to this message to confirm",
	"release your message", "to have your message delivered", "held until you", "delivered until you", "confirm that you sent", "confirm your e-mail was sent by",
	"waiting for your confirmation", "not on the guest list",
}

// challenges reports whether a mail asks for such a proof. A server that refuses
// with these words has a code beside them.
func challenges(subject, words string, lines []string) bool {
	return (containsAny(words, challengeWords) || containsAny(subject, challengeWords)) && quotedReply(lines) == ""
}

// answeredSubjects begin the subjects of answers that people write.
var answeredSubjects = []string{"re:", "aw:", "sv:", "antw:", "odp:", "rv:", "回复:", "回复：", "ynt:", "r:", "ref:"}

// answersItself reports whether the header marks an automatic answer (RFC 3834
// §5, and what came before it), and by which sign. The subject is in lower case.
func answersItself(h header, subject string) (string, bool) {
	for _, s := range answerSubjects {
		if strings.HasPrefix(subject, s) {
			return "its subject begins like an automatic answer", true
		}
	}
	for _, name := range []string{"X-Autoreply", "X-Autorespond", "X-Autoresponder", "X-Auto-Reply", "X-Mail-Autoreply", "X-Apple-Action", "X-Vacation"} {
		if h.has(name) {
			return "it has the field " + name, true
		}
	}
	if auto := strings.ToLower(h.get("Auto-Submitted")); strings.HasPrefix(auto, "auto-replied") || strings.HasPrefix(auto, "auto-notified") {
		return "Auto-Submitted: " + auto, true
	}
	if p := strings.ToLower(h.get("Precedence")); p == "auto_reply" || p == "auto-reply" {
		return "Precedence: " + p, true
	}
	if strings.EqualFold(h.get("X-Auto-Response-Suppress"), "All") && h.has("In-Reply-To") {
		return "X-Auto-Response-Suppress: All in an answer", true
	}
	return "", false
}

// automaticallySent reports whether the header says that no person sent the mail
// (RFC 3834 §5): confirmations of a help desk have no other mark.
func automaticallySent(h header) bool {
	auto := strings.ToLower(h.get("Auto-Submitted"))
	return auto != "" && !strings.HasPrefix(auto, "no")
}

// asksToLeave reports whether a mail is a person's wish to be taken off: its
// subject says so, or the first line of a short text.
func asksToLeave(subject, text string) bool {
	for _, s := range []string{subject, text} {
		s = strings.ToLower(strings.TrimSpace(s))
		s = strings.TrimSpace(strings.TrimPrefix(s, "re:"))
		s, _ = cutLine(s)
		s = strings.Trim(s, " .!\"'")
		if s == "baja" { // Spanish; at the beginning of a sentence it means something else
			return true
		}
		for _, w := range leaveWords {
			if s == w || strings.HasPrefix(s, w+" ") && len(s) <= 60 {
				return true
			}
		}
	}
	return false
}

var leaveWords = []string{"unsubscribe", "remove me", "please remove me", "please unsubscribe", "opt out", "opt-out", "please take me off", "take me off", "stop sending",
	"abmelden", "bitte abmelden", "abbestellen", "bitte austragen",
	"désabonner", "désinscription", "désinscrire", "darme de baja", "dar de baja", "quiero darme de baja", "cancelar suscripción", "descadastrar", "cancelar inscrição", "disiscriv", "disiscrizione",
	"uitschrijven", "avregistrera", "отписаться", "отписка", "退订", "取消订阅", "配信停止", "수신거부"}
