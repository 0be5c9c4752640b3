package reply

import (
	"bytes"
	"time"
)

// maxHint bounds what a server may ask for. Nobody has been seen to mean more,
// and a longer silence is for the message's lifetime to decide, not for a reply.
const maxHint = 24 * time.Hour

// hint returns how long a folded reply asks us to wait, 0 when it does not say:
//
//	try again in 300 seconds            5m
//	greylisted for 5 minutes            5m
//	come back in 00:04:58               4m58s
//	retry-after: 120                    2m
//	wait 1 hour and 30 minutes          1h30m
//	reessayez dans 10 minutes           10m
//
// A duration counts only where words of waiting lead to it: "100 messages per
// 60 seconds, try again later" asks for nothing. Waits beyond 24 hours are cut
// to that.
func hint(text []byte) time.Duration {
	for i := 0; i < len(text); i++ {
		if i > 0 && isWord(text[i-1]) || !isWord(text[i]) {
			continue // not the beginning of a word
		}
		d, n := duration(text[i:])
		if n == 0 {
			continue
		}
		if leadsToWait(text[:i]) || followedByWait(text[i+n:]) {
			return min(d, maxHint)
		}
		i += n - 1
	}
	return retryAfter(text)
}

// duration reads "300 seconds", "1h30m", "00:04:58" or "an hour" at the
// beginning of s, and returns its length in bytes, 0 when s begins with none.
func duration(s []byte) (d time.Duration, n int) {
	if len(s) == 0 || !isDigit(s[0]) && s[0] != 'a' && s[0] != 'h' && s[0] != 'o' {
		return 0, 0
	}
	for _, w := range spelled {
		if bytes.HasPrefix(s, []byte(w.words)) {
			return w.d, len(w.words)
		}
	}
	if d, n := clock(s); n > 0 {
		return d, n
	}
	for { // "1 hour and 30 minutes": as many parts as there are
		at := n
		if n > 0 {
			at += joint(s[n:])
		}
		value, digits := number(s[at:])
		unit, width := unit(s[at+digits:])
		if digits == 0 || width == 0 {
			return d, n
		}
		d += min(time.Duration(value), maxHint/unit) * unit
		n = at + digits + width
	}
}

// spelled holds durations that are said without a figure.
var spelled = []struct {
	words string
	d     time.Duration
}{
	{"half an hour", 30 * time.Minute},
	{"an hour", time.Hour}, {"one hour", time.Hour},
	{"a minute", time.Minute}, {"one minute", time.Minute},
}

// joint returns the length of what may stand between the parts of a duration.
func joint(s []byte) int {
	for _, j := range []string{" and ", ", ", " "} {
		if bytes.HasPrefix(s, []byte(j)) {
			return len(j)
		}
	}
	return 0
}

// clock reads HH:MM:SS.
func clock(s []byte) (time.Duration, int) {
	if len(s) < 8 || s[2] != ':' || s[5] != ':' || len(s) > 8 && isDigit(s[8]) {
		return 0, 0
	}
	var d time.Duration
	for _, part := range [][]byte{s[0:2], s[3:5], s[6:8]} {
		value, n := number(part)
		if n != 2 {
			return 0, 0
		}
		d = d*60 + time.Duration(value)*time.Second
	}
	return d, 8
}

// number reads digits. A number of more than six is a queue id, not a wait.
func number(s []byte) (value, n int) {
	for n < len(s) && isDigit(s[n]) {
		value = min(value*10+int(s[n]-'0'), 1e6)
		n++
	}
	if n > 6 {
		return 0, 0
	}
	return value, n
}

// unit reads a unit of time, with the space or hyphen before it.
func unit(s []byte) (time.Duration, int) {
	i := 0
	if i < len(s) && (s[i] == ' ' || s[i] == '-') {
		i++
	}
	end := i
	for end < len(s) && 'a' <= s[end] && s[end] <= 'z' {
		end++
	}
	if d, ok := units[string(s[i:end])]; ok {
		return d, end
	}
	for _, w := range unitSigns {
		if bytes.HasPrefix(s[i:], []byte(w.sign)) {
			return w.d, i + len(w.sign)
		}
	}
	return 0, 0
}

// units holds the words for a unit in English, French, German, Spanish,
// Portuguese and Italian.
var units = map[string]time.Duration{
	"s": time.Second, "sec": time.Second, "secs": time.Second, "second": time.Second, "seconds": time.Second,
	"seconde": time.Second, "secondes": time.Second, "sekunde": time.Second, "sekunden": time.Second,
	"segundo": time.Second, "segundos": time.Second, "secondo": time.Second, "secondi": time.Second,
	"m": time.Minute, "mn": time.Minute, "min": time.Minute, "mins": time.Minute, "minute": time.Minute,
	"minutes": time.Minute, "minuten": time.Minute, "minuto": time.Minute, "minutos": time.Minute, "minuti": time.Minute,
	"h": time.Hour, "hr": time.Hour, "hrs": time.Hour, "hour": time.Hour, "hours": time.Hour, "heure": time.Hour,
	"heures": time.Hour, "stunde": time.Hour, "stunden": time.Hour, "hora": time.Hour, "horas": time.Hour,
	"ora": time.Hour, "ore": time.Hour,
	"day": 24 * time.Hour, "days": 24 * time.Hour, "jour": 24 * time.Hour, "jours": 24 * time.Hour,
	"tag": 24 * time.Hour, "tage": 24 * time.Hour, "tagen": 24 * time.Hour, "dia": 24 * time.Hour,
	"dias": 24 * time.Hour, "giorno": 24 * time.Hour, "giorni": 24 * time.Hour,
}

