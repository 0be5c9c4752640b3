package web

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/headwaymail/headway/campaign/picture"
	"github.com/headwaymail/headway/internal/auth"
)

// upload sends files of some names, and the field alt when it is not empty.
func (b *bundle) upload(path, alt string, files map[string][]byte, header ...string) answer {
	b.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for name, data := range files {
		part, err := form.CreateFormFile("file", name)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := part.Write(data); err != nil {
			b.Fatal(err)
		}
	}
	if err := form.WriteField("alt", alt); err != nil {
		b.Fatal(err)
	}
	if err := form.Close(); err != nil {
		b.Fatal(err)
	}
	return b.do(http.MethodPost, b.site.URL+path, body.String(), append([]string{"Content-Type", form.FormDataContentType(), "Sec-Fetch-Site", "same-origin"}, header...)...)
}

// add uploads one image and returns its name.
func (b *bundle) add(file, alt string, data []byte, header ...string) string {
	b.Helper()
	a := b.upload("/images", alt, map[string][]byte{file: data}, header...)
	name, _, ok := strings.Cut(strings.TrimPrefix(a.Header.Get("Location"), "/images/"), "?added")
	if a.StatusCode != http.StatusSeeOther || !ok {
		b.Fatalf("upload of %s: %s\n%s", file, a.Status, a.body)
	}
	return name
}

// hills is a picture of some hills in the evening; tint makes another of it.
func hills(w, h int, tint uint8) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.RGBA{uint8(250 - 60*y/h), uint8(190 - 90*y/h), uint8(120 + int(tint)*y/h/2), 255}
			for k := range 4 {
				top := h*(45+13*k)/100 + (((x*(3+k)/2+137*k)%w-w/2)*((x*(3+k)/2+137*k)%w-w/2)*h/5)/(w*w/4+1)
				if y > top {
					c = color.RGBA{uint8(90 - 18*k), uint8(110 - 20*k + int(tint)/8), uint8(100 - 15*k), 255}
				}
			}
			m.SetRGBA(x, y, c)
		}
	}
	return m
}

func asPNG(m image.Image) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func asJPEG(m image.Image) []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func asGIF(frames ...image.Image) []byte {
	var b bytes.Buffer
	g := &gif.GIF{}
	for _, f := range frames {
		m := image.NewPaletted(f.Bounds(), color.Palette{color.White, color.Black, color.RGBA{10, 101, 86, 255}})
		draw.Draw(m, m.Bounds(), f, image.Point{}, draw.Src)
		g.Image, g.Delay = append(g.Image, m), append(g.Delay, 40)
	}
	if err := gif.EncodeAll(&b, g); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// An image is uploaded, put into a newsletter, seen in its preview, loaded by
// readers, and stays as long as a newsletter shows it.
func TestImages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.server.service.Config.Web.PublicURL = b.public.URL + "/"
	b.contains(b.get("/images"), "There is no image yet.")
	name := b.add(`C:\photos\Hills at "dusk".jpg`, "", asJPEG(hills(1600, 800, 0)))
	if _, ok := picture.ParseName(name); !ok || !strings.HasSuffix(name, "-1200x600.jpg") {
		t.Fatalf("it is called %q", name)
	}
	page := b.get("/images/" + name)
	b.contains(page, "<h1>Hills at &#34;dusk&#34;.jpg</h1>", "1,200 × 600, ", "![](/i/"+name+")", b.public.URL+"/i/"+name, "No campaign and no template.")
	b.contains(b.get("/images"), "No alt text", "Not shown yet", "/images/"+name+"/thumbnail")

	if a := b.post("/images/"+name, "alt=%7B%7B+name"); a.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(a.body, "would be taken for merge fields") {
		t.Errorf("Liquid in the words: %s\n%s", a.Status, a.body)
	}
	if a := b.post("/images/"+name, "alt=Hills+%5Bat+dusk%5D+%22%3E"); a.Header.Get("Location") != "/images/"+name+"?saved" {
		t.Fatalf("%s\n%s", a.Status, a.body)
	}
	b.contains(b.get("/images/"+name), `![Hills \[at dusk\] &#34;\&gt;](/i/`+name, `alt=&#34;Hills [at dusk] &amp;#34;&amp;gt;&#34;`)

	draft := b.write(newsletter("body", "# Hello\n\n![Hills](/i/"+name+")\n"))
	shown := fmt.Sprintf(`<img src="%s/i/%s" width="536" height="268" style="max-width:100%%;height:auto" alt="Hills">`, b.public.URL, name)
	b.contains(b.get(draft+"/preview/html"), shown)
	raw := strings.ReplaceAll(b.get(draft+"/preview?show=raw").body, "=\n", "")
	if !strings.Contains(raw, b.public.URL+"/i/"+name) {
		t.Error("the raw message does not show the image")
	}
	b.contains(b.get("/images/"+name), `<a href="`+draft+`">Autumn</a>`, "It cannot be deleted")
	if a := b.post("/images/"+name+"/delete", ""); a.StatusCode != http.StatusConflict || !strings.Contains(a.body, "Autumn") {
		t.Errorf("an image in use: %s\n%s", a.Status, a.body)
	}
	b.contains(b.get(draft+"/schedule"), "1 image, described in words.")

	b.post(draft+"/edit", newsletter("body", "![](/i/"+name+")").Encode())
	b.contains(b.get(draft+"/schedule"), "1 has no alt text")
	b.post(draft+"/delete", "")
	if a := b.post("/images/"+name+"/delete", ""); a.Header.Get("Location") != "/images" {
		t.Errorf("%s\n%s", a.Status, a.body)
	}
	for _, path := range []string{"/i/" + name, "/images/" + name, "/images/" + name + "/thumbnail"} {
		if a := b.do(http.MethodGet, b.site.URL+path, ""); a.StatusCode != http.StatusNotFound {
			t.Errorf("%s after it was deleted: %s", path, a.Status)
		}
	}
	lost := b.write(newsletter("body", "![Hills](/i/"+name+")"))
	b.contains(b.get(lost+"/schedule"), name+" is not there")
	if n := b.number(`select count(*) from audit_log where action in ('image.upload', 'image.describe', 'image.delete') and subject = 'image ' || $1`, name); n != 3 {
		t.Errorf("%d lines in the audit log", n)
	}
}

