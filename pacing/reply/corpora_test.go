package reply

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// labelled is a reply of a corpus and what a person says that it means. Where the
// text allows several readings, all are listed.
type labelled struct {
	key      string
	provider string
	reply    Reply
	classes  []string
	bounces  []string
	held     bool // kept from the tuning of the rules
}

// newLabelled returns a labelled reply. About a third are held back, chosen by
// hash.
func newLabelled(key, provider string, r Reply, label [2][]string) labelled {
	sum := sha256.Sum256([]byte("held:" + r.Text()))
	return labelled{key, provider, r, label[0], label[1], sum[0]%3 == 0}
}

// corpus returns the path of a file of the corpora, and skips the test when they
// are not there.
func corpus(t *testing.T, elem ...string) string {
	t.Helper()
	root := os.Getenv("HEADWAY_CORPORA")
	if root == "" {
		t.Skip("HEADWAY_CORPORA is not set: no corpora to try the rules on")
	}
	return filepath.Join(append([]string{root}, elem...)...)
}

// labels reads a label file: key → classes, bounces.
func labels(t *testing.T, name string) map[string][2][]string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][2][]string{}
	for line := range strings.Lines(string(data)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(strings.TrimSpace(line), "\t")
		if len(f) != 3 {
			t.Fatalf("%s: %q: want key, class, bounce", name, line)
		}
		all[f[0]] = [2][]string{strings.Split(f[1], "|"), strings.Split(f[2], "|")}
	}
	return all
}

