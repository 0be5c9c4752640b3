package node

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
)

// What is said around a test is kept for people to read, with what verification
// says of its signature; of a newsletter nothing is.
func TestConversationOfATest(t *testing.T) {
	t.Parallel()
	internet, domains := quick(1)
	r := newRig(t, internet)
	n := r.node()
	ctx := t.Context()
	id := r.launch(n, 2, domains...)
	by := service.Actor{Name: "Ann", Door: service.Pages}
	to := "ann@" + domains[0]
	r.must(n.Service.SendSetupTest(ctx, to, by))
	var test postgres.SystemMessage
	r.until(time.Minute, "delivered", func() bool {
		var err error
		test, err = n.Database.Store.NewestTest(ctx)
		return err == nil && test.State.Final()
	})
	var said postgres.Conversation
	r.until(time.Minute, "kept", func() bool {
		var err error
		said, err = n.Database.Store.Conversation(ctx, test.Campaign)
		return err == nil
	})
	for _, part := range []string{"-- connected to ", "S: 220 ", "C: EHLO ", "C: MAIL FROM:<b.", "C: RCPT TO:<" + to + ">", "C: (the message, ", "S: 250"} {
		if !strings.Contains(said.Words, part) {
			t.Errorf("%q is missing in\n%s", part, said.Words)
		}
	}
	if said.Signature != "pass for sender.test" {
		t.Errorf("the signature: %s", said.Signature)
	}
	if strings.Contains(said.Words, "Subject:") {
		t.Error("the message is kept")
	}
	r.until(time.Minute, "sent", func() bool { return r.campaign(n, id).Counters.Delivered == 2 })
	if _, err := n.Database.Store.Conversation(ctx, id); !errors.Is(err, postgres.ErrNotFound) {
		t.Errorf("a newsletter's conversation was kept: %v", err)
	}
}
