package sandbox

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwaymail/headway/pacing/receiver"
	"github.com/headwaymail/headway/pacing/reply"
)

// sections gives the heading under which each type of the file is documented.
var sections = map[reflect.Type]string{
	reflect.TypeFor[File]():               "The file",
	reflect.TypeFor[Provider]():           "Provider",
	reflect.TypeFor[Series]():             "Series",
	reflect.TypeFor[Hosts]():              "Hosts",
	reflect.TypeFor[DNS]():                "DNS",
	reflect.TypeFor[Special]():            "Special",
	reflect.TypeFor[Contacts]():           "Contacts",
	reflect.TypeFor[People]():             "People",
	reflect.TypeFor[receiver.Latency]():   "Latency",
	reflect.TypeFor[receiver.Crowding]():  "Crowding",
	reflect.TypeFor[receiver.Limit]():     "Limit",
	reflect.TypeFor[receiver.Bucket]():    "Bucket",
	reflect.TypeFor[receiver.Clock]():     "Clock",
	reflect.TypeFor[receiver.Sliding]():   "Sliding",
	reflect.TypeFor[receiver.Shed]():      "Shed",
	reflect.TypeFor[receiver.Step]():      "Step",
	reflect.TypeFor[receiver.Wave]():      "Wave",
	reflect.TypeFor[receiver.Squeeze]():   "Squeeze",
	reflect.TypeFor[receiver.Trust]():     "Trust",
	reflect.TypeFor[receiver.Penalty]():   "Penalty",
	reflect.TypeFor[receiver.Escalate]():  "Escalate",
	reflect.TypeFor[receiver.Lanes]():     "Lanes",
	reflect.TypeFor[receiver.Session]():   "Session",
	reflect.TypeFor[receiver.Greylist]():  "Greylist",
	reflect.TypeFor[receiver.Outage]():    "Outage",
	reflect.TypeFor[receiver.Noise]():     "Noise",
	reflect.TypeFor[receiver.Mailboxes](): "Mailboxes",
	reflect.TypeFor[receiver.Refusal]():   "Answer",
}

// keysOf collects the keys of each struct that can occur in a file.
func keysOf(t reflect.Type, into map[reflect.Type][]string) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		keysOf(t.Elem(), into)
	case reflect.Struct:
		if _, done := into[t]; done {
			return
		}
		into[t] = nil
		for i := range t.NumField() {
			key, option, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
			if option != "inline" {
				into[t] = append(into[t], key)
				keysOf(t.Field(i).Type, into)
				continue
			}
			inner := map[reflect.Type][]string{}
			keysOf(t.Field(i).Type, inner)
			for other, keys := range inner {
				if other == t.Field(i).Type {
					into[t] = append(into[t], keys...)
				} else {
					into[other] = keys
				}
			}
		}
	}
}

func readDocs(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/SANDBOX.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var documentedKey = regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|.*\\|.*\\|.*\\|.*\\| .+ \\|$")

func TestEveryKeyIsDocumentedAndNoOther(t *testing.T) {
	t.Parallel()
	documented := map[string][]string{}
	for _, section := range strings.Split(readDocs(t), "\n## ")[1:] {
		heading, body, _ := strings.Cut(section, "\n")
		for _, m := range documentedKey.FindAllStringSubmatch(body, -1) {
			documented[heading] = append(documented[heading], m[1])
		}
	}
	all := map[reflect.Type][]string{}
	keysOf(reflect.TypeFor[File](), all)
	for goType, keys := range all {
		heading := sections[goType]
		if heading == "" {
			t.Errorf("%s has no section; add it to the map above and to docs/SANDBOX.md", goType)
			continue
		}
		slices.Sort(keys)
		slices.Sort(documented[heading])
		if diff := cmp.Diff(keys, documented[heading]); diff != "" {
			t.Errorf("section %q of docs/SANDBOX.md does not agree with %s (-code +document):\n%s", heading, goType, diff)
		}
		delete(documented, heading)
	}
	if len(documented) > 0 {
		t.Errorf("sections about nothing: %v", documented)
	}
}

// Every word that a key can hold stands in the document.
func TestEveryWordIsDocumented(t *testing.T) {
	t.Parallel()
	docs := readDocs(t)
	check := func(values ...string) {
		for _, w := range values {
			if !strings.Contains(docs, "`"+w+"`") && !strings.Contains(docs, "`"+w+"` ") {
				t.Errorf("%q is not in docs/SANDBOX.md", w)
			}
		}
	}
	for _, list := range [][]string{texts(extensions), texts(specialKinds), texts(fields), texts(badKinds)} {
		check(list...)
	}
	check(texts([]receiver.Key{receiver.PerSource, receiver.PerSendingDomain, receiver.PerRecipient, receiver.PerAll})...)
	check(texts([]receiver.Unit{receiver.Messages, receiver.Recipients, receiver.Connections})...)
	check(texts([]receiver.GreyKey{receiver.GreyTriple, receiver.GreyRecipient, receiver.GreySource})...)
	check(texts([]receiver.Mailbox{receiver.MailboxOpen, receiver.MailboxUnknown, receiver.MailboxDisabled, receiver.MailboxRefused, receiver.MailboxOverQuota, receiver.MailboxFull, receiver.MailboxBusy})...)
	check(texts([]reply.Phase{reply.PhaseConnect, reply.PhaseMail, reply.PhaseRcpt, reply.PhaseData, reply.PhaseDot})...)
}

func texts[T ~string](all []T) []string {
	var out []string
	for _, a := range all {
		out = append(out, string(a))
	}
	return out
}

func TestTheExamplesOfTheDocumentAreGood(t *testing.T) {
	t.Parallel()
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(readDocs(t), -1)
	if len(blocks) < 2 {
		t.Fatalf("%d examples found", len(blocks))
	}
	for _, block := range blocks {
		_, problems, err := Load(strings.NewReader(block[1]), "example")
		if err != nil || len(problems) > 0 {
			t.Errorf("%v %v in\n%s", err, problems, block[1])
		}
	}
}

// The file that the tests use as "every key once" really holds every key.
func TestEveryKeyStandsInTheFullExample(t *testing.T) {
	t.Parallel()
	all := map[reflect.Type][]string{}
	keysOf(reflect.TypeFor[File](), all)
	text := string(everything(t))
	for goType, keys := range all {
		for _, key := range keys {
			if !regexp.MustCompile(`\b` + key + `:`).MatchString(text) {
				t.Errorf("testdata/everything.yaml lacks %s of %s", key, goType)
			}
		}
	}
}
