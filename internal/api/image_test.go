package api

import (
	"bytes"
	"image"
	"image/png"
	"net/http"
	"strings"
	"testing"

	"github.com/headwaymail/headway/campaign/picture"
)

// dot is a picture of one pixel, dotName what it is called.
var dot, dotName = func() (string, string) {
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 1, 1))); err != nil {
		panic(err)
	}
	p, err := picture.Read(b.Bytes())
	if err != nil {
		panic(err)
	}
	return b.String(), p.Name.String()
}()

func TestImages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	added := into[Image](t, b.call("POST", "/images", b.operate, dot, "Content-Type", "image/png"))
	if added.Name != dotName || added.Width != 1 || added.Bytes == 0 || !strings.HasSuffix(added.URL, "/i/"+dotName) {
		t.Errorf("%+v", added)
	}
	again := into[Image](t, b.call("POST", "/images", b.operate, dot))
	if again != added {
		t.Errorf("the same file is %+v", again)
	}
	p := b.problem(b.call("POST", "/images", b.operate, "<svg/>"), http.StatusUnprocessableEntity, "picture_refused")
	if !strings.Contains(p.Detail, "export it as PNG") {
		t.Error(p.Detail)
	}
	b.problem(b.call("POST", "/images", b.operate, dot+strings.Repeat("x", picture.MaxBytes)), http.StatusRequestEntityTooLarge, "body_too_large")
	b.problem(b.call("POST", "/images/"+dotName+"/describe", b.operate, `{"alt": "{{ name }}"}`), http.StatusUnprocessableEntity, "invalid_field")
	b.problem(b.call("POST", "/images/nothing/describe", b.operate, `{"alt": "x"}`), http.StatusNotFound, "not_found")
	b.exec(`update campaigns set content = content || jsonb_build_object('html', '/i/' || $1) where id = $2`, dotName, b.campaign)
	used := b.problem(b.call("POST", "/images/"+dotName+"/delete", b.operate, ""), http.StatusConflict, "in_use")
	if !strings.Contains(used.Detail, "campaign 1, Autumn") {
		t.Error(used.Detail)
	}
	key := []string{"Idempotency-Key", "upload-1"}
	first := b.call("POST", "/images", b.operate, dot, key...)
	second := b.call("POST", "/images", b.operate, dot, key...)
	if second.Header.Get("Idempotency-Replayed") != "true" || second.body != first.body {
		t.Errorf("made again: %s\n%s", second.Status, second.body)
	}
	b.problem(b.call("POST", "/images", b.operate, dot+"x", key...), http.StatusConflict, "idempotency_key_reused")
}

func TestTemplates(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const sheet = "<!doctype html><body>{{ content }}</body>"
	made := into[TemplateSource](t, b.call("POST", "/templates", b.operate, `{"name": "Mill", "html": "`+sheet+`"}`))
	if made.HTML != sheet || made.Name != "Mill" {
		t.Errorf("%+v", made)
	}
	p := b.problem(b.call("POST", "/templates", b.operate, `{"name": "Mill", "html": "`+sheet+`"}`), http.StatusUnprocessableEntity, "invalid_field")
	if p.Field != "name" {
		t.Errorf("%+v", p)
	}
	p = b.problem(b.call("POST", "/templates/Mill", b.operate, `{"html": "<p>{{ content }}"}`), http.StatusUnprocessableEntity, "invalid_field")
	if p.Field != "html" || !strings.Contains(p.Detail, "no whole HTML document") {
		t.Errorf("%+v", p)
	}
	renamed := into[TemplateSource](t, b.call("POST", "/templates/1", b.operate, `{"name": "Weir"}`))
	if renamed.Name != "Weir" || renamed.HTML != sheet {
		t.Errorf("%+v", renamed)
	}
	large := `<!doctype html><body>{{ content }}` + strings.Repeat("<p>leaves</p>", 4500) + `</body>` // 57 KB
	if a := b.call("POST", "/templates", b.operate, `{"name": "Large", "html": "`+large+`"}`); a.StatusCode != http.StatusOK {
		t.Errorf("a large one: %s\n%s", a.Status, a.body)
	}
	if list := into[Page[Template]](t, b.call("GET", "/templates?limit=1", b.read, "")); len(list.Items) != 1 || list.Next == "" || list.Items[0].Name != "Large" {
		t.Errorf("%+v", list)
	}
	b.problem(b.call("GET", "/templates/Mill", b.read, ""), http.StatusNotFound, "not_found")
}

func TestWindow(t *testing.T) {
	t.Parallel()
	b := setup(t)
	set := func(body string) answer { return b.call("POST", "/campaigns/1/window", b.operate, body) }
	if c := into[Campaign](t, set(`{"hours": "08:00-20:00 mon-fri"}`)); c.Window != "Monday to Friday, 08:00 to 20:00 Europe/Warsaw" {
		t.Errorf("%+v", c)
	}
	if c := into[Campaign](t, set(`{"hours": "09:00-17:00", "zone": "Asia/Tokyo"}`)); c.Window != "every day, 09:00 to 17:00 Asia/Tokyo" {
		t.Errorf("%+v", c)
	}
	for _, bad := range []string{`{"hours": "at noon"}`, `{}`, `{"hours": "08:00-20:00", "zone": "Mars/Base"}`} {
		b.problem(set(bad), http.StatusUnprocessableEntity, "invalid_field")
	}
	if c := into[Campaign](t, set(`{"hours": "always"}`)); c.Window != "" {
		t.Errorf("%+v", c)
	}
	b.exec(`update campaigns set settings = settings || '{"reader_time": {"field": "time_zone", "at": "2026-11-24 09:00", "zone": "UTC"}}'`)
	b.problem(set(`{"hours": "08:00-20:00"}`), http.StatusUnprocessableEntity, "invalid_field")
	b.exec(`update campaigns set state = 'finished', settings = settings - 'reader_time'`)
	b.problem(set(`{"hours": "08:00-20:00"}`), http.StatusConflict, "wrong_state")
}
