package api

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headwaymail/headway/internal/service"
)

func TestOverruleByProgram(t *testing.T) {
	t.Parallel()
	b := setup(t)
	dry := into[Overruled](t, b.call("POST", "/providers/northmail.test/hold", b.operate, `{"for":"2h","dry_run":true}`))
	if dry.Done || dry.Waiting != 40 || dry.Ending != 3 || !strings.Contains(dry.Words, "40 messages wait for Northmail. Held until ") ||
		!strings.Contains(dry.Words, "nothing is sent there until then") ||
		!strings.Contains(dry.Words, "3 messages reach the end of their lifetime before that.") {
		t.Errorf("preview: %+v", dry)
	}
	if p := into[Provider](t, b.call("GET", "/providers/northmail.test", b.read, "")); p.Paces[0].HeldByHand {
		t.Error("a dry run held the provider")
	}

	until := time.Now().Add(3 * time.Hour).UTC().Truncate(time.Second)
	body := fmt.Sprintf(`{"until":%q,"note":"ticket 4711"}`, until.Format(time.RFC3339))
	held := into[Overruled](t, b.call("POST", "/providers/Northmail/hold", b.operate, body))
	pace := held.Provider.Paces[0]
	if !held.Done || held.Provider.State != "held" || !pace.HeldByHand || !pace.HoldUntil.Equal(until) || pace.PerSecond != 0 ||
		!strings.Contains(pace.Reason, "(ticket 4711; by operator, API)") {
		t.Errorf("held: %+v", held)
	}
	events := into[Page[PaceEvent]](t, b.call("GET", "/providers/1/events?limit=1", b.read, ""))
	if e := events.Items[0]; e.Kind != "hold" || e.Now != 0 || !strings.Contains(e.Reason, "ticket 4711; by operator, API") || events.Next == "" {
		t.Errorf("event: %+v", events)
	}
	audit, err := b.store.Audit(context.Background(), "provider northmail.test", 5)
	b.must(err)
	if len(audit) != 1 || audit[0].Actor != "operator" || audit[0].Door != "API" || audit[0].Action != "provider.hold" || audit[0].Note != "ticket 4711" {
		t.Errorf("audit: %+v", audit)
	}

	released := into[Overruled](t, b.call("POST", "/providers/north.test/release", b.operate, "")) // by a domain of its
	if released.Provider.State == "held" || released.Provider.Paces[0].PerSecond == 0 {
		t.Errorf("released: %+v", released)
	}
	capped := into[Overruled](t, b.call("POST", "/providers/harbor.example/cap", b.operate, `{"per_second":0.5}`))
	if p := capped.Provider.Paces; len(p) != 1 || p[0].Cap != 0.5 || p[0].PerSecond != 0.5 { // it had no pace yet
		t.Errorf("capped: %+v", capped)
	}
	forgotten := into[Overruled](t, b.call("POST", "/providers/harbor.example/reset", b.operate, ""))
	if p := forgotten.Provider.Paces[0]; p.Cap != 0 || p.PerSecond != 4 {
		t.Errorf("reset: %+v", forgotten)
	}
}

