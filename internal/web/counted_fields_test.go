package web

import (
	"net/http"
	"testing"
)

// A link with merge fields leads each reader to their own page of the site that
// the editor wrote, and is counted as one.
func TestAPersonalLinkIsCounted(t *testing.T) {
	t.Parallel()
	b, id, done := counting(t)
	numbers, err := b.store.LinkNumbers(t.Context(), id, []string{"https://shop.test/?id={{ id }}&mail={{ email }}", "https://shop.test/{{ id }}?n=1"})
	if err != nil {
		t.Fatal(err)
	}
	b.exec(`update contacts set fields = jsonb_build_object('id', 'n ' || id)`)
	b.exec(`update contacts set fields = '{"id": "//evil.test/\r\nLocation: https://evil.test/@"}' where id = 3`)
	b.exec(`delete from contacts where id = 4`)
	for _, test := range []struct {
		contact int64
		number  int
		want    string
	}{
		{1, numbers[0], "https://shop.test/?id=n%201&mail=reader1%40d1-2.test"},
		{2, numbers[0], "https://shop.test/?id=n%202&mail=reader2%40d1-3.test"},
		{2, numbers[1], "https://shop.test/n%202?n=1"},
		{3, numbers[0], "https://shop.test/?id=%2F%2Fevil.test%2F%0D%0ALocation%3A%20https%3A%2F%2Fevil.test%2F%40&mail=reader3%40d1-1.test"},
		{4, numbers[0], "https://shop.test/?id=&mail="},
	} {
		for range 2 { // the second from memory
			a := b.do(http.MethodGet, b.clickLink(id, test.contact, uint64(test.number)), "", "User-Agent", chromeAgent)
			if a.StatusCode != http.StatusFound || a.Header.Get("Location") != test.want {
				t.Errorf("contact %d: %s to %q, want %q", test.contact, a.Status, a.Header.Get("Location"), test.want)
			}
		}
	}
	done()
	b.contains(b.get("/campaigns/1/report"), "https://shop.test/?id={{ id }}&amp;mail={{ email }}")
	if n := b.number(`select readers from campaign_engagement where kind = 'click' and link = $1 and not machine`, numbers[0]); n != 3 {
		t.Errorf("%d readers are counted, want 3", n)
	}
}