// What templates and finished campaigns show stays; what only a test showed does
// not.
func TestImagesInUse(t *testing.T) {
	t.Parallel()
	b := setup(t)
	name := b.add("logo.png", "The Mill", asPNG(hills(300, 100, 0)))
	gone := func() bool { return b.post("/images/"+name+"/delete", "").StatusCode == http.StatusSeeOther }
	b.post("/templates", "id=0&name=Mill&html="+`<!doctype html><body><img src="/i/`+name+`">{{+content+}}</body>`)
	b.contains(b.get("/images/"+name), `<a href="/templates/1">Mill</a>`)
	b.contains(b.get("/images"), "Shown by 1 template")
	if gone() {
		t.Error("a template lost its image")
	}
	b.contains(b.get("/templates/1/look"), "/i/"+name, `width="300" height="100"`)
	b.post("/templates/1/delete", "")
	b.exec(`insert into campaigns (name, state, content, settings, created_at, updated_at)
	        select 'Letter ' || k, 'finished', jsonb_build_object('html', '<img src="https://old.test/i/' || $1 || '">'), '{}', now(), now() from generate_series(1, 23) k`, name)
	b.contains(b.get("/images/"+name), "Letter 23", "And 3 more.")
	if gone() {
		t.Error("a finished campaign lost its image")
	}
	b.exec(`update campaigns set system = true`)
	if !gone() {
		t.Error("tests keep an image")
	}
}

func TestUploadsThatAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, test := range map[string]struct {
		file, words string
		data        []byte
	}{
		"SVG":          {"logo.png", "an SVG", []byte("<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>")},
		"words":        {"photo.jpg", "photo.jpg was not taken: The file is no picture", []byte("hello")},
		"too large":    {"photo.jpg", "12 MB is the most", append(asJPEG(hills(40, 40, 0)), make([]byte, picture.MaxBytes)...)},
		"a name":       {"<b>x.png", "&lt;b&gt;x.png was not taken", []byte("hello")},
		"nothing":      {"", "No file came with the form", nil},
		"empty":        {"a.png", "the file is empty", []byte{}},
		"half a photo": {"a.jpg", "damaged", asJPEG(hills(80, 80, 0))[:700]},
	} {
		t.Run(name, func(t *testing.T) {
			a := b.upload("/images", "", map[string][]byte{test.file: test.data})
			if a.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(strings.ToLower(a.body), strings.ToLower(test.words)) {
				t.Errorf("%s\n%s", a.Status, a.body)
			}
		})
	}
	some := b.upload("/images", "", map[string][]byte{"a.png": asPNG(hills(9, 9, 0)), "b.png": asPNG(hills(9, 9, 90)), "c.svg": []byte("<svg/>")})
	b.contains(some, "c.svg was not taken", "2 images are there now")
	if n := b.number(`select count(*) from images`); n != 2 {
		t.Errorf("%d images are there", n)
	}
	if a := b.post("/images", "file=x"); a.StatusCode != http.StatusBadRequest {
		t.Errorf("a form without files: %s", a.Status)
	}
	foreign := b.upload("/images", "", map[string][]byte{"a.png": asPNG(hills(9, 9, 7))}, "Sec-Fetch-Site", "cross-site")
	if foreign.StatusCode != http.StatusForbidden {
		t.Errorf("from another site: %s", foreign.Status)
	}
}

