package node

import (
	"context"
	"time"

	"github.com/headwaymail/headway/internal/doctor"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/smtpout"
)

// keepWithin bounds how long a lane waits for a conversation to be kept. It is
// rare: tests and mail of our own only.
const keepWithin = 5 * time.Second

// keepConversation stores what was said around a message of our own, for people to
// read, with what our own verification says of the message. The message itself is
// not kept, and of a newsletter nothing is.
func (n *Node) keepConversation(campaign int64, said smtpout.Conversation) {
	ctx, cancel := context.WithTimeout(context.Background(), keepWithin)
	defer cancel()
	err := n.Database.Store.SaveConversation(ctx, campaign, postgres.Conversation{At: time.Now(), Words: said.Text(),
		Signature: doctor.Signatures(ctx, n.resolver, said.Body)})
	if err != nil {
		n.Log.Warn("the conversation around a test is not kept", "campaign", campaign, "error", err)
	}
}
