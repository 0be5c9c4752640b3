package api

import (
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strconv"

	"github.com/headwaymail/headway/internal/service"
)

// describe makes the OpenAPI 3.1 document of a table of routes.
func describe(all []route) object {
	types := &schemas{components: object{}}
	problem := types.of(reflect.TypeFor[Problem]())
	paths := object{}
	for _, r := range all {
		path, ok := paths[r.path].(object)
		if !ok {
			path = object{}
			paths[r.path] = path
		}
		operation := object{
			"operationId": r.name, "summary": r.summary, "security": []any{object{"token": []string{r.scope}}},
			"tags":       []string{tagOf(r.path)},
			"parameters": parameters(r),
			"responses": object{
				strconv.Itoa(http.StatusOK): object{"description": "Done.", "content": answerOf(types, r)},
				"default": object{"description": "A problem (RFC 9457).",
					"content": object{"application/problem+json": object{"schema": problem}}},
			},
		}
		if _, isFile := r.body.(File); isFile || r.streams() {
			operation["requestBody"] = object{"required": true, "content": object{"*/*": object{"schema": object{"type": "string", "format": "binary"}}}}
		} else if r.body != nil {
			operation["requestBody"] = object{"required": false,
				"content": object{"application/json": object{"schema": types.of(reflect.TypeOf(r.body))}}}
		}
		path[lower(r.method)] = operation
	}
	return object{
		"openapi": "3.1.0",
		"info": object{"title": "Headway", "version": "1",
			"description": "Providers, campaigns, the queue, the delivery report, lists, imports, segments, templates and images of one installation. Names are in snake_case, times in UTC (RFC 3339), rates in messages a second. " +
				"Collections come in parts: pass the field next as the parameter cursor to get the next one. " +
				"Calls that change something take an Idempotency-Key, except the upload of contacts: the same call made again within a day gets the same answer.",
			"license": object{"name": "Apache-2.0", "identifier": "Apache-2.0"}},
		"servers": []any{object{"url": Prefix}},
		"paths":   paths,
		"components": object{"schemas": types.components, "securitySchemes": object{"token": object{
			"type": "http", "scheme": "bearer",
			"description": "Made by `headway token create`. The scope " + service.ScopeRead + " looks, " + service.ScopeOperate + " also changes."}}},
	}
}

// answerOf describes what a route answers.
func answerOf(types *schemas, r route) object {
	if _, rows := r.answer.(CSV); rows {
		return object{"text/csv": object{"schema": object{"type": "string"}}}
	}
	return object{"application/json": object{"schema": types.of(reflect.TypeOf(r.answer))}}
}

var pathParameter = regexp.MustCompile(`\{(\w+)\}`)

// parameterWords says what the parameters of paths are.
var parameterWords = map[string]struct{ kind, words string }{
	"provider": {"string", "The key of a provider, such as google; its number, or one of its domains, will do as well."},
	"campaign": {"integer", "The number of a campaign."},
	"segment":  {"string", "The name of a segment; its number will do as well."},
	"template": {"string", "The name of a template; its number will do as well."},
	"import":   {"integer", "The number of an import."},
	"image":    {"string", "The name of an image, which holds its size and ends with its kind."},
}

func parameters(r route) []any {
	all := []any{}
	for _, found := range pathParameter.FindAllStringSubmatch(r.path, -1) {
		about := parameterWords[found[1]]
		all = append(all, object{"name": found[1], "in": "path", "required": true,
			"description": about.words, "schema": object{"type": about.kind}})
	}
	if r.paged {
		all = append(all,
			object{"name": "limit", "in": "query", "description": "How many items the part has at most.",
				"schema": object{"type": "integer", "minimum": 1, "maximum": pageMost, "default": pageDefault}},
			object{"name": "cursor", "in": "query", "description": "The field next of the part before.", "schema": object{"type": "string"}})
	}
	if r.spans() {
		all = append(all, object{"name": "days", "in": "query", "description": "How far back the campaigns began.",
			"schema": object{"type": "integer", "minimum": 1, "maximum": daysMost, "default": daysDefault}})
	}
	for _, p := range r.parameters() {
		all = append(all, p.describe())
	}
	if r.changes() && !r.streams() {
		all = append(all, object{"name": idempotencyHeader, "in": "header",
			"description": "Any text that is used for this call only, such as a UUID.",
			"schema":      object{"type": "string", "maxLength": longestKey}})
	}
	return all
}

// describe describes a parameter of the query.
func (p parameter) describe() object {
	text := object{"type": "string"}
	if p.values != nil {
		text["enum"] = p.values
	}
	about := object{"name": p.name, "in": "query", "description": p.words, "schema": text}
	if p.required {
		about["required"] = true
	}
	if p.repeatable {
		about["schema"] = object{"type": "array", "items": text}
	}
	return about
}

var firstWord = regexp.MustCompile(`^/(\w+)`)

// tagOf groups operations by the first word of their path.
func tagOf(path string) string { return firstWord.FindStringSubmatch(path)[1] }

// lower writes a method as OpenAPI does.
func lower(method string) string {
	if method == http.MethodGet {
		return "get"
	}
	return "post"
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