// Readers' programs may keep an image for good, ask for a part, and whether it has
// changed; and can make nothing else of it.
func TestPublicImage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	data := asGIF(hills(60, 40, 0), hills(60, 40, 200))
	name := b.add("dance.gif", "", data)
	path := b.public.URL + "/i/" + name
	a := b.do(http.MethodGet, path, "")
	for key, want := range map[string]string{"Content-Type": "image/gif", "Cache-Control": "public, max-age=31536000, immutable",
		"X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "cross-origin", "ETag": `"` + name + `"`, "Accept-Ranges": "bytes",
		"Content-Security-Policy": imagePolicy} {
		if got := a.Header.Get(key); got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
	if a.StatusCode != http.StatusOK || a.body != string(data) || len(a.Cookies()) > 0 {
		t.Errorf("%s, %d bytes of %d", a.Status, len(a.body), len(data))
	}
	head := b.do(http.MethodHead, path, "")
	if head.StatusCode != http.StatusOK || head.ContentLength != int64(len(data)) || head.body != "" || head.Header.Get("Content-Type") != "image/gif" {
		t.Errorf("HEAD: %s, %d bytes", head.Status, head.ContentLength)
	}
	for header, value := range map[string]string{"If-None-Match": a.Header.Get("ETag"), "If-Modified-Since": a.Header.Get("Last-Modified")} {
		if again := b.do(http.MethodGet, path, "", header, value); again.StatusCode != http.StatusNotModified || again.body != "" || again.Header.Get("Cache-Control") == "" {
			t.Errorf("%s: %s", header, again.Status)
		}
	}
	if part := b.do(http.MethodGet, path, "", "Range", "bytes=0-5"); part.StatusCode != http.StatusPartialContent || part.body != "GIF89a" {
		t.Errorf("a part: %s %q", part.Status, part.body)
	}
	for _, other := range []string{"/i/", "/i/1", "/i/" + strings.Repeat("a", 32) + "-60x40.gif", "/i/" + name + "x", "/i/" + strings.ToUpper(name),
		"/i/" + strings.Replace(name, "60x40", "61x40", 1), "/i/../" + name, "/i/" + name + "/thumbnail", "/images", "/images/" + name} {
		if a := b.do(http.MethodGet, b.public.URL+other, ""); a.StatusCode != http.StatusNotFound && a.StatusCode != http.StatusTemporaryRedirect && a.StatusCode != http.StatusMovedPermanently {
			t.Errorf("%s: %s", other, a.Status)
		}
	}
	if a := b.do(http.MethodPost, path, ""); a.StatusCode != http.StatusMethodNotAllowed || a.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %s, %s", a.Status, a.Header.Get("Allow"))
	}
}

func TestImagesAskForTheRole(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.post("/welcome", "address=ann%40mill.test&name=Ann&password=four+unrelated+words")
	owner := b.cookie("ann@mill.test")
	name := b.add("a.png", "", asPNG(hills(9, 9, 0)), "Cookie", owner)
	analyst := b.joined(owner, "cleo@mill.test", auth.Analyst)
	for _, path := range []string{"/images", "/images/" + name, "/images/" + name + "/thumbnail"} {
		b.get(path, "Cookie", analyst)
		if a := b.do(http.MethodGet, b.site.URL+path, ""); a.StatusCode != http.StatusSeeOther {
			t.Errorf("%s without a login: %s", path, a.Status)
		}
	}
	for _, path := range []string{"/images/" + name, "/images/" + name + "/delete"} {
		if a := b.post(path, "alt=x", "Cookie", analyst); a.StatusCode != http.StatusForbidden {
			t.Errorf("POST %s by an analyst: %s", path, a.Status)
		}
	}
	if a := b.upload("/images", "", map[string][]byte{"b.png": asPNG(hills(9, 9, 5))}, "Cookie", analyst); a.StatusCode != http.StatusForbidden {
		t.Errorf("upload by an analyst: %s", a.Status)
	}
}

