package smtpout

import (
	"testing"
)

func TestPolicyMetBy(t *testing.T) {
	t.Parallel()
	clearInfo := Info{Host: "mx.two.test"}
	encrypted := Info{Host: "mx.two.test", TLS: TLSInfo{Version: "TLSv1.3"}}
	verified := Info{Host: "mx.two.test", TLS: TLSInfo{Version: "TLSv1.3", Verified: true}}
	for _, tc := range []struct {
		policy TLSPolicy
		want   [3]bool // in the clear, encrypted, verified
	}{
		{TLSPolicy{}, [3]bool{true, true, true}},
		{TLSPolicy{Mode: TLSOff}, [3]bool{true, true, true}},
		{TLSPolicy{Mode: TLSRequired}, [3]bool{false, true, true}},
		{TLSPolicy{Mode: TLSVerified}, [3]bool{false, false, true}},
		{TLSPolicy{Mode: TLSVerified, Hosts: []string{"*.two.test"}}, [3]bool{false, false, true}},
		{TLSPolicy{Hosts: []string{"two.test", "*.test"}}, [3]bool{}},
		{TLSPolicy{Hosts: []string{"MX.two.test."}}, [3]bool{true, true, true}},
	} {
		got := [3]bool{tc.policy.MetBy(clearInfo), tc.policy.MetBy(encrypted), tc.policy.MetBy(verified)}
		if got != tc.want {
			t.Errorf("%+v: %v, want %v", tc.policy, got, tc.want)
		}
	}
}
