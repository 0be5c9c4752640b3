package smtpout

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestFailedHostIsTriedLast(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := internet{
			mx:    hosts("a.test", "b.test"),
			addrs: map[string][]string{"a.test": {"127.0.0.1"}, "b.test": {"127.0.0.2"}},
			hosts: map[string][]string{"127.0.0.2": good},
		}
		d := Dialer{LoopbackOnly: true}
		for i, step := range []struct {
			wait time.Duration
			want []string
		}{
			{0, []string{"127.0.0.1", "127.0.0.2"}},
			{59 * time.Second, []string{"127.0.0.2"}},
			{2 * time.Second, []string{"127.0.0.1", "127.0.0.2"}},  // remembered for twice as long now
			{119 * time.Second, []string{"127.0.0.2"}},             // still
			{2 * time.Second, []string{"127.0.0.1", "127.0.0.2"}},  // four minutes
			{239 * time.Second, []string{"127.0.0.2"}},             // still
			{2 * time.Hour, []string{"127.0.0.1", "127.0.0.2"}},    // all forgotten: a minute again
			{61 * time.Second, []string{"127.0.0.1", "127.0.0.2"}}, // two
		} {
			time.Sleep(step.wait)
			n.dial(t, &d)
			if diff := cmp.Diff(step.want, n.dialled); diff != "" {
				t.Errorf("step %d (-want +got):\n%s", i, diff)
			}
		}
		n.hosts = map[string][]string{"127.0.0.1": good}
		time.Sleep(2*time.Minute + time.Second)
		n.dial(t, &d)
		if d.Memory.shunned("a.test", time.Now()) || len(d.Memory.shuns) > 2 {
			t.Errorf("a host that works is still shunned: %v", d.Memory.shuns)
		}
	})
}

func TestBrokenTLSIsRemembered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		offer := []string{"S: 220 mx", "C: EHLO out.test", "S: 250-mx", "S: 250 STARTTLS"}
		n := internet{mx: hosts("a.test"), addrs: map[string][]string{"a.test": {"127.0.0.1"}}}
		d := Dialer{LoopbackOnly: true}
		next := func() []string { // breaks STARTTLS, goes on without it
			if len(n.dialled)%2 == 1 {
				return slices.Concat(offer, []string{"C: STARTTLS", "S: 220 go", "close"})
			}
			return slices.Concat(offer, []string{"C: QUIT", "S: 221 bye"})
		}
		n.script = next
		if host, f := n.dial(t, &d); host == "" || len(n.dialled) != 2 {
			t.Fatalf("%v after %d connections", f, len(n.dialled))
		}
		n.script = func() []string { return slices.Concat(offer, []string{"C: QUIT", "S: 221 bye"}) }
		if host, f := n.dial(t, &d); host == "" || len(n.dialled) != 1 {
			t.Fatalf("%v after %d connections", f, len(n.dialled))
		}
		time.Sleep(firstShun)
		n.script = next
		if host, f := n.dial(t, &d); host == "" || len(n.dialled) != 2 {
			t.Fatalf("%v after %d connections", f, len(n.dialled))
		}
	})
}

func TestPolicyOfOursShunsNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := internet{mx: hosts("a.test"), addrs: map[string][]string{"a.test": {"127.0.0.1"}}, hosts: map[string][]string{"127.0.0.1": {"S: 220 mx", "C: EHLO out.test", "S: 250 mx"}}}
		d := Dialer{LoopbackOnly: true, TLS: TLSPolicy{Mode: TLSRequired}}
		if _, f := n.dial(t, &d); !errors.Is(f, ErrNoTLS) || len(d.Memory.shuns) != 0 {
			t.Errorf("%v; shunned are %v", f, d.Memory.shuns)
		}
	})
}

func TestHostMemoryIsBounded(t *testing.T) {
	t.Parallel()
	var m HostMemory
	now := time.Unix(1_800_000_000, 0)
	for i := range 3 * mostShuns {
		m.failed(fmt.Sprint(i), now)
	}
	if n := len(m.shuns); n > mostShuns || n < mostShuns/2 {
		t.Errorf("%d entries", n)
	}
	m.failed("later", now.Add(time.Hour))
	m.sweep(now.Add(time.Hour))
	if len(m.shuns) != 1 {
		t.Errorf("%d entries, want only the fresh one", len(m.shuns))
	}
}