func TestImagesPageByPage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const all = 2*imagesLength + 3
	b.exec(`insert into images (name, file_name, size, data, thumbnail, created_at, created_by)
	        select translate(lpad(k::text, 32, '0'), '0123456789', 'abcdefghij') || '-1x1.png', 'p' || k, 1, '', '', now() - (k / 3) * interval '1 second', 'x'
	          from generate_series(1, $1::int) k`, all)
	seen := map[string]bool{}
	pages := 0
	for path := "/images"; path != ""; pages++ {
		a := b.get(path)
		for _, found := range regexp.MustCompile(`id="image-([^"]+)"`).FindAllStringSubmatch(a.body, -1) {
			seen[found[1]] = true
		}
		path = ""
		if link := nextLink.FindStringSubmatch(a.body); link != nil {
			path = link[1]
		}
	}
	if len(seen) != all || pages != 3 {
		t.Errorf("%d images on %d pages, want %d on 3", len(seen), pages, all)
	}
}

// Beside a newsletter an image is uploaded and put in, without leaving the page;
// what was written is saved with it.
func TestInsertImageInABrowser(t *testing.T) {
	ctx := browser(t)
	b := setup(t)
	folder := t.TempDir()
	photo, drawing := filepath.Join(folder, "hills.jpg"), filepath.Join(folder, "logo.svg")
	for path, data := range map[string][]byte{photo: asJPEG(hills(900, 500, 0)), drawing: []byte("<svg/>")} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	draft := b.write(newsletter("body", "First\n\nLast"))
	do := func(actions ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		if err := chromedp.Do(ctx, actions...); err != nil {
			t.Fatal(err)
		}
	}
	do(chromedp.Navigate(b.site.URL+draft+"/edit"), chromedp.SetUploadFiles(chromedp.ID("image-file"), []string{drawing}), chromedp.Click(chromedp.ID("add-image")))
	b.until(ctx, `document.querySelector("#shelf .problem")?.textContent.includes("logo.svg was not taken: The file is an SVG") || document.querySelector("#shelf .problem")?.textContent.includes("the file is an SVG")`)
	do(chromedp.SetUploadFiles(chromedp.ID("image-file"), []string{photo}), chromedp.SendKeys(chromedp.ID("image-alt"), "Hills"), chromedp.Click(chromedp.ID("add-image")))
	b.until(ctx, `document.querySelector("#shelf .is-new") !== null && document.getElementById("image-alt").value === ""`)
	do(chromedp.Evaluate[chromedp.Void](`{ const body = document.getElementById("body"); body.focus(); body.setSelectionRange(7, 7); }`),
		chromedp.Click("#shelf [data-insert]"))
	b.until(ctx, `/^First\n\n!\[Hills\]\(\/i\/[a-z2-7]{32}-900x500\.jpg\)Last$/.test(document.getElementById("body").value.trim())`)
	b.until(ctx, `document.getElementById("saved-at").textContent.startsWith("Saved ")`)
	if n := b.number(`select count(*) from campaigns where images <> '{}'`); n != 1 {
		t.Error("the image was not saved with the newsletter")
	}
	do(chromedp.Click(`input[name="format"][value="html"]`), chromedp.Click("#shelf [data-insert]"))
	b.until(ctx, `document.getElementById("body").value.includes('alt="Hills">')`)
	// One that is pasted is uploaded and put in.
	do(chromedp.Evaluate[chromedp.Void](`{
		const canvas = document.createElement("canvas");
		canvas.width = 30; canvas.height = 20;
		canvas.toBlob(blob => {
			const data = new DataTransfer();
			data.items.add(new File([blob], "pasted.png", {type: "image/png"}));
			document.getElementById("body").dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true}));
		});
	}`))
	b.until(ctx, `/-30x20\.png" alt="">/.test(document.getElementById("body").value)`)
	b.picture(ctx, "compose-insert", b.site.URL+draft+"/edit")
}
