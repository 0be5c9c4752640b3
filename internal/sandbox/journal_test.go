package sandbox

import (
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sendOne sends the same small message to a recipient.
func sendOne(t *testing.T, s *Sandbox, recipient string) {
	t.Helper()
	dial(t, s, "127.0.0.1", 0).play("220 …\n> HELO me.test\n250 …\n> MAIL FROM:<a@sender.test>\n250 …\n> RCPT TO:<" + recipient + ">\n250 …\n> DATA\n354 …\n" +
		"> " + strings.ReplaceAll(newsletter, "\r\n", `\n`) + ".\n250 …\n> QUIT\n221 …\n<EOF>\n")
}

func TestAMessageIsRecordedBeforeItsAnswer(t *testing.T) {
	t.Parallel()
	record := filepath.Join(t.TempDir(), "record.jsonl")
	s := run(t, one(plain), Options{RecordFile: record})
	var atHook atomic.Int64
	s.OnMessage(func(m Message) {
		data, err := os.ReadFile(record)
		if err != nil || !strings.Contains(string(data), m.Recipient) {
			t.Errorf("the file does not hold the message yet: %v", err)
		}
		atHook.Store(int64(len(s.Received())))
	})
	c := dial(t, s, "127.0.0.1", 0)
	c.play("220 …\n> HELO me.test\n250 …\n> MAIL FROM:<a@sender.test>\n250 …\n> RCPT TO:<ana@northmail.test>\n250 …\n> DATA\n354 …\n" + `> x: y\n\n.` + "\n250 …\n")
	if atHook.Load() != 1 {
		t.Errorf("%d messages were known when the hook ran, want 1", atHook.Load())
	}
}

func TestTheRecordOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	record := filepath.Join(t.TempDir(), "record.jsonl")
	first := run(t, one(plain), Options{RecordFile: record})
	sendOne(t, first, "ana@northmail.test")
	sendOne(t, first, "ben@northmail.test")
	want := first.Received()
	if err := first.Stop(); err != nil {
		t.Fatal(err)
	}
	// A process that is killed while it writes leaves half a line.
	file, err := os.OpenFile(record, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString(`{"message":{"at":"2026-`); err != nil {
		t.Fatal(err)
	}
	_ = file.Close()

	second := run(t, one(plain), Options{RecordFile: record})
	if diff := cmp.Diff(want, second.Received()); diff != "" {
		t.Errorf("what is remembered differs (-want +got):\n%s", diff)
	}
	if got := second.Counts()["Northmail"].Accepted; got != 2 {
		t.Errorf("%d accepted, want 2", got)
	}
	sendOne(t, second, "cleo@northmail.test")
	if err := second.Stop(); err != nil {
		t.Fatal(err)
	}
	if got := run(t, one(plain), Options{RecordFile: record}).Received(); len(got) != 3 || got[2].Recipient != "cleo@northmail.test" {
		t.Errorf("after a torn line: %+v", got)
	}
}

func TestARecordFileOfSomethingElseIsRefused(t *testing.T) {
	t.Parallel()
	record := filepath.Join(t.TempDir(), "record.jsonl")
	if err := os.WriteFile(record, []byte("{}\nhello\n{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Start(t.Context(), Default(), Options{RecordFile: record})
	if err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("error %v, want one that names line 2", err)
	}
}
