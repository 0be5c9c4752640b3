package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestOwnTemplates(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.contains(b.get("/templates"), "There is none yet.")
	b.contains(b.get("/templates/new"), "{{ content }}")
	const sheet = `<!doctype html><html><body><h1>The Mill <em>weekly</em></h1>{{ content }}</body></html>`
	save := func(id, name, html string) answer {
		return b.post("/templates", url.Values{"id": {id}, "name": {name}, "html": {html}}.Encode())
	}
	bad := save("0", "Mill", "<p>{{ content }}</p>")
	if bad.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("a fragment: %s", bad.Status)
	}
	b.contains(bad, "Not saved: The layout is no whole HTML document.", "&lt;p&gt;{{ content }}&lt;/p&gt;")
	b.contains(save("0", " ", sheet), "A template needs a name of its own.")
	made := save("0", "Mill", sheet)
	if made.StatusCode != http.StatusSeeOther || made.Header.Get("Location") != "/templates/1?saved" {
		t.Fatalf("%s %s\n%s", made.Status, made.Header.Get("Location"), made.body)
	}
	b.contains(save("0", "Mill", sheet), "is taken")
	b.contains(b.get("/templates/1"), `sandbox title="A sample newsletter`)
	look := b.get("/templates/1/look?dark=1")
	b.contains(look, "The Mill <em>weekly</em>", "Dear reader")
	if policy := look.Header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "sandbox;") {
		t.Error(policy)
	}

	b.contains(b.get("/campaigns/new"), `value="template:1"`, "your template")
	path := b.write(newsletter("layout", "template:1"))
	b.contains(b.get(path+"/edit"), `value="template:1" checked`)
	b.contains(b.get(path+"/preview/html"), "The Mill <em>weekly</em>", "Hello friend")
	save("1", "Mill", strings.Replace(sheet, "weekly", "daily", 1))
	b.contains(b.get(path+"/preview/html"), "weekly") // its copy, until it is saved again
	b.post(path+"/edit", newsletter("layout", "template:1").Encode())
	b.contains(b.get(path+"/preview/html"), "daily")
	if a := b.post("/templates/1/delete", ""); a.StatusCode != http.StatusSeeOther {
		t.Error(a.Status)
	}
	b.post(path+"/edit", newsletter("layout", "template:1", "subject", "Other leaves").Encode())
	b.contains(b.get(path+"/edit"), "A template that was deleted")
	b.contains(b.get(path+"/preview/html"), "daily")
	other := b.write(newsletter("layout", "template:1"))
	b.contains(b.get(other+"/edit"), `value="letter" checked`)
	if n := b.number(`select count(*) from audit_log where action like 'template.%'`); n != 3 {
		t.Errorf("%d lines in the audit log", n)
	}
}
