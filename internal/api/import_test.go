package api

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// takeIn uploads a file, has it worked and returns what became of it.
func (b *bundle) takeIn(query, content string) Import {
	b.Helper()
	a := b.call("POST", "/imports?"+query, b.operate, content)
	if a.StatusCode != http.StatusOK {
		b.Fatalf("%s\n%s", a.Status, a.body)
	}
	taken := into[Import](b, a)
	if taken.State != "waiting" || taken.Progress != 0 || taken.Bytes != int64(len(content)) {
		b.Errorf("just uploaded: %+v", taken)
	}
	b.workImports()
	return b.importNow(taken.ID)
}

func (b *bundle) importNow(id int64) Import {
	b.Helper()
	return into[Import](b, b.call("GET", fmt.Sprintf("/imports/%d", id), b.read, ""))
}

func (b *bundle) number(sql string, args ...any) (n int) {
	b.Helper()
	b.must(b.store.Pool().QueryRow(context.Background(), sql, args...).Scan(&n))
	return n
}

func TestImportDryRunCarryOutUndo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	before := b.number(`select count(*) from contacts`)
	checked := b.takeIn("list=Guests&name=fair.csv&dry_run=true&status=unconfirmed", "email,name\nana@a.test,Ana\nben@b.test,Ben\nno address,X\nreader1@north.test,R\n")
	c := checked.Counts
	if checked.State != "checked" || checked.Progress != 1 || !checked.DryRun || c.Rows != 4 || c.New != 2 || c.Updated != 1 || c.Refused != 1 ||
		len(c.Refusals) != 1 || c.Refusals[0].Code != "syntax_no_at" || c.Refusals[0].Words == "" || len(checked.Encodings) != 1 || checked.Encodings[0].Encoding != "utf-8" {
		t.Errorf("%+v", checked)
	}
	if n := b.number(`select count(*) from contacts`); n != before {
		t.Errorf("the dry run made %d contacts", n-before)
	}
	path := fmt.Sprintf("/imports/%d", checked.ID)
	b.problem(b.call("POST", path+"/undo", b.operate, ""), http.StatusConflict, "not_undoable")
	if again := into[Import](t, b.call("POST", path+"/carry-out", b.operate, `{"consent": "at the fair"}`)); again.State != "waiting" || again.Consent != "at the fair" {
		t.Errorf("%+v", again)
	}
	b.workImports()
	if done := b.importNow(checked.ID); done.State != "done" || done.Counts.New != 2 || b.number(`select count(*) from contacts`) != before+2 {
		t.Errorf("%+v", done)
	}
	b.problem(b.call("POST", path+"/carry-out", b.operate, ""), http.StatusConflict, "wrong_state")
	into[Import](t, b.call("POST", path+"/undo", b.operate, ""))
	b.workImports()
	if undone := b.importNow(checked.ID); undone.State != "undone" || undone.Counts.Undone == nil || undone.Counts.Undone.Contacts != 2 || b.number(`select count(*) from contacts`) != before {
		t.Errorf("%+v", undone)
	}
	b.takeIn("list=Guests", "email\nlast@a.test\n")
	if page := into[Page[Import]](t, b.call("GET", "/imports?limit=1", b.read, "")); len(page.Items) != 1 || page.Items[0].FileName != "upload" || page.Next == "" {
		t.Errorf("%+v", page)
	}
}

// Refused rows that are mended and sent again bring everybody in once, and the
// same file again changes nothing.
func TestImportRejectsRoundTrip(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const file = "Email Address;First Name;Note\none@a.test;Ona;=SUM(A1)\ntwo(at)a.test;Two;-5\nthree@@a.test;\"Th;ree\";+1\n"
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, err := w.Write([]byte(file))
	b.must(err)
	b.must(w.Close())
	first := b.takeIn("list=Guests", packed.String())
	rejects := b.call("GET", fmt.Sprintf("/imports/%d/rejects", first.ID), b.read, "")
	if kind := rejects.Header.Get("Content-Type"); first.Counts.Refused != 2 || kind != "text/csv; charset=utf-8" || !strings.Contains(rejects.Header.Get("Content-Disposition"), "rejected.csv") {
		t.Fatalf("%+v\n%s\n%s", first, kind, rejects.body)
	}
	for line := range strings.Lines(rejects.body) {
		for _, cell := range strings.Split(line, ",") {
			if strings.HasPrefix(cell, "-5") || strings.HasPrefix(cell, "+1") {
				t.Errorf("a spreadsheet would run %q", cell)
			}
		}
	}
	mended := strings.NewReplacer("two(at)a.test", "two@a.test", "three@@a.test", "three@a.test").Replace(rejects.body)
	if second := b.takeIn("list=Guests", mended); second.Counts.New != 2 || second.Counts.Joined != 2 || second.Counts.Refused != 0 {
		t.Errorf("%+v", second)
	}
	if again := b.takeIn("list=Guests", mended); again.Counts.Unchanged != 2 || again.Counts.New+again.Counts.Updated+again.Counts.Joined != 0 {
		t.Errorf("again: %+v", again)
	}
	person, err := b.service.Contact(t.Context(), "three@a.test")
	b.must(err)
	if person.Fields["first_name"] != "Th;ree" || person.Fields["note"] != "+1" || len(person.Fields) != 2 {
		t.Errorf("%v", person.Fields)
	}
}

