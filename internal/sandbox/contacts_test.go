package sandbox

import (
	"bytes"
	"encoding/csv"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/headwaymail/headway/pacing/receiver"
)

func TestContactsHoldExactlyWhatIsDescribed(t *testing.T) {
	t.Parallel()
	f := Default()
	var out bytes.Buffer
	truth, err := f.WriteCSV(&out, 0)
	if err != nil {
		t.Fatal(err)
	}
	for kind, want := range f.List.Bad {
		if got := truth.Kinds[kind]; got != want {
			t.Errorf("%d rows of kind %s, want %d", got, kind, want)
		}
	}
	if got := truth.Kinds[RowDuplicate]; got != f.List.Duplicates {
		t.Errorf("%d duplicates, want %d", got, f.List.Duplicates)
	}
	wantSpecial := map[SpecialKind]int{NXDomain: 6 + f.List.Bad[RowTypoDomain], NullMX: 6, ImplicitMX: 8}
	if diff := cmp.Diff(wantSpecial, truth.Special); diff != "" {
		t.Errorf("special domains (-want +got):\n%s", diff)
	}
	reader := csv.NewReader(&out)
	reader.FieldsPerRecord = -1
	rows, err := reader.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 5001 || truth.Rows != 5000 {
		t.Errorf("%d lines, %d rows; want 5001, 5000", len(rows), truth.Rows)
	}
	if diff := cmp.Diff([]string{"email", "first_name", "last_name", "city", "language"}, rows[0]); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
	for i := range f.Providers {
		p := &f.Providers[i]
		got := truth.Providers[p.Name].Contacts
		want := float64(p.Share) * 5000
		if p.Share == 0 {
			want = 0.11 * 5000
		}
		if float64(got) < 0.93*want || float64(got) > 1.07*want {
			t.Errorf("%s has %d contacts, want about %.0f", p.Name, got, want)
		}
	}
}

// What a plain reader of the file finds agrees with the truth about each row.
func TestRowsAreWhatTheyClaim(t *testing.T) {
	t.Parallel()
	f := Default()
	domains := map[string]string{"vanished.test": "", "nomail.test": "", "barehost.test": "Oldmill"}
	for i := range f.Providers {
		for _, d := range f.Providers[i].AllDomains() {
			domains[d] = f.Providers[i].Name
		}
	}
	good, seen := map[string]bool{}, map[RowKind]bool{}
	for row := range f.Contacts(0) {
		if row.Kind == RowGood {
			if good[row.Address] {
				t.Errorf("row %d repeats %s", row.Number, row.Address)
			}
			good[row.Address] = true
		}
	}
	for row := range f.Contacts(0) {
		seen[row.Kind] = true
		email := row.Columns[0]
		_, domain, oneAt := strings.Cut(row.Address, "@")
		provider, known := domains[domain]
		switch row.Kind {
		case RowGood, RowSpecial:
			if email != row.Address || !oneAt || !known || provider != row.Provider {
				t.Errorf("row %d: %+v", row.Number, row)
			}
		case RowDuplicate:
			if !good[row.Address] || !strings.EqualFold(email, row.Address) {
				t.Errorf("row %d duplicates nothing: %+v", row.Number, row)
			}
		case RowSpaces:
			if strings.TrimSpace(email) != row.Address || email == row.Address || good[row.Address] {
				t.Errorf("row %d: %+v", row.Number, row)
			}
		case RowTypoDomain:
			if known || !oneAt || row.Special != NXDomain {
				t.Errorf("row %d: the misspelt %s is known: %+v", row.Number, domain, row)
			}
		case RowWrongEncoding:
			if utf8.ValidString(strings.Join(row.Columns, "")) || email != row.Address {
				t.Errorf("row %d: %+v", row.Number, row)
			}
		case RowMissingFields:
			if len(row.Columns) != 1 {
				t.Errorf("row %d: %+v", row.Number, row)
			}
		default:
			if row.Usable() || email == "" != (row.Kind == RowEmpty) {
				t.Errorf("row %d: %+v", row.Number, row)
			}
		}
	}
	for _, kind := range append(badKinds, RowGood, RowSpecial, RowDuplicate) {
		if !seen[kind] {
			t.Errorf("no row of kind %s", kind)
		}
	}
}

