package reply

import (
	"strings"
	"testing"
)

func TestExplain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		class   Class
		code    int
		bounced bool
		meaning string
		remedy  string
	}{
		"no class":                      {"", 0, false, "", ""},
		"two sentences":                 {ClassGreylist, 451, false, "puts off first contacts", "tries this recipient again"},
		"no such user":                  {ClassMailbox, 550, true, "does not exist", "gave the recipient up"},
		"mailbox full":                  {ClassMailbox, 452, false, "is full", "tries it again later"},
		"the server did not find us":    {ClassDNS, 451, false, "something of ours", "tries again"},
		"we did not find the recipient": {ClassDNS, 0, false, "the recipient's domain", "looks again"},
		"there is no such domain":       {ClassDNS, 0, true, "the recipient's domain does not exist", "gave the recipient up"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			meaning, remedy := Explain(c.class, c.code, c.bounced)
			if !strings.Contains(meaning, c.meaning) || !strings.Contains(remedy, c.remedy) || (c.meaning == "") != (meaning == "") {
				t.Errorf("%q, %q", meaning, remedy)
			}
		})
	}
}
