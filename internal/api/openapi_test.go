package api

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// TestEveryRouteAnswersAsDescribed makes a real call to each route, as the
// served document describes it, and holds the answer against its schema.
func TestEveryRouteAnswersAsDescribed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	served := b.call("GET", "/openapi.json", "", "")
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(served.body))
	b.must(err)
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	b.must(compiler.AddResource("openapi.json", document))

	bodies := map[string]string{
		"holdProvider": `{"for": "2h", "note": "maintenance"}`, "capProvider": `{"per_second": 2.5}`,
		"releaseProvider": `{"note": "over"}`, "resetProvider": "", "pauseCampaign": `{}`,
		"setCampaignWindow": `{"hours": "08:00-20:00 mon-fri"}`, "addImage": dot, "describeImage": `{"alt": "A dot"}`,
		"addImport":   "email\nnew@north.test\nbroken\n",
		"addTemplate": `{"name": "Mill", "html": "<!doctype html><body>{{ content }}</body>"}`, "changeTemplate": `{"html": "<!doctype html><body><p>{{ content }}</body>"}`,
	}
	tried := 0
	for _, r := range routes() { // in the order of the table: a hold before its release, a pause before resume
		path := strings.NewReplacer("{provider}", "northmail.test", "{campaign}", fmt.Sprint(b.campaign), "{template}", "Mill", "{import}", "1", "{segment}", "Quiet%20for%20180%20days", "{image}", dotName).Replace(r.path)
		operation := at(document, "paths", r.path, lower(r.method)).(map[string]any)
		if operation["operationId"] != r.name {
			t.Errorf("%s %s is not described", r.method, r.path)
			continue
		}
		if r.name == "addImport" {
			path += "?list=Readers&dry_run=true"
		}
		a := b.call(r.method, path, b.operate, bodies[r.name])
		if a.StatusCode != http.StatusOK {
			t.Errorf("%s %s: %s\n%s", r.method, path, a.Status, a.body)
			continue
		}
		b.workImports() // a dry run is checked before it is carried out, and carried out before it is undone
		if kind, _, _ := strings.Cut(a.Header.Get("Content-Type"), ";"); kind == "text/csv" {
			if at(operation, "responses", "200", "content", kind) == nil {
				t.Errorf("%s %s: rows are not described", r.method, path)
			}
		} else {
			b.valid(compiler, at(operation, "responses", "200", "content", "application/json", "schema", "$ref"), a.body)
		}
		tried++

		refused := b.call(r.method, path, "", bodies[r.name])
		b.problem(refused, http.StatusUnauthorized, "token_missing")
		b.valid(compiler, at(operation, "responses", "default", "content", "application/problem+json", "schema", "$ref"), refused.body)
		if r.changes() {
			b.problem(b.call(r.method, path, b.read, bodies[r.name]), http.StatusForbidden, "scope_too_narrow")
		} else if a := b.call(r.method, path, b.read, ""); a.StatusCode != http.StatusOK {
			t.Errorf("%s %s with a token that may read: %s", r.method, path, a.Status)
		}
	}
	described := 0
	for _, operations := range at(document, "paths").(map[string]any) {
		described += len(operations.(map[string]any))
	}
	if tried != described || tried < 16 {
		t.Errorf("%d routes were tried, %d are described", tried, described)
	}
}

// at goes down in a document.
func at(value any, names ...string) any {
	for _, name := range names {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	return value
}

// valid holds a JSON text against a schema of the document.
func (b *bundle) valid(compiler *jsonschema.Compiler, reference any, text string) {
	b.Helper()
	schema, err := compiler.Compile("openapi.json" + reference.(string))
	b.must(err)
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	b.must(err)
	if err := schema.Validate(value); err != nil {
		b.Errorf("%s: %v\n%s", reference, err, text)
	}
}