func TestTheSameSeedMakesTheSameContacts(t *testing.T) {
	t.Parallel()
	write := func(seed uint64) string {
		f := Default()
		f.Seed = seed
		var out bytes.Buffer
		if _, err := f.WriteCSV(&out, 500); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	first, again, other := write(1), write(1), write(2)
	if first != again {
		t.Error("the same seed made different contacts")
	}
	if first == other {
		t.Error("two seeds made the same contacts")
	}
}

func TestListsOfAnySizeAddUp(t *testing.T) {
	t.Parallel()
	nasty := &File{
		Providers: []Provider{{Name: "A", Domains: []string{"a.test"}}},
		DNS:       DNS{Special: []Special{{Domain: "b.test", Kind: NullMX, Contacts: 5}}},
		List:      Contacts{Count: 40, Duplicates: 20, Bad: map[RowKind]int{RowNoAt: 10, RowSpaces: 4}},
	}
	files := []*File{Default(), nasty}
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.SampledFrom(files).Draw(t, "file")
		n := rapid.IntRange(1, 600).Draw(t, "n")
		truth, err := f.WriteCSV(io.Discard, n)
		if err != nil {
			t.Fatal(err)
		}
		rows, unusable := 0, 0
		for kind, k := range truth.Kinds {
			rows += k
			switch kind {
			case RowGood, RowSpecial, RowTypoDomain, RowSpaces, RowWrongEncoding, RowMissingFields:
			default:
				unusable += k
			}
		}
		if truth.Rows != n || rows != n || truth.Addresses != n-unusable {
			t.Fatalf("%d rows, %d by kind, %d addresses; want %d, %d, %d", truth.Rows, rows, truth.Addresses, n, n, n-unusable)
		}
	})
}

func TestTruthOfMailboxesIsThatOfTheReceivers(t *testing.T) {
	t.Parallel()
	f := Default()
	truth, err := f.WriteCSV(io.Discard, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	unknown, all := 0, 0
	for _, p := range truth.Providers {
		unknown += p.Mailboxes[receiver.MailboxUnknown]
		all += p.Contacts
	}
	if share := float64(unknown) / float64(all); share < 0.02 || share > 0.03 {
		t.Errorf("%.2f%% of the recipients are unknown, want 2 to 3%%", share*100)
	}
	leaving := map[Leaving]int{}
	for _, p := range truth.Providers {
		for who, n := range p.Leaves {
			leaving[who] += n
		}
	}
	if a, l := leaving[LeavesAfterMail], leaving[LeavesInTheMiddle]; a < 110 || a > 190 || l < 65 || l > 135 {
		t.Errorf("%d leave after reading and %d later, want about 150 and 100", a, l)
	}
}

// Adding a provider changes nothing about the mailboxes of the others.
func TestProvidersHaveSeedsOfTheirOwn(t *testing.T) {
	t.Parallel()
	f := Default()
	before := map[string]receiver.Mailbox{}
	for row := range f.Contacts(0) {
		before[row.Address] = row.Mailbox
	}
	f.Providers = append([]Provider{{Name: "Newcomer", Domains: []string{"newcomer.test"}}}, f.Providers...)
	same := 0
	for row := range f.Contacts(0) {
		if mailbox, known := before[row.Address]; known {
			same++
			if row.Mailbox != mailbox {
				t.Errorf("%s was %s and is %s", row.Address, mailbox, row.Mailbox)
			}
		}
	}
	if same < 1000 {
		t.Errorf("only %d addresses to compare", same)
	}
}

func TestEveryKeyOfTheExampleIsGood(t *testing.T) {
	t.Parallel()
	f, problems, err := Load(bytes.NewReader(everything(t)), "everything.yaml")
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	if _, err := f.WriteCSV(io.Discard, 0); err != nil {
		t.Fatal(err)
	}
}
