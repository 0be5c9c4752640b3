package reply

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestHint(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text string
		want time.Duration
	}{
		{"451 4.7.1 Greylisted, please try again in 300 seconds", 5 * time.Minute},
		{"451 4.7.1 Recipient address rejected: Greylisted for 5 minutes", 5 * time.Minute},
		{"451 Greylisting in action, please come back in 00:04:58", 4*time.Minute + 58*time.Second},
		{"450 try again in 01:02:03", time.Hour + 2*time.Minute + 3*time.Second},
		{"550 Too many messages. Try again in 92 seconds.", 92 * time.Second},
		{"421 Please wait 60s before retrying", time.Minute},
		{"421 retry-after: 120", 2 * time.Minute},
		{"421 Retry after 90", 90 * time.Second},
		{"450 delayed for 2 hours", 2 * time.Hour},
		{"450 try again in an hour", time.Hour},
		{"450 try again in half an hour", 30 * time.Minute},
		{"450 retry in 1 hour and 30 minutes", 90 * time.Minute},
		{"450 please retry after 10min", 10 * time.Minute},
		{"450 blocked for 1 day", 24 * time.Hour},
		{"450 Limite dépassée, réessayez dans 10 minutes", 10 * time.Minute},
		{"450 Bitte in 5 Minuten erneut versuchen", 5 * time.Minute},
		{"450 Intente de nuevo en 15 minutos", 15 * time.Minute},
		{"450 Tente novamente em 2 horas", 2 * time.Hour},
		{"450 Riprovare tra 30 secondi", 30 * time.Second},
		{"451 请5分钟后再试", 5 * time.Minute},
		{"451 10分後に再度お試しください", 10 * time.Minute},

		{"450 try again in 3 days", 24 * time.Hour}, // bounded
		{"450 try again later", 0},
		{"450 try again in 0 seconds", 0},
		{"450 100 messages per 60 seconds exceeded, try again later", 0},
		{"450 try again later, too many messages in 60 seconds", 0},
		{"450 try again later. Limit is 100 in 1 hour", 0},
		{"421 4.7.0 Error: timeout exceeded after 300 seconds", 0},
		{"450 queue id 12345678s, try again", 0},
		{"450 host down since 5 minutes", 0},
	} {
		t.Run(test.text, func(t *testing.T) {
			t.Parallel()
			if got := Classify("", Parse(PhaseMail, test.text)).Hint; got != test.want {
				t.Errorf("hint %v, want %v", got, test.want)
			}
		})
	}
}

// A permanent refusal has no hint: there is nothing to wait for.
func TestHintOnlyWhenTemporary(t *testing.T) {
	t.Parallel()
	m := Classify("", Parse(PhaseRcpt, "550 5.1.1 User unknown, do not try again in 5 minutes"))
	if m.Temporary || m.Hint != 0 {
		t.Errorf("temporary %v, hint %v", m.Temporary, m.Hint)
	}
}

func TestWindow(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text string
		want time.Duration
	}{
		{`450 ratelimit "100/5m" exceeded`, 5 * time.Minute},
		{`450 rate limit 1000/h exceeded`, time.Hour},
		{"452 daily message limit exceeded", 24 * time.Hour},
		{"452 Too many recipients received this hour", time.Hour},
		{"450 limit of 60 messages per minute exceeded", time.Minute},
		{"450 rate limit exceeded", 0},
	} {
		t.Run(test.text, func(t *testing.T) {
			t.Parallel()
			if got := Classify("", Parse(PhaseMail, test.text)).Window; got != test.want {
				t.Errorf("window %v, want %v", got, test.want)
			}
		})
	}
}

// Whatever the server says, a hint is between 0 and 24 hours.
func TestHintBounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`(try again|retry|wait|come back) (in|for|after)? ?[0-9]{1,9}[ -]?(s|seconds|m|min|h|hours|days|:00:00)?( and [0-9]{1,5} (minutes|hours))?`).Draw(t, "text")
		if d := Classify("", Reply{Phase: PhaseMail, Code: 450, Lines: []string{text}}).Hint; d < 0 || d > maxHint {
			t.Errorf("%q: hint %v", text, d)
		}
	})
}
