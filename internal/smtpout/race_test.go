package smtpout

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// An address that hangs delays the next one of its host by the stagger, not by
// the time-out; hosts keep their order; of several that connect one is kept.
func TestRace(t *testing.T) {
	t.Parallel()
	gone := []string{} // a connection that is closed without a word
	for name, tc := range map[string]struct {
		addrs   []string
		slow    string
		hosts   map[string][]string
		addr    string // that took the session; empty: none
		took    time.Duration
		dialled []string
		shunned []string
	}{
		"the first hangs": {
			addrs: []string{"127.0.0.1", "127.0.0.2"}, hosts: map[string][]string{"127.0.0.1": blackhole, "127.0.0.2": good},
			addr: "127.0.0.2", took: time.Second, dialled: []string{"127.0.0.1", "127.0.0.2"}, shunned: []string{"127.0.0.1"},
		},
		"two hang": {
			addrs: []string{"127.0.0.1", "127.0.0.2", "127.0.0.3"},
			hosts: map[string][]string{"127.0.0.1": blackhole, "127.0.0.2": blackhole, "127.0.0.3": good},
			addr:  "127.0.0.3", took: 2 * time.Second, dialled: []string{"127.0.0.1", "127.0.0.2", "127.0.0.3"},
			shunned: []string{"127.0.0.1", "127.0.0.2"},
		},
		"a refusal is not waited for": {
			addrs: []string{"127.0.0.1", "127.0.0.2"}, hosts: map[string][]string{"127.0.0.2": good},
			addr: "127.0.0.2", dialled: []string{"127.0.0.1", "127.0.0.2"}, shunned: []string{"127.0.0.1"},
		},
		"one that connects too late is closed": {
			addrs: []string{"127.0.0.1", "127.0.0.2"}, slow: "127.0.0.1",
			hosts: map[string][]string{"127.0.0.1": gone, "127.0.0.2": good},
			addr:  "127.0.0.2", took: 3 * time.Second, dialled: []string{"127.0.0.1", "127.0.0.2"}, shunned: []string{"127.0.0.1"},
		},
		"the winner says nothing": {
			addrs: []string{"127.0.0.1", "127.0.0.2"}, hosts: map[string][]string{"127.0.0.1": {"close"}, "127.0.0.2": good},
			addr: "127.0.0.2", dialled: []string{"127.0.0.1", "127.0.0.2"}, shunned: []string{"127.0.0.1"},
		},
		"all hang": {
			addrs: []string{"127.0.0.1", "127.0.0.2"}, hosts: map[string][]string{"127.0.0.1": blackhole, "127.0.0.2": blackhole},
			took: 16 * time.Second, dialled: []string{"127.0.0.1", "127.0.0.2"}, shunned: []string{"127.0.0.1", "127.0.0.2", "a.test"},
		},
		"more than are ever tried": {
			addrs:   []string{"127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5", "127.0.0.6", "127.0.0.7", "127.0.0.8", "127.0.0.9"},
			dialled: []string{"127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5", "127.0.0.6", "127.0.0.7", "127.0.0.8"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				n := internet{hosts: tc.hosts, slow: tc.slow, played: make(chan error, 20), left: make(chan struct{})}
				defer close(n.left)
				d := &Dialer{LoopbackOnly: true, HELO: "out.test", Resolver: &n, Connect: n.connect}
				d.once.Do(d.prepare)
				s := &search{d: d, domain: "two.test"}
				var addrs []netip.Addr
				for _, addr := range tc.addrs { // in their order: addrs shuffles
					addrs = append(addrs, netip.MustParseAddr(addr))
				}
				started := time.Now()
				session, _ := s.tryAll(t.Context(), "a.test", addrs)
				if took := time.Since(started); took != tc.took {
					t.Errorf("took %s, want %s", took, tc.took)
				}
				if (session != nil) != (tc.addr != "") || session != nil && session.Info().Addr.Addr().String() != tc.addr {
					t.Errorf("session %+v, want one with %q", session, tc.addr)
				}
				if session != nil {
					session.Close(t.Context())
				}
				if diff := cmp.Diff(tc.dialled, n.dialled); diff != "" {
					t.Errorf("addresses (-want +got):\n%s", diff)
				}
				for _, key := range tc.shunned {
					if !d.Memory.shunned(key, time.Now()) {
						t.Errorf("%s is not remembered as one that failed", key)
					}
				}
			})
		})
	}
}
