package smtpout

import "time"

// Timeouts bound every wait. Zero fields take the defaults, which are shorter
// than RFC 5321 §4.5.3.2 suggests for a queueing relay: a lane that waits
// occupies a connection that another message could use.
type Timeouts struct {
	// Dial bounds the whole of Dial, with all hosts tried. Defaults to 2 min.
	Dial time.Duration
	// Connect bounds one TCP connection attempt. Defaults to 15 s.
	Connect time.Duration
	// Greeting bounds the wait for the 220; many servers hold it back on purpose
	// to find out who talks early. RFC: 5 min. Defaults to 1 min.
	Greeting time.Duration
	// Command bounds writing a command, and the wait for the reply to one; the
	// TLS handshake counts as a command. RFC: 5 min. Defaults to 1 min.
	Command time.Duration
	// Chunk bounds writing one chunk (32 KB) of a message. RFC: 3 min. Defaults to 1 min.
	Chunk time.Duration
	// Dot bounds the wait for the final reply. A wait that ends too soon means a
	// message in doubt, so this one is generous. RFC: 10 min. Defaults to 5 min.
	Dot time.Duration
	// Transaction bounds one Send. Defaults to 10 min.
	Transaction time.Duration
	// Quit bounds the goodbye. Defaults to 2 s.
	Quit time.Duration
}

func (t Timeouts) withDefaults() Timeouts {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&t.Dial, 2 * time.Minute},
		{&t.Connect, 15 * time.Second},
		{&t.Greeting, time.Minute},
		{&t.Command, time.Minute},
		{&t.Chunk, time.Minute},
		{&t.Dot, 5 * time.Minute},
		{&t.Transaction, 10 * time.Minute},
		{&t.Quit, 2 * time.Second},
	} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	return t
}
