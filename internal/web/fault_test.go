package web

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/headwaymail/headway/campaign"
)

// What is no text is the fault of whoever sent it.
func TestUnwritableText(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.sample(5)
	for _, path := range []string{"/campaigns?search=%00", "/campaigns?search=%ff", "/campaigns/1/report?q=%00", "/lists/1/members?q=%00", "/suppressions?q=%00", "/contacts?q=%00"} {
		if a := b.do(http.MethodGet, b.site.URL+path, ""); a.StatusCode >= 500 {
			t.Errorf("%s: %s", path, a.Status)
		}
	}
	for path, form := range map[string]string{"/lists": "name=a%00b", "/contacts/1/suppress": "note=%00"} {
		if a := b.post(path, form); a.StatusCode != http.StatusBadRequest && a.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: %s", path, a.Status)
		}
	}
}

// Whoever is refused because things have moved on is led to where they stand.
func TestWayBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.sample(5)
	a := b.do(http.MethodGet, fmt.Sprintf("%s/campaigns/%d/edit", b.site.URL, id), "")
	if a.StatusCode != http.StatusConflict {
		t.Fatal(a.Status)
	}
	b.contains(a, fmt.Sprintf(`id="back" href="/campaigns/%d">To the campaign`, id))
	if a := b.do(http.MethodGet, b.site.URL+"/campaigns/77/edit", ""); strings.Contains(a.body, `id="back"`) {
		t.Error("there is a way back to what does not exist")
	}
}

// A button that is pressed twice does its work once, and the second answer is not
// an error.
func TestPressedTwice(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.sample(5)
	before := b.number(`select count(*) from campaigns where state = 'sending'`)
	a := b.post(fmt.Sprintf("/campaigns/%d/schedule", id), "when=now")
	if want := fmt.Sprintf("/campaigns/%d", id); a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != want {
		t.Errorf("%s to %q, want %s", a.Status, a.Header.Get("Location"), want)
	}
	if n := b.number(`select count(*) from campaigns where state = 'sending'`); n != before {
		t.Errorf("%d campaigns are sending, %d before", n, before)
	}
}

// An upload of nothing gives the form back, and says what it lacks.
func TestUploadOfNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	body, kind := fileForm(t, "", "step", "columns", "list", "Fair", "pasted", " ")
	body = strings.Replace(body, `name="file"; filename="people.csv"`, `name="nothing"`, 1)
	a := b.post("/imports", body, "Content-Type", kind)
	if a.StatusCode != http.StatusUnprocessableEntity {
		t.Fatal(a.Status)
	}
	b.contains(a, "Choose a file, or paste some addresses.", `name="list" value="Fair"`, `id="pasted"`)
}

// A draft has no figures, which is not the same as none.
func TestDraftsHaveNoFigures(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.sample(5)
	launched := b.get("/campaigns")
	b.contains(launched, `data-label="Recipients">5<`, `data-label="Bounced">0<`)
	b.draft("Winter letter")
	both := b.get("/campaigns")
	if n, before := strings.Count(both.body, ">0<"), strings.Count(launched.body, ">0<"); n != before || !strings.Contains(both.body, ">–<") {
		t.Errorf("a draft has figures:\n%s", both.body)
	}
}

// What an analyst may look at stands beside what an analyst may not do, and only
// the latter is hidden.
func TestAnalystsFindTheReport(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.sample(5)
	b.progress(id, 0, campaign.Delivered, 5, "")
	b.contains(b.get(fmt.Sprintf("/campaigns/%d", id)), `class="button looks" id="to-report"`, `looks" id="do-preview"`)
	b.contains(b.get("/domains"), `class="button looks" href="/domains.csv?for=30d"`)
	b.contains(b.get(fmt.Sprintf("/campaigns/%d/report", id)), fmt.Sprintf(`class="button looks" href="/campaigns/%d/report?format=csv"`, id))
	b.contains(b.get("/lists/1"), `class="button looks" id="to-members"`)
}