// fieldManual reads the replies of smtp-field-manual with their labels.
func fieldManual(t *testing.T) []labelled {
	t.Helper()
	data, err := os.ReadFile(corpus(t, "smtp-field-manual", "responses.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	known := labels(t, "labels_smtp_field_manual.tsv")
	var items []labelled
	n := 0
	for line := range bytes.Lines(data) {
		n++
		var item struct{ Name, Response string }
		if err := json.Unmarshal(line, &item); err != nil {
			t.Fatalf("line %d: %v", n, err)
		}
		key := fmt.Sprint(n)
		label, ok := known[key]
		if !ok {
			t.Errorf("line %d has no label", n)
		}
		items = append(items, newLabelled(key, fieldManualProviders[item.Name], Parse(PhaseAsync, item.Response), label))
	}
	return items
}

// fieldManualProviders maps the names of smtp-field-manual to provider keys.
var fieldManualProviders = map[string]string{
	"Google": "google", "Yahoo Inc": "yahoo", "Outlook": "microsoft", "Exchange Online": "microsoft-365",
	"Yandex": "yandex", "Apple": "apple", "Barracuda": "barracuda", "ImprovMX": "improvmx", "Zoho": "zoho",
	"Mimecast": "mimecast", "Comcast": "comcast", "GMX": "gmx", "Web.de": "gmx", "QQ": "qq", "Orange": "orange",
	"Rambler": "rambler", "Mail.ru": "mailru", "Free": "free", "Proofpoint": "proofpoint",
	"Email Security.cloud": "messagelabs",
}

var (
	temporaryReply = regexp.MustCompile(`(?:^|[\s;:>(])(4[25][0-9][- ].*)$`)
	replyTo        = regexp.MustCompile(` \(in reply to .*\)$`)
	folding        = regexp.MustCompile(`\r?[\n\r][ \t]+`)
)

// sisimai4xx cuts the distinct 4xx replies out of the mails of sisimai-bounces.
func sisimai4xx(t *testing.T) []labelled {
	t.Helper()
	files, err := filepath.Glob(corpus(t, "sisimai-bounces", "emails", "*.eml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no mails in the corpus: %v", err)
	}
	known := labels(t, "labels_sisimai_4xx.tsv")
	seen := map[string]bool{}
	var items []labelled
	for _, file := range files {
		mail, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(bytes.NewReader(folding.ReplaceAll(mail, []byte(" "))))
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			m := temporaryReply.FindSubmatch(lines.Bytes())
			if m == nil {
				continue
			}
			text := strings.Join(strings.Fields(replyTo.ReplaceAllString(string(m[1]), "")), " ")
			if strings.Count(text, ")") > strings.Count(text, "(") {
				text = strings.TrimSuffix(text, ")")
			}
			key := fmt.Sprintf("%x", sha256.Sum256([]byte(text)))[:8]
			if len(text) < 8 || seen[key] {
				continue
			}
			seen[key] = true
			label, ok := known[key]
			if !ok {
				t.Errorf("%s: %s has no label: %s", filepath.Base(file), key, text)
			}
			items = append(items, newLabelled(key, "", Parse(PhaseAsync, text), label))
		}
	}
	return items
}

// score classifies the items and returns the table (class, n, right, wrong) and
// how many of n have the right class and bounce.
func score(items []labelled, change func(labelled) labelled) (table string, n, right int) {
	type row struct{ n, right int }
	rows := map[string]*row{}
	var wrong strings.Builder
	for _, item := range items {
		if change != nil {
			item = change(item)
		}
		m := Classify(item.provider, item.reply)
		ok := slices.Contains(item.classes, string(m.Class)) && slices.Contains(item.bounces, string(m.Bounce))
		class := item.classes[0]
		if rows[class] == nil {
			rows[class] = &row{}
		}
		rows[class].n++
		n++
		if ok {
			rows[class].right++
			right++
		} else {
			fmt.Fprintf(&wrong, "  %s: %s %s by %s, want %s %s: %s\n", item.key, m.Class, m.Bounce, m.Rule,
				strings.Join(item.classes, "|"), strings.Join(item.bounces, "|"), item.reply)
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%-12s %4s %6s %6s\n", "class", "n", "right", "wrong")
	for _, c := range Classes() {
		if r := rows[string(c)]; r != nil {
			fmt.Fprintf(&b, "%-12s %4d %6d %6d\n", c, r.n, r.right, r.n-r.right)
		}
	}
	return b.String() + wrong.String(), n, right
}

// split returns the items that the rules were tuned on and those held back.
func split(items []labelled) (tuned, held []labelled) {
	for _, item := range items {
		if item.held {
			held = append(held, item)
		} else {
			tuned = append(tuned, item)
		}
	}
	return tuned, held
}

// The share of labelled replies whose class and bounce are both right does not
// fall below what was reached. The first figures on the replies held back, before
// any rule was changed for a label, were 0.89, 0.81 and 0.89 on smtp-field-manual
// and 1.00 on sisimai-bounces; after tuning on the others, and before anybody
// looked at those held back, 0.92, 0.86 and 0.92.
func TestAccuracy(t *testing.T) {
	t.Parallel()
	for _, corpus := range []struct {
		name  string
		items func(*testing.T) []labelled
	}{
		{"smtp-field-manual", fieldManual},
		{"sisimai-bounces 4xx", sisimai4xx},
	} {
		t.Run(corpus.name, func(t *testing.T) {
			t.Parallel()
			tuned, held := split(corpus.items(t))
			for _, part := range []struct {
				name  string
				items []labelled
			}{{"tuned on", tuned}, {"held back", held}} {
				for _, way := range []struct {
					name   string
					change func(labelled) labelled
					floor  float64
				}{
					{"as they are", nil, 0.97},
					{"provider unknown", withoutProvider, 0.91},
					{"half of the enhanced codes gone, wrapped, other hosts", disturbed, 0.97},
				} {
					table, n, right := score(part.items, way.change)
					share := float64(right) / float64(max(n, 1))
					t.Logf("%s, %s: %d of %d right (%.1f %%)\n%s", part.name, way.name, right, n, 100*share, table)
					if share < way.floor {
						t.Errorf("%s, %s: %.3f right", part.name, way.name, share)
					}
				}
			}
		})
	}
}

func withoutProvider(l labelled) labelled {
	l.provider = ""
	return l
}

// disturbed changes what differs between servers and carries no meaning: host
// names, the wrapping of lines, and whether an enhanced code is there at all.
func disturbed(l labelled) labelled {
	sum := sha256.Sum256([]byte(l.reply.Text()))
	r := l.reply
	text := hostName.ReplaceAllString(r.Text(), "mx7.some-server.example")
	if sum[1]%2 == 0 && r.Enhanced != "" {
		text = strings.ReplaceAll(text, r.Enhanced, "")
		r.Enhanced = ""
	}
	r.Lines = nil
	for words := strings.Fields(text); len(words) > 0; {
		n := min(len(words), 3+int(sum[2]%5))
		r.Lines = append(r.Lines, strings.Join(words[:n], " "))
		words = words[n:]
	}
	l.reply = r
	return l
}

var hostName = regexp.MustCompile(`\b[a-z0-9-]+(\.[a-z0-9-]+)*\.(com|net|org|jp|ru|de|outlook)\b`)
