package dsn

import "testing"

// An address ends where the words around it begin, also in scripts without spaces.
func TestNextAddress(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ text, want string }{
		{"to <anna@example.test>: no", "anna@example.test"},
		{"收件人邮件地址（gina@example.test）不存在，邮件无法送达。", "gina@example.test"},
		{"收件人gina.b@example.test不存在", "gina.b@example.test"},
		{"収件者：ito@example.test、送信", "ito@example.test"},
		{"「ito@example.test」は存在しません", "ito@example.test"},
		{"Adresse „jörg@example.test“ unbekannt", "jörg@example.test"},
		{"<用户@例子.测试> no", "用户@例子.测试"},
		{"<用户@例子.test> no", "用户@例子.test"},
		{"nobody@ nowhere", ""},
	} {
		if got, _ := nextAddress(test.text); got != test.want {
			t.Errorf("%q: %q, want %q", test.text, got, test.want)
		}
	}
}
