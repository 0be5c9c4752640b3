package smtpout

import (
	"time"

	"github.com/headwaymail/headway/pacing/reply"
)

// Outcome is what became of one message.
type Outcome struct {
	// Reply is the one that decided, with all its lines. Where none came it has
	// Code 0 and the failure in words. Its Phase tells how far the message got.
	Reply reply.Reply
	// Accepted says that the server took responsibility for the message.
	Accepted bool
	// Closed says that the session is over; it may be true of an accepted
	// message, too.
	Closed bool
	// InDoubt says that every byte of the message was handed to the network,
	// and that no final reply came: the server may have it.
	InDoubt bool
	// Unsent says that not even a command was sent: the session had ended before,
	// or the context had. The attempt may be made on another session at once.
	Unsent bool
	// Local says that the reply is ours: the message cannot be sent over this
	// session as it is, and the server was not asked.
	Local   bool
	Started time.Time
	Took    time.Duration
	TLS     string // "TLSv1.3 TLS_AES_128_GCM_SHA256"; empty in the clear
}
