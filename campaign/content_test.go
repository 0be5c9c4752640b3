package campaign

import "testing"

func TestFromDomain(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{"news@mill.test": "mill.test", "News@News.Mill.Test": "news.mill.test", `"a@b"@mill.test`: "mill.test"} {
		if got := (Content{FromAddress: address}).FromDomain(); got != want {
			t.Errorf("%s: %q; want %q", address, got, want)
		}
	}
}
