package reply

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestFold(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, reply, want string }{
		{"code and enhanced code first", "550 5.7.1 Blocked", "550 5.7.1 blocked"},
		{"enhanced code repeated on every line", "550-5.7.1 Our system\n550-5.7.1 has  detected\n550 5.7.1 spam", "550 5.7.1 our system has detected spam"},
		{"qmail's enhanced code", "550 sorry (#5.1.1)", "550 5.1.1 sorry (#5.1.1)"},
		{"address", "550 <Some.User+tag@mail.example.org>: no", "550 <@addr>: no"},
		{"address with what follows", "550 (user@example.org:blocked)", "550 (@addr:blocked)"},
		{"IPv4", "554 client [192.0.2.1] refused", "554 client [@ip] refused"},
		{"IPv6", "554 client [2001:db8::25] refused", "554 client [@ip] refused"},
		{"IPv4 blanked", "554 client [x.xx.xx.xx]", "554 client [@ip]"},
		{"host", "421 mx1.spam.example.com: no", "421 @host: no"},
		{"no host", "450 RFC5322.From and STOREDRV.Deliver", "450 rfc5322.from and storedrv.deliver"},
		{"URL", "550 see https://example.com/spam?x=1.", "550 see @url."},
		{"URL without scheme", "550 see example.com/help#550", "550 see @url"},
		{"block list", "554 blocked using zen.spamhaus.org", "554 blocked using zen.spamhaus.org"},
		{"accents", "550 Boîte aux lettres désactivée, Größe", "550 boite aux lettres desactivee, grosse"},
		{"Latin-1", "550 Bo\xeete", "550 boite"},
		{"quotes", "550 isn’t «here»", `550 isn't "here"`},
		{"full width", "550 ＳＰＡＭ", "550 spam"},
		{"address between full-width brackets", "550 收件人（user@example.com）不存在，邮件", "550 收件人(@addr)不存在,邮件"},
		{"address without spaces around", "550 收件人user@example.com不存在", "550 收件人@addr不存在"},
		{"address in corner brackets", "550 「user@example.com」が見つかりません", "550 「@addr」が見つかりません"},
		{"international address", "550 <用户@例子.测试> no", "550 <@addr> no"},
		{"Cyrillic", "550 Ящик ПЕРЕПОЛНЕН", "550 ящик переполнен"},
		{"no code", "connection  reset\tby peer", "connection reset by peer"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := string(fold(nil, Parse(PhaseRcpt, test.reply))); got != test.want {
				t.Errorf("%q\ngot  %q\nwant %q", test.reply, got, test.want)
			}
		})
	}
}

// How a reply is wrapped does not change its form.
func TestFoldWrapping(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.SampledFrom([]string{"user", "Unknown", "<a@b.example>", "[192.0.2.1]", "boîte", "5", "x.y", "https://a.example/b"}), 1, 20).Draw(t, "words")
		one := fold(nil, Reply{Code: 550, Enhanced: "5.1.1", Lines: []string{strings.Join(words, " ")}})
		var lines []string
		for len(words) > 0 {
			n := rapid.IntRange(1, len(words)).Draw(t, "n")
			lines = append(lines, "5.1.1 "+strings.Join(words[:n], "  "))
			words = words[n:]
		}
		if wrapped := fold(nil, Reply{Code: 550, Lines: lines}); string(wrapped) != string(one) {
			t.Errorf("wrapped %q\none line %q", wrapped, one)
		}
	})
}
