package reply

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, text string
		want       Reply
	}{
		{"one line", "250 2.0.0 OK", Reply{Phase: PhaseAsync, Code: 250, Enhanced: "2.0.0", Lines: []string{"2.0.0 OK"}}},
		{"many lines", "550-5.7.1 one\r\n550 5.7.1 two\r\n", Reply{Phase: PhaseAsync, Code: 550, Enhanced: "5.7.1", Lines: []string{"5.7.1 one", "5.7.1 two"}}},
		{"code only", "421", Reply{Phase: PhaseAsync, Code: 421, Lines: []string{""}}},
		{"diagnostic code", "smtp; 550 5.1.1 no", Reply{Phase: PhaseAsync, Code: 550, Enhanced: "5.1.1", Lines: []string{"5.1.1 no"}}},
		{"status without code", "5.4.4 no route", Reply{Phase: PhaseAsync, Enhanced: "5.4.4", Lines: []string{"5.4.4 no route"}}},
		{"network", "dial tcp 192.0.2.1:25: i/o timeout", Reply{Phase: PhaseAsync, Lines: []string{"dial tcp 192.0.2.1:25: i/o timeout"}}},
		{"an address is no code", "4.3.2.1 refused", Reply{Phase: PhaseAsync, Lines: []string{"4.3.2.1 refused"}}},
		{"quoted by Postfix", "host mx.example[192.0.2.1] said: 550 5.1.1 no (in reply to RCPT TO command)", Reply{Phase: PhaseRcpt, Code: 550, Enhanced: "5.1.1", Lines: []string{"5.1.1 no"}}},
		{"quoted after the dot", "host mx.example[192.0.2.1] said: 554 no (in reply to end of DATA command)", Reply{Phase: PhaseDot, Code: 554, Lines: []string{"no"}}},
		{"quoted by Exim", "SMTP error from remote mail server after MAIL FROM:<a@b.example>: host mx.example [192.0.2.1]: 421 busy", Reply{Phase: PhaseMail, Code: 421, Lines: []string{"busy"}}},
		{"quoted by Sendmail", "<<< 550 no such user", Reply{Phase: PhaseAsync, Code: 550, Lines: []string{"no such user"}}},
		{"code twice", "550 550 5.7.1 no", Reply{Phase: PhaseAsync, Code: 550, Enhanced: "5.7.1", Lines: []string{"5.7.1 no"}}},
		{"colon after the code", "501: 5.1.8 no", Reply{Phase: PhaseAsync, Code: 501, Enhanced: "5.1.8", Lines: []string{"5.1.8 no"}}},
		{"empty", "", Reply{Phase: PhaseAsync}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, Parse(PhaseAsync, test.text)); diff != "" {
				t.Errorf("want -, got +\n%s", diff)
			}
		})
	}
}
