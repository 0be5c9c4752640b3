package node

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/headwaymail/headway/campaign/token"
	"github.com/headwaymail/headway/internal/dnsclient"
	"github.com/headwaymail/headway/internal/doctor"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/smtpout"
)

const (
	// keepWithin bounds how long a lane waits for a conversation to be kept. It is
	// rare: tests and mail of our own only.
	keepWithin = 5 * time.Second
	// askWithin bounds how long it waits to hear whose a campaign is, once for each.
	askWithin = time.Second
	// kindsKnown bounds the campaigns of which is remembered whether they are ours.
	kindsKnown = 10_000
)

// conversations keeps what is said around messages of our own, such as tests, for
// people to read; of a newsletter nothing is kept.
type conversations struct {
	store    *postgres.Store
	tokens   *token.Keyring
	resolver *dnsclient.Resolver
	log      *slog.Logger

	mu    sync.Mutex
	kinds map[int64]bool // guarded by mu; whether a campaign is one of our own
}

// observe says whether the conversation around a message is to be kept.
func (c *conversations) observe(e smtpout.Envelope) func(smtpout.Conversation) {
	local, _, _ := strings.Cut(strings.TrimPrefix(e.From, "b."), "@")
	claims, err := c.tokens.Verify(local, token.Bounce, time.Now())
	if err != nil || !c.ours(claims.Campaign) {
		return nil
	}
	return func(said smtpout.Conversation) { c.keep(claims.Campaign, said) }
}

// ours reports whether a campaign is one of our own. The database is asked once.
func (c *conversations) ours(campaign int64) bool {
	c.mu.Lock()
	system, known := c.kinds[campaign]
	c.mu.Unlock()
	if known {
		return system
	}
	ctx, cancel := context.WithTimeout(context.Background(), askWithin)
	defer cancel()
	system, err := c.store.IsSystem(ctx, campaign)
	if err != nil {
		return false // asked again with the next message
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kinds == nil || len(c.kinds) >= kindsKnown {
		c.kinds = make(map[int64]bool)
	}
	c.kinds[campaign] = system
	return system
}

// keep stores a conversation with what our own verification says of the message.
// The message itself is not kept.
func (c *conversations) keep(campaign int64, said smtpout.Conversation) {
	ctx, cancel := context.WithTimeout(context.Background(), keepWithin)
	defer cancel()
	err := c.store.SaveConversation(ctx, campaign, postgres.Conversation{At: time.Now(), Words: said.Text(), Signature: doctor.Signatures(ctx, c.resolver, said.Body)})
	if err != nil {
		c.log.Warn("the conversation around a test is not kept", "campaign", campaign, "error", err)
	}
}
