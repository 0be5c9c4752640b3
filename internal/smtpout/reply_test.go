package smtpout

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/headwaymail/headway/pacing/reply"
)

func TestReplyReader(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		wire    string
		want    []reply.Reply // until the first error
		wantErr error
	}{
		"one line":             {wire: "250 ok\r\n", want: []reply.Reply{{Code: 250, Lines: []string{"ok"}}}, wantErr: io.EOF},
		"several lines":        {wire: "250-a\r\n250-\r\n250 b\r\n", want: []reply.Reply{{Code: 250, Lines: []string{"a", "", "b"}}}, wantErr: io.EOF},
		"two replies":          {wire: "250 a\r\n354 b\r\n", want: []reply.Reply{{Code: 250, Lines: []string{"a"}}, {Code: 354, Lines: []string{"b"}}}, wantErr: io.EOF},
		"code alone":           {wire: "250\r\n", want: []reply.Reply{{Code: 250, Lines: []string{""}}}, wantErr: io.EOF},
		"bare line feed":       {wire: "250-a\n250 b\n", want: []reply.Reply{{Code: 250, Lines: []string{"a", "b"}}}, wantErr: io.EOF},
		"no space":             {wire: "550Rejected\r\n", want: []reply.Reply{{Code: 550, Lines: []string{"Rejected"}}}, wantErr: io.EOF},
		"tab":                  {wire: "550\tno\r\n", want: []reply.Reply{{Code: 550, Lines: []string{"no"}}}, wantErr: io.EOF},
		"last code counts":     {wire: "250-a\r\n550 b\r\n", want: []reply.Reply{{Code: 550, Lines: []string{"a", "b"}}}, wantErr: io.EOF},
		"text line inside":     {wire: "550-a\r\nsee our page\r\n550 b\r\n", want: []reply.Reply{{Code: 550, Lines: []string{"a", "see our page", "b"}}}, wantErr: io.EOF},
		"cut in the last line": {wire: "550-a\r\n550 b", want: []reply.Reply{{Code: 550, Lines: []string{"a", "b"}}}, wantErr: io.EOF},
		"cut between lines":    {wire: "550-a\r\n", want: []reply.Reply{{Code: 550, Lines: []string{"a"}}}, wantErr: io.EOF},
		"cut in the code":      {wire: "55", want: []reply.Reply{{}}, wantErr: io.EOF},
		"nothing":              {wire: "", want: []reply.Reply{{}}, wantErr: io.EOF},
		"four digits":          {wire: "2500 ok\r\n", want: []reply.Reply{{Lines: []string{"2500 ok"}}}, wantErr: errNoReply},
		"1xx":                  {wire: "100 continue\r\n", want: []reply.Reply{{Lines: []string{"100 continue"}}}, wantErr: errNoReply},
		"empty line":           {wire: "\r\n", want: []reply.Reply{{Lines: []string{""}}}, wantErr: errNoReply},
		"control characters":   {wire: "250 a\x00\x7f\tb\xc3\xa9\xc3\xc2\x85\r\n", want: []reply.Reply{{Code: 250, Lines: []string{`a\x00\x7f` + "\t" + `bé\xc3\xc2\x85`}}}, wantErr: io.EOF},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, r := range []io.Reader{strings.NewReader(tc.wire), iotest.OneByteReader(strings.NewReader(tc.wire))} {
				reader := newReplyReader(r)
				var got []reply.Reply
				var err error
				for range tc.want {
					var rep reply.Reply
					rep, err = reader.next()
					got = append(got, rep)
				}
				if err == nil {
					_, err = reader.next()
				}
				if diff := cmp.Diff(tc.want, got, cmpopts.EquateEmpty()); diff != "" || !errors.Is(err, tc.wantErr) {
					t.Errorf("error %v, want %v; replies (-want +got):\n%s", err, tc.wantErr, diff)
				}
			}
		})
	}
}

// endless says the same line for ever and counts.
type endless struct {
	line string
	said int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.line[e.said%len(e.line):])
	e.said += n
	return n, nil
}

func TestReplyIsBounded(t *testing.T) {
	t.Parallel()
	for name, line := range map[string]string{
		"lines":     "450-4.7.1 " + strings.Repeat("wait ", 30) + "\r\n",
		"one line":  "450-4.7.1 wait and",
		"tiny ones": "450-\n",
		"text":      "450-a\r\n" + strings.Repeat("b\r\n", 1<<20),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := &endless{line: line}
			reader := newReplyReader(server)
			rep, err := reader.next()
			if rep.Code != 450 || !errors.Is(err, errReplyTooLong) {
				t.Errorf("code %d, error %v", rep.Code, err)
			}
			kept := 0
			for _, l := range rep.Lines {
				kept += len(l)
			}
			if kept > keptBytes || len(rep.Lines) > keptLines || server.said > maxBytes+8192 {
				t.Errorf("kept %d bytes in %d lines, read %d", kept, len(rep.Lines), server.said)
			}
		})
	}
}