func TestMistakesAreNamed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const hold = "/providers/northmail.test/hold"
	for name, tt := range map[string]struct {
		method, path, body string
		status             int
		code, field, words string
	}{
		"no JSON":           {"POST", hold, "{\n  \"for\" 2h}", 400, "invalid_body", "", "line 2, column 9: what follows is not JSON"},
		"unknown field":     {"POST", hold, "{\"for\": \"2h\",\n \"nte\": \"x\"}", 400, "invalid_body", "nte", `line 2, column 2: there is no field "nte"; known are dry_run, for, note, source, until`},
		"twice":             {"POST", hold, `{"for":"2h","for":"3h"}`, 400, "invalid_body", "for", "given twice"},
		"wrong kind":        {"POST", hold, `{"for":2}`, 400, "invalid_body", "for", `line 1, column 2: the field "for" must be a string`},
		"null":              {"POST", hold, `{"for":null}`, 400, "invalid_body", "for", "must be a string"},
		"no time":           {"POST", hold, `{"until":"soon"}`, 400, "invalid_body", "until", "must be a time such as"},
		"two objects":       {"POST", hold, `{"for":"2h"} {}`, 400, "invalid_body", "", "something stands after the object"},
		"list":              {"POST", hold, `["2h"]`, 400, "invalid_body", "", "must be a JSON object"},
		"no end":            {"POST", hold, `{}`, 422, "invalid_field", "until", "a hold needs an end"},
		"both":              {"POST", hold, `{"for":"2h","until":"2099-01-01T00:00:00Z"}`, 422, "invalid_field", "until", "exclude each other"},
		"no span":           {"POST", hold, `{"for":"soon"}`, 422, "invalid_field", "for", "write it like 45m"},
		"past":              {"POST", hold, `{"until":"2020-01-01T00:00:00Z"}`, 422, "invalid_field", "until", "has passed"},
		"long note":         {"POST", hold, `{"for":"2h","note":"` + strings.Repeat("x", 141) + `"}`, 422, "invalid_field", "note", "141 characters"},
		"two lines":         {"POST", hold, `{"for":"2h","note":"a\nb"}`, 422, "invalid_field", "note", "one line"},
		"no such source":    {"POST", hold, `{"for":"2h","source":99}`, 422, "invalid_field", "source", "no source 99"},
		"negative cap":      {"POST", "/providers/1/cap", `{"per_second":-1}`, 422, "invalid_field", "per_second", "0 to lift it"},
		"large body":        {"POST", hold, `{"note":"` + strings.Repeat("x", bodyLimit) + `"}`, 413, "body_too_large", "", "16384 bytes"},
		"unknown provider":  {"GET", "/providers/nortmail.test", "", 404, "unknown_provider", "", "did you mean northmail.test?"},
		"unknown campaign":  {"GET", "/campaigns/99", "", 404, "not_found", "", ""},
		"campaign's name":   {"GET", "/campaigns/Autumn", "", 404, "not_found", "", "named by its number"},
		"unknown address":   {"GET", "/nonsense", "", 404, "no_such_address", "", "openapi.json lists"},
		"wrong method":      {"DELETE", "/campaigns", "", 405, "method_not_allowed", "", "takes GET"},
		"unknown parameter": {"GET", "/campaigns?offset=3", "", 400, "unknown_parameter", "offset", `no parameter "offset"`},
		"wrong limit":       {"GET", "/campaigns?limit=9999", "", 400, "invalid_parameter", "limit", "from 1 to 200"},
		"forged cursor":     {"GET", "/campaigns?cursor=zzz", "", 400, "invalid_parameter", "cursor", "not one of ours"},
		"wrong state":       {"POST", fmt.Sprintf("/campaigns/%d/resume", b.campaign), "", 409, "wrong_state", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := b.problem(b.call(tt.method, tt.path, b.operate, tt.body), tt.status, tt.code)
			if p.Field != tt.field || !strings.Contains(p.Detail, tt.words) || p.Title == "" || p.Type != "about:blank" {
				t.Errorf("%+v", p)
			}
		})
	}
	b.problem(b.call("POST", hold, b.operate, `for=2h`, "Content-Type", "application/x-www-form-urlencoded"), 415, "not_json")
}

func TestPagesOfACollection(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 4 {
		b.launch("More")
	}
	for _, path := range []string{"/campaigns", "/providers", "/providers/1/events", "/lists"} {
		whole := into[Page[map[string]any]](t, b.call("GET", path, b.read, ""))
		var parts []map[string]any
		next := ""
		for range 100 {
			part := into[Page[map[string]any]](t, b.call("GET", path+"?limit=1&cursor="+url.QueryEscape(next), b.read, ""))
			parts = append(parts, part.Items...)
			if next = part.Next; next == "" {
				break
			}
		}
		if len(whole.Items) < 2 || fmt.Sprint(ids(parts)) != fmt.Sprint(ids(whole.Items)) {
			t.Errorf("%s: %v in parts, %v as a whole", path, ids(parts), ids(whole.Items))
		}
	}
}

func ids(items []map[string]any) (all []any) {
	for _, item := range items {
		all = append(all, item["id"])
	}
	return all
}

func TestCallsAreMadeOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const path, body = "/providers/northmail.test/hold", `{"for":"2h"}`
	count := func() (n int) {
		b.must(b.store.Pool().QueryRow(context.Background(), `select count(*) from audit_log where action = 'provider.hold'`).Scan(&n))
		return n
	}
	first := b.call("POST", path, b.operate, body, "Idempotency-Key", "k1")
	again := b.call("POST", path, b.operate, body, "Idempotency-Key", "k1")
	if first.StatusCode != 200 || again.StatusCode != 200 || first.body != again.body || again.Header.Get(replayedHeader) != "true" || count() != 1 {
		t.Errorf("%s %q\n%s %q\n%d holds", first.Status, first.body, again.Status, again.body, count())
	}
	b.problem(b.call("POST", path, b.operate, `{"for":"3h"}`, "Idempotency-Key", "k1"), http.StatusConflict, "idempotency_key_reused")
	b.problem(b.call("POST", "/providers/2/hold", b.operate, body, "Idempotency-Key", "k1"), http.StatusConflict, "idempotency_key_reused")
	b.problem(b.call("POST", path, b.operate, body, "Idempotency-Key", strings.Repeat("k", 256)), 400, "invalid_idempotency_key")

	// A refusal is an answer, too.
	b.problem(b.call("POST", path, b.operate, `{}`, "Idempotency-Key", "k2"), 422, "invalid_field")
	if a := b.call("POST", path, b.operate, `{}`, "Idempotency-Key", "k2"); a.Header.Get(replayedHeader) != "true" {
		t.Error("a refusal was not kept")
	} else {
		b.problem(a, 422, "invalid_field")
	}

	// A call under way is not made a second time; one that was given up is.
	b.exec(`update api_requests set status = null, at = now() where key = 'k1'`)
	b.problem(b.call("POST", path, b.operate, body, "Idempotency-Key", "k1"), http.StatusConflict, "call_under_way")
	b.exec(`update api_requests set at = now() - interval '2 minutes' where key = 'k1'`)
	if a := b.call("POST", path, b.operate, body, "Idempotency-Key", "k1"); a.StatusCode != 200 || a.Header.Get(replayedHeader) != "" || count() != 2 {
		t.Errorf("%s, %d holds", a.Status, count())
	}
	b.exec(`update api_requests set at = now() - interval '2 days'`)
	b.call("POST", path, b.operate, body, "Idempotency-Key", "k3")
	var kept int
	b.must(b.store.Pool().QueryRow(context.Background(), `select count(*) from api_requests`).Scan(&kept))
	if kept != 1 {
		t.Errorf("%d answers are kept after two days", kept)
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	b := setup(t)
	wrong := b.read[:len(b.read)-1] + "2"
	if strings.HasSuffix(b.read, "2") {
		wrong = b.read[:len(b.read)-1] + "3"
	}
	for range failuresAtOnce {
		b.problem(b.call("GET", "/lists", wrong, ""), http.StatusUnauthorized, "token_unknown")
	}
	late := b.call("GET", "/lists", wrong, "")
	for more := 0; late.StatusCode == http.StatusUnauthorized && more < failuresAtOnce; more++ { // one every six seconds, which a busy machine may need
		late = b.call("GET", "/lists", wrong, "")
	}
	b.problem(late, http.StatusTooManyRequests, "too_many_failures")
	if late.Header.Get("Retry-After") == "" {
		t.Error("nobody says when to try again")
	}
	if a := b.call("GET", "/lists", b.read, ""); a.StatusCode != 200 {
		t.Errorf("the failures of others keep a right token out: %s", a.Status)
	}
	var stored int
	b.must(b.store.Pool().QueryRow(context.Background(), `select count(*) from api_tokens t where t::text like '%' || $1 || '%'`, b.read).Scan(&stored))
	if stored != 0 {
		t.Error("a token is stored in clear")
	}
	b.must(b.service.RevokeAPIToken(context.Background(), "reader", tester))
	if a := b.call("GET", "/lists", b.read, ""); a.StatusCode == 200 {
		t.Error("a revoked token still works")
	}
	if _, err := b.service.CreateAPIToken(context.Background(), "reader", service.ScopeRead, tester); err != nil {
		t.Errorf("the name of a revoked token is not free: %v", err)
	}
}

// Even what nobody foresaw is a problem for the caller, and is in the log.
func TestPanicBecomesAProblem(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.api.mux.HandleFunc("GET /api/v1/broken", func(http.ResponseWriter, *http.Request) { panic("broken") })
	p := b.problem(b.call("GET", "/broken", b.read, ""), http.StatusInternalServerError, "internal")
	if p.ID == "" || strings.Contains(p.Detail, "broken") {
		t.Errorf("%+v", p)
	}
}

func TestThrottle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newThrottle()
		for i := range failuresAtOnce {
			if wait := f.failed("a", time.Now()); wait != 0 {
				t.Fatalf("failure %d waits %s", i+1, wait)
			}
		}
		wait := f.failed("a", time.Now())
		if wait <= 0 || wait > failureEvery {
			t.Errorf("one too many waits %s", wait)
		}
		if f.failed("b", time.Now()) != 0 {
			t.Error("another address waits, too")
		}
		time.Sleep(wait)
		if wait := f.failed("a", time.Now()); wait != 0 {
			t.Errorf("after waiting, %s more", wait)
		}
		for i := range failuresKept + 5 {
			f.failed(fmt.Sprint(i), time.Now())
		}
		if len(f.empty) > failuresKept {
			t.Errorf("%d addresses are kept", len(f.empty))
		}
	})
}