func TestImportMistakesAreNamed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const rows = "email,Mail 2\na@a.test,b@a.test\n"
	for query, want := range map[string]struct {
		status             int
		code, field, words string
	}{
		"":                               {400, "invalid_parameter", "list", "is needed"},
		"list=%20":                       {400, "invalid_parameter", "list", "is needed"},
		"list=A&list=B":                  {400, "invalid_parameter", "list", "2 times"},
		"list=A&colour=red":              {400, "unknown_parameter", "colour", `no parameter "colour"`},
		"list=A&limit=3":                 {400, "unknown_parameter", "limit", ""},
		"list=A&dry_run=maybe":           {400, "invalid_parameter", "dry_run", "one of true, false"},
		"list=A&status=gone":             {400, "invalid_parameter", "status", "subscribe, unconfirmed, suppress"},
		"list=A&known=keep":              {400, "invalid_parameter", "known", "overwrite, fill, skip"},
		"list=A&encoding=runes":          {400, "invalid_parameter", "encoding", "runes"},
		"list=A&map=email":               {400, "invalid_parameter", "map", "field=Heading"},
		"list=A&map=email=X&map=email=Y": {400, "invalid_parameter", "map", "each field once"},
		"list=A&map=email=Mail%203":      {422, "import_refused", "", "Mail 3"},
	} {
		if p := b.problem(b.call("POST", "/imports?"+query, b.operate, rows), want.status, want.code); p.Field != want.field || !strings.Contains(p.Detail, want.words) {
			t.Errorf("%s: %+v", query, p)
		}
	}
	b.problem(b.call("POST", "/imports?list=A", b.operate, "\x00\x01\x02\x03%PDF"), http.StatusUnprocessableEntity, "import_refused")
	b.problem(b.call("POST", "/imports?list=A", b.operate, rows, "Idempotency-Key", "k"), http.StatusBadRequest, "invalid_idempotency_key")
	b.problem(b.call("POST", "/imports?list=A", b.operate, rows, "Content-Type", "multipart/form-data; boundary=x"), http.StatusUnsupportedMediaType, "not_a_file")
	b.problem(b.call("POST", "/imports?list=A", b.read, rows), http.StatusForbidden, "scope_too_narrow")
	for _, path := range []string{"/imports/9", "/imports/nine", "/imports/9/rejects"} {
		b.problem(b.call("GET", path, b.read, ""), http.StatusNotFound, "not_found")
	}
	b.problem(b.call("POST", "/imports/9/undo", b.operate, ""), http.StatusNotFound, "not_found")
	if n := b.number(`select count(*) from imports`); n != 0 {
		t.Errorf("%d imports are left of what was refused", n)
	}
	done := b.takeIn("list=A&map=email=Mail%202", rows)
	if _, err := b.service.Contact(t.Context(), "b@a.test"); err != nil || done.Counts.New != 1 {
		t.Errorf("the chosen column was not taken: %v", err)
	}
}

// An upload that is too large, or that breaks off, leaves nothing behind.
func TestImportTooLargeOrCut(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.api.uploadLimit = 1 << 20
	large := "email\n" + strings.Repeat("a@a.test\n", 1<<20/9+1)
	b.problem(b.call("POST", "/imports?list=A", b.operate, large), http.StatusRequestEntityTooLarge, "body_too_large")
	for name, head := range map[string]string{"by length": "Content-Length: 500\r\n\r\n", "in chunks": "Transfer-Encoding: chunked\r\n\r\n50\r\n"} {
		conn, err := net.Dial("tcp", b.site.Listener.Addr().String())
		b.must(err)
		_, err = fmt.Fprintf(conn, "POST %s/imports?list=A HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer %s\r\n%semail\none@a.test\ntwo@a.te", Prefix, b.operate, head)
		b.must(err)
		b.must(conn.(*net.TCPConn).CloseWrite())
		b.must(conn.SetReadDeadline(time.Now().Add(20 * time.Second)))
		answer, _ := io.ReadAll(conn)
		if len(answer) != 0 {
			t.Errorf("%s: what broke off was answered: %s", name, answer)
		}
		b.must(conn.Close())
	}
	if n := b.number(`select count(*) from imports`) + b.number(`select count(*) from import_chunks`); n != 0 {
		t.Errorf("%d rows are left", n)
	}
	b.takeIn("list=A", "email\nsmall@a.test\n")

	// Without a length, it is found out on the way.
	request, err := http.NewRequest("POST", b.site.URL+Prefix+"/imports?list=A", struct{ *strings.Reader }{strings.NewReader(large)})
	b.must(err)
	request.Header.Set("Authorization", "Bearer "+b.operate)
	request.ContentLength = -1
	response, err := http.DefaultClient.Do(request)
	b.must(err)
	defer response.Body.Close()
	if response.StatusCode != http.StatusRequestEntityTooLarge || b.number(`select count(*) from imports`) != 1 {
		t.Errorf("%s, %d imports", response.Status, b.number(`select count(*) from imports`))
	}
}