func TestEnhancedCode(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"550 5.1.1 no such user":                                 "5.1.1",
		"550 5.1.1":                                              "5.1.1",
		"550 #5.1.1 no such user":                                "5.1.1",
		"550 (5.1.1) no such user":                               "5.1.1",
		"550 [5.1.1] no such user":                               "5.1.1",
		"553 sorry, no mailbox here by that name. (#5.7.1)":      "5.7.1",
		"554 Message rejected (5.7.1): policy":                   "5.7.1",
		"550 Requested action not taken: 5.2.1":                  "5.2.1",
		"550 <ana@two.test>: 5.1.1 unknown":                      "5.1.1",
		"421 4.7.28 our system has detected":                     "4.7.28",
		"450 5.7.1 the server's own mixture":                     "5.7.1",
		"250 2.0.0 ok":                                           "2.0.0",
		"550 5.1.1: no such user":                                "5.1.1",
		"550 5.1.1. No such user.":                               "5.1.1",
		"550 connect from 5.1.1.7 refused":                       "",
		"550 5.1.1.7 is listed":                                  "",
		"550 rejected 15.1.1":                                    "",
		"421 mx.two.test Exim/4.92.3 closing":                    "",
		"421 mx.two.test version 4.92.3":                         "",
		"550 4.1.2 at the beginning; 5.1.3 later":                "4.1.2",
		"550 not at the beginning: 4.1.2":                        "",
		"250 queued as 2.1.5":                                    "",
		"354 3.0.0 go on":                                        "",
		"550 5.1.1234 no":                                        "",
		"550 5.8.1 no such subject":                              "",
		"550 9.1.1 no such class":                                "",
		"550 5.1.x no number":                                    "",
		"550 5.1.":                                               "",
		"550 see https://two.test/5.1.1/":                        "",
		"550 IB604 <http://x.test/search?ip=5.2.3.4> refused":    "",
		"554 5.7.1 [192.0.2.1] blocked, see http://rbl.test/?5.": "5.7.1",
	} {
		rep, err := newReplyReader(strings.NewReader(line + "\r\n")).next()
		if err != nil || rep.Enhanced != want {
			t.Errorf("%q: %q (%v), want %q", line, rep.Enhanced, err, want)
		}
	}
}

// TestRealReplies reads replies that providers really give: their code and
// every word must come out again. It needs HEADWAY_CORPORA.
func TestRealReplies(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("HEADWAY_CORPORA")
	if dir == "" {
		t.Skip("HEADWAY_CORPORA is not set")
	}
	f, err := os.Open(filepath.Join(dir, "smtp-field-manual", "responses.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	scanner := bufio.NewScanner(f)
	read := 0
	for scanner.Scan() {
		var entry struct {
			Response string `json:"response"`
		}
		if err := json.Unmarshal(scanner.Bytes(), &entry); err != nil {
			t.Fatal(err)
		}
		text := strings.TrimPrefix(strings.Join(strings.Fields(entry.Response), " "), "smtp;")
		if _, _, _, ok := parseLine([]byte(text)); !ok {
			continue // an explanation, not a reply
		}
		read++
		rep, err := newReplyReader(strings.NewReader(text + "\r\n")).next()
		if err != nil && !errors.Is(err, io.EOF) {
			t.Errorf("%q: %v", text, err)
		}
		if !strings.HasSuffix(text, rep.Text()) {
			t.Errorf("%q became %q", text, rep.Text())
		}
	}
	if err := scanner.Err(); err != nil || read < 90 {
		t.Errorf("only %d replies were read (%v)", read, err)
	}
}

// FuzzReplyReader checks that replies are bounded, clean, and independent of
// how the bytes are cut into packets.
func FuzzReplyReader(f *testing.F) {
	for _, seed := range []string{
		"250 ok\r\n", "250-a\r\n250 b\r\n354\n", "550-5.1.1 a\r\nb\r\n550 (#5.1.2)\r\n", "421 4.7.0 \x00\xff\x1b[2J\r\n",
		"550 see 5.6.7.8\r\n", "2\r\n", "220", "\r\n", "250-\r\n250-\r\n", "999 x\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		whole := newReplyReader(strings.NewReader(string(wire)))
		bytewise := newReplyReader(iotest.OneByteReader(strings.NewReader(string(wire))))
		for {
			a, errA := whole.next()
			b, errB := bytewise.next()
			if diff := cmp.Diff(a, b); diff != "" || !errors.Is(errA, errB) {
				t.Fatalf("%v and %v (-whole +bytewise):\n%s", errA, errB, diff)
			}
			if a.Code != 0 && (a.Code < 200 || a.Code > 599) {
				t.Fatalf("code %d", a.Code)
			}
			if errA == nil && (a.Code == 0 || len(a.Lines) == 0) {
				t.Fatalf("a reply without a code or a line: %+v", a)
			}
			for _, line := range a.Lines {
				if !utf8.ValidString(line) || strings.ContainsAny(line, "\x00\r\n\x1b") {
					t.Fatalf("line %q is not clean", line)
				}
			}
			if a.Enhanced != "" && enhancedLen(a.Enhanced) != len(a.Enhanced) {
				t.Fatalf("enhanced code %q", a.Enhanced)
			}
			if errA != nil {
				return
			}
		}
	})
}
