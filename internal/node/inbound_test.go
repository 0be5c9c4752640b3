package node

import (
	"fmt"
	"net/smtp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/campaign/token"
	"github.com/headwaymail/headway/internal/postgres"
)

// back sends a mail to the node's listener.
func (r *rig) back(n *Node, to, mail string) error {
	r.t.Helper()
	return smtp.SendMail(n.InboundAddress(), nil, "", []string{to}, []byte(strings.ReplaceAll(mail, "\n", "\r\n")))
}

// What comes back by mail does what it should: a complaint and a wish to leave
// are obeyed, an automatic answer and a delay change nothing, and what was forged
// is refused.
func TestInboundMail(t *testing.T) {
	t.Parallel()
	internet, domains := quick(1)
	r := newRig(t, internet)
	r.config.Roles = []string{"lanes", "bulk", "inbound"}
	n := r.node()
	id := r.launch(n, 6, domains...)
	r.until(time.Minute, "delivered", func() bool { return r.campaign(n, id).Counters.Delivered == 6 })
	contact := func(reader int) int64 {
		return r.number(`select id from contacts where address_key = $1`, fmt.Sprintf("reader%d@%s", reader, domains[0]))
	}
	mint := func(purpose token.Purpose, reader int) string {
		return n.tokens.Mint(token.Claims{Purpose: purpose, Campaign: id, Contact: contact(reader), Day: time.Now()})
	}
	const host = "@bounces.sender.test"
	report := "From: MAILER-DAEMON@far.test\nSubject: %s\nContent-Type: message/delivery-status\n\nFinal-Recipient: rfc822; x@far.test\nAction: %s\nStatus: %s\n"
	for i, m := range []struct{ to, mail string }{
		{"b." + mint(token.Bounce, 1) + host, fmt.Sprintf(report, "failed", "failed", "5.1.1")},
		{"b." + mint(token.Bounce, 2) + host, fmt.Sprintf(report, "delayed", "delayed", "4.4.1")},
		{"u." + mint(token.MailtoUnsubscribe, 3) + host, "From: x@far.test\nSubject: hello\n\n\n"},
		{"fbl" + host, "From: loop@far.test\nSubject: report\nContent-Type: multipart/report; report-type=feedback-report; boundary=x\n\n--x\n" +
			"Content-Type: message/feedback-report\n\nFeedback-Type: abuse\nOriginal-Mail-From: <b." + mint(token.Bounce, 4) + host + ">\n\n--x--\n"},
		{"b." + mint(token.Bounce, 5) + host, "From: x@far.test\nSubject: Out of office\nAuto-Submitted: auto-replied\n\nAway. Unsubscribe.\n"},
		{"fbl" + host, "From: forger@far.test\nSubject: report\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nOriginal-Rcpt-To: reader6@" + domains[0] + "\n"},
	} {
		if err := r.back(n, m.to, m.mail); err != nil {
			t.Fatalf("mail %d: %v", i, err)
		}
	}
	forged := []byte("b." + mint(token.Bounce, 6) + host)
	forged[10] ^= 1
	if err := r.back(n, string(forged), fmt.Sprintf(report, "failed", "failed", "5.1.1")); err == nil || !strings.Contains(err.Error(), "550") && !strings.Contains(err.Error(), "no such address") {
		t.Errorf("a forged return path: %v", err)
	}
	r.until(time.Minute, "all mails are read", func() bool {
		return r.number(`select count(*) from inbound_mails where settled_at is not null`) == 6
	})
	for reader, want := range []string{"cleaned", "active", "active", "complained", "active", "active"} {
		if got := r.number(`select count(*) from contacts where id = $1 and status = $2`, contact(reader+1), want); got != 1 {
			t.Errorf("reader%d is not %s", reader+1, want)
		}
	}
	if got := r.number(`select count(*) from list_members where contact_id = $1 and status = 'unsubscribed'`, contact(3)); got != 1 {
		t.Error("reader3 did not leave")
	}
	if got := r.number(`select count(*) from suppressions`); got != 3 {
		t.Errorf("%d suppressions, want those of the bounce, the wish to leave and the complaint", got)
	}
	if c := r.campaign(n, id).Counters; c.Delivered != 5 || c.Bounced != 1 || c.AcceptedFirst > c.Delivered || !c.AddsUp() {
		t.Errorf("counted %+v", c)
	}
	if err := n.Stop(); err != nil {
		t.Error(err)
	}
	if d := r.number(`select count(*) from deliveries where state = 'bounced'`); d != 1 {
		t.Errorf("%d bounced", d)
	}
}

// A mail that is being stored while the job that reads them comes to its end is
// read at once, not a minute later when the next one comes by itself.
func TestInboundMailAtTheEndOfAJob(t *testing.T) {
	t.Parallel()
	internet, _ := quick(1)
	r := newRig(t, internet)
	r.config.Roles = []string{"bulk", "inbound"}
	n := r.node()
	mail := postgres.InboundMail{At: time.Now(), Purpose: postgres.PurposeRole, Raw: []byte("Subject: hello\r\n\r\n")}
	read := func(mails int64) func() bool {
		return func() bool {
			return r.number(`select count(*) from inbound_mails where settled_at is not null`) == mails
		}
	}
	r.must(n.Service.KeepInbound(t.Context(), mail))
	r.until(time.Minute, "a mail is read, and the job is still open", read(1))
	_, err := n.Database.Store.SaveInbound(t.Context(), mail, func(tx pgx.Tx) error {
		err := n.Service.Queue.AskInboundTx(t.Context(), tx)
		r.until(time.Minute, "the end of the job waits for the mail", func() bool {
			return r.number(`select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`) > 0
		})
		return err
	})
	r.must(err)
	r.until(time.Minute, "the mail is read", read(2))
}
