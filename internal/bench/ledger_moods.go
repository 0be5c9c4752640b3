package bench

import (
	"fmt"
	"hash/fnv"
	"strings"
	"sync"
	"time"
)

// readerAddress is the n-th address of [postgres.Store.FillForBench].
func readerAddress(n, domains int) string { return fmt.Sprintf("reader%d@d%d.test", n, n%domains) }

// The moods of a recipient's mailbox.
const (
	welcome = iota
	busyOnce
	greyOnce
	never
)

// mood decides by a hash of the address.
func mood(recipient string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(recipient))
	switch n := (h.Sum32() ^ h.Sum32()>>16) % 100; {
	case n < 20:
		return busyOnce
	case n < 40:
		return greyOnce
	case n < 42:
		return never
	}
	return welcome
}

// moody answers by the recipient's mood.
func moody() func(string) string {
	var mu sync.Mutex
	seen := make(map[string]bool)
	return func(recipient string) string {
		mu.Lock()
		again := seen[recipient]
		seen[recipient] = true
		mu.Unlock()
		switch m := mood(recipient); {
		case m == never:
			return "550 5.1.1 User unknown"
		case m == busyOnce && !again:
			return "421 4.3.2 Service not available, try again later"
		case m == greyOnce && !again:
			return "450 4.2.0 Mailbox busy, try again later"
		}
		return ""
	}
}

// tight lets the last domain have a few messages a second.
func tight() func(string) string {
	var mu sync.Mutex
	tokens, at := float64(slowRate), time.Now()
	slow := fmt.Sprintf("@d%d.test", ledgerDomains-1)
	return func(recipient string) string {
		if !strings.HasSuffix(recipient, slow) {
			return ""
		}
		mu.Lock()
		defer mu.Unlock()
		now := time.Now()
		tokens = min(slowRate, tokens+slowRate*now.Sub(at).Seconds())
		at = now
		if tokens < 1 {
			return "421 4.7.0 Too many messages, try again later"
		}
		tokens--
		return ""
	}
}
