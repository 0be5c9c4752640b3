package smtpout

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

// TestLastLook goes past all earlier looks, to the moment of connecting.
func TestLastLook(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		address  string
		loopback bool
		want     error
	}{
		{"192.0.2.1:25", true, ErrOutsideLoopback},
		{"[2001:db8::1]:25", true, ErrOutsideLoopback},
		{"127.0.0.1:25", false, ErrUnroutable},
		{"[::1]:25", false, ErrUnroutable},
		{"10.0.0.1:25", false, ErrUnroutable},
	} {
		d := &Dialer{LoopbackOnly: tc.loopback}
		dialer := net.Dialer{Control: d.guard(false), Timeout: time.Second}
		conn, err := dialer.DialContext(t.Context(), "tcp", tc.address)
		if err == nil {
			conn.Close()
		}
		if !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", tc.address, err, tc.want)
		}
		d.timeouts = Timeouts{}.withDefaults()
		if _, err := d.connect(t.Context(), netip.MustParseAddrPort(tc.address), false); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", tc.address, err, tc.want)
		}
	}
}

func TestAdmit(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string][2]error{ // on the Internet, in the sandbox
		"127.0.0.1":        {ErrUnroutable, nil},
		"127.255.255.254":  {ErrUnroutable, nil},
		"::1":              {ErrUnroutable, nil},
		"::ffff:127.0.0.1": {ErrUnroutable, nil},
		"128.0.0.1":        {nil, ErrOutsideLoopback},
		"::ffff:10.0.0.1":  {ErrUnroutable, ErrOutsideLoopback},
		"8.8.8.8":          {nil, ErrOutsideLoopback},
		"2a00:1450::1a":    {nil, ErrOutsideLoopback},
		"0.0.0.0":          {ErrUnroutable, ErrOutsideLoopback},
		"0.1.2.3":          {ErrUnroutable, ErrOutsideLoopback},
		"10.1.2.3":         {ErrUnroutable, ErrOutsideLoopback},
		"172.16.0.1":       {ErrUnroutable, ErrOutsideLoopback},
		"192.168.1.1":      {ErrUnroutable, ErrOutsideLoopback},
		"100.64.0.1":       {ErrUnroutable, ErrOutsideLoopback},
		"169.254.169.254":  {ErrUnroutable, ErrOutsideLoopback},
		"192.0.2.1":        {ErrUnroutable, ErrOutsideLoopback},
		"198.18.0.1":       {ErrUnroutable, ErrOutsideLoopback},
		"224.0.0.1":        {ErrUnroutable, ErrOutsideLoopback},
		"255.255.255.255":  {ErrUnroutable, ErrOutsideLoopback},
		"::":               {ErrUnroutable, ErrOutsideLoopback},
		"fe80::1":          {ErrUnroutable, ErrOutsideLoopback},
		"fd00::1":          {ErrUnroutable, ErrOutsideLoopback},
		"ff02::1":          {ErrUnroutable, ErrOutsideLoopback},
		"2001:db8::1":      {ErrUnroutable, ErrOutsideLoopback},
	} {
		a := netip.MustParseAddr(addr)
		if err := Admit(a, false); !errors.Is(err, want[0]) {
			t.Errorf("%s on the Internet: %v", addr, err)
		}
		if err := Admit(a, true); !errors.Is(err, want[1]) {
			t.Errorf("%s in the sandbox: %v", addr, err)
		}
	}
}

func TestUnroutableMailHosts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := internet{mx: hosts("a.test", "b.test"), addrs: map[string][]string{"a.test": {"127.0.0.1", "::1"}, "b.test": {"10.0.0.1"}}}
		_, f := n.dial(t, &Dialer{})
		if !errors.Is(f, ErrUnroutable) || !f.Permanent || f.Reason() != "mx_unroutable" || len(n.dialled) != 0 {
			t.Errorf("got %v (permanent %v, %q) after %v", f, f.Permanent, f.Reason(), n.dialled)
		}
		want := "route b.test for two.test: 5.1.2 10.0.0.1: the address of the mail host is not reachable over the Internet"
		if len(f.Earlier) != 1 || f.Earlier[0].Error() != want {
			t.Errorf("earlier failures %v, want %s", f.Earlier, want)
		}
	})
}