// unitSigns are units in Chinese and Japanese, which stand without a space.
var unitSigns = []struct {
	sign string
	d    time.Duration
}{
	{"秒", time.Second}, {"分", time.Minute},
	{"小时", time.Hour}, {"小時", time.Hour}, {"時間", time.Hour},
}

// lead is how far before a duration the word of waiting may stand.
const lead = 48

// leadsToWait reports whether the text before a duration asks to wait that long:
// a word of waiting, then at most a few words that end in "in", "for", "after".
func leadsToWait(before []byte) bool {
	before = before[max(0, len(before)-lead):]
	trimmed := bytes.TrimRight(before, " :=(\"'")
	if hasAnySuffix(trimmed, waitWords) {
		return true // "wait 60 seconds", "retry: 5m"
	}
	for _, word := range linkWords {
		head, ok := bytes.CutSuffix(trimmed, []byte(word))
		if ok && len(head) > 0 && !isWord(head[len(head)-1]) {
			return asksToWait(head)
		}
	}
	return false
}

// asksToWait reports whether a word of waiting stands near the end of head, with
// no figure and no new clause after it: not "try again later, 100 messages".
func asksToWait(head []byte) bool {
	if cut := bytes.LastIndexAny(head, ".,;0123456789"); cut >= 0 {
		head = head[cut+1:]
	}
	return containsAny(head, waitWords)
}

// followedByWait reports whether the text after a duration makes it a wait, as in
// "in 5 minuten erneut versuchen" and "5分钟后再试".
func followedByWait(after []byte) bool {
	after = bytes.TrimLeft(after[:min(len(after), 24)], " 钟鐘間")
	for _, word := range []string{"erneut", "wieder", "noch einmal", "nochmal", "后", "後", "before retry", "before trying", "and try again", "then try again"} {
		if bytes.HasPrefix(after, []byte(word)) {
			return true
		}
	}
	return false
}

// waitWords are the words that ask to wait, or that name a delay.
var waitWords = []string{
	"again", "retry", "retrying", "come back", "back", "wait", "greylisted", "graylisted", "greylisting", "graylisting",
	"greylist", "delayed", "delay", "deferred", "resend", "reconnect", "blocked", "later",
	"reessayez", "reessayer", "nouveau", "patientez", "plus tard", "attendre",
	"erneut", "versuchen", "wiederholen", "warten",
	"intente", "reintente", "intentelo", "espere", "nuevo", "nuevamente",
	"tente", "novamente", "aguarde",
	"riprova", "riprovare", "riprovi", "attendere",
	"重试", "再试", "再度",
}

// linkWords stand between the word of waiting and the duration.
var linkWords = []string{
	"in", "for", "after", "at least", "about", "approximately", "another", "the next",
	"dans", "apres", "pendant", "nach", "fur", "en", "dentro de", "despues de", "em", "apos", "depois de",
	"tra", "fra", "dopo",
}

// retryAfter reads "retry-after: 120" and "retry after 120", which count in
// seconds.
func retryAfter(text []byte) time.Duration {
	for _, word := range []string{"retry-after", "retry after"} {
		_, rest, ok := bytes.Cut(text, []byte(word))
		if !ok {
			continue
		}
		value, n := number(bytes.TrimLeft(rest, " :="))
		if n > 0 {
			return min(time.Duration(value)*time.Second, maxHint)
		}
	}
	return 0
}

// window returns the length of the quota window that a folded reply names, 0
// when it names none: "100/5m" is 5m, "per hour" and "this hour" are 1h, "daily"
// and "today" are 24h.
func window(text []byte) time.Duration {
	for _, w := range windowWords {
		if containsAny(text, w.words) {
			return w.d
		}
	}
	for rest := text; ; {
		_, after, ok := bytes.Cut(rest, []byte("/"))
		if !ok {
			return 0
		}
		at := len(text) - len(after) - 2
		rest = after
		if at < 0 || !isDigit(text[at]) {
			continue // what stands before the slash is no count
		}
		value, digits := number(after)
		if digits == 0 {
			value = 1
		}
		if unit, width := unit(after[digits:]); width > 0 {
			return min(time.Duration(value), maxHint/unit) * unit
		}
	}
}

var windowWords = []struct {
	d     time.Duration
	words []string
}{
	{24 * time.Hour, []string{"per day", "daily", "today", "this day", "in 24 hours", "in one day", "a day", "par jour", "pro tag", "al giorno", "por dia", "diari", "每天", "每日", "今日"}},
	{time.Hour, []string{"per hour", "hourly", "this hour", "an hour", "in one hour", "par heure", "pro stunde", "por hora", "all'ora", "每小时", "每小時"}},
	{time.Minute, []string{"per minute", "this minute", "par minute", "pro minute", "por minuto", "al minuto", "每分钟", "每分鐘"}},
}

func hasAnySuffix(text []byte, list []string) bool {
	for _, s := range list {
		if bytes.HasSuffix(text, []byte(s)) {
			return true
		}
	}
	return false
}

// isWord reports whether a byte belongs to a word. Bytes of other scripts do
// not: their words stand without spaces.
func isWord(c byte) bool { return isDigit(c) || 'a' <= c && c <= 'z' }
