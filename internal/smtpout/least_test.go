package smtpout

import (
	"errors"
	"testing"
)

// A campaign that asks for encryption gets a session with it or none, and no
// session that was opened for others without.
func TestLeastEncryption(t *testing.T) {
	t.Parallel()
	certificate()
	box := &mailbox{mail: make(map[string]string)}
	clear := &Dialer{Resolver: serveDNS(t), Port: serveMail(t, box, false), HELO: "out.test", LoopbackOnly: true}
	encrypted := &Dialer{Resolver: serveDNS(t), Port: serveMail(t, box, true), HELO: "out.test", LoopbackOnly: true}
	for _, least := range []TLSMode{TLSRequired, TLSVerified} {
		if _, err := clear.Dial(t.Context(), "two.test", least); !errors.Is(err, ErrNoTLS) || err.(*Failure).Permanent {
			t.Errorf("in the clear with mode %d: %v", least, err)
		}
	}
	for _, tc := range []struct {
		d      *Dialer
		serves map[TLSMode]bool
	}{
		{clear, map[TLSMode]bool{TLSOpportunistic: true, TLSRequired: false, TLSVerified: false}},
		{encrypted, map[TLSMode]bool{TLSOpportunistic: true, TLSRequired: true, TLSVerified: false}},
	} {
		session, err := tc.d.Dial(t.Context(), "two.test", TLSOpportunistic)
		if err != nil {
			t.Fatal(err)
		}
		for least, want := range tc.serves {
			if got := tc.d.Serves(t.Context(), session, "two.test", least); got != want {
				t.Errorf("%s serves mode %d: %v", session.Info().TLS, least, got)
			}
		}
		session.Close(t.Context())
	}
}
