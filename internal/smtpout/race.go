package smtpout

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// stagger is how long an address may hang before the next one of the same host
// is tried beside it (RFC 8305 §5 has people wait 250 ms; mail can, and should
// not open connections in vain).
const stagger = time.Second

// heat is what came of connecting to the addresses of one host.
type heat struct {
	conn   net.Conn // the first to connect; nil: none did
	at     int      // its place among the addresses
	errs   []error  // of those that failed, by place
	passed []bool   // those that still hung when another had connected
}

// race connects to addresses in their order: the next one as soon as one has
// failed, or beside those that hang. The first to connect wins; what the others
// come to is closed without a word before race returns.
func (d *Dialer) race(ctx context.Context, addresses []netip.AddrPort, relay bool) heat {
	type result struct {
		at   int
		conn net.Conn
		err  error
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	results := make(chan result)
	h := heat{errs: make([]error, len(addresses)), passed: make([]bool, len(addresses))}
	begun, ended := 0, 0
	timer := time.NewTimer(stagger)
	defer timer.Stop()
	begin := func() {
		if begun < len(addresses) && h.conn == nil {
			go func(at int) {
				conn, err := d.connect(ctx, addresses[at], relay)
				results <- result{at, conn, err}
			}(begun)
			h.passed[begun] = true
			begun++
			timer.Reset(stagger)
		}
	}
	begin()
	for ended < begun {
		select {
		case r := <-results:
			ended++
			switch {
			case r.err == nil && h.conn == nil:
				h.conn, h.at, h.passed[r.at] = r.conn, r.at, false
				stop()
			case r.err == nil:
				r.conn.Close()
			case h.conn == nil:
				h.errs[r.at], h.passed[r.at] = r.err, false
				begin()
			}
		case <-timer.C:
			begin()
		}
	}
	return h
}
