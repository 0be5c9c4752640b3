package intake

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headwaymail/headway/listhygiene"
	"github.com/headwaymail/headway/listhygiene/address"
)

// rows imports a file with guessed format and mapping.
func rows(t testing.TB, file string, o Options) (Mapping, []Row, Report) {
	t.Helper()
	s, err := Sniff([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	mapping := AutoMap(s)
	m, err := NewMapper(mapping, o)
	if err != nil {
		t.Fatal(err)
	}
	r := NewReader(strings.NewReader(file), s.Format)
	var out []Row
	var report Report
	for {
		rec, err := r.Next()
		if err == io.EOF {
			report.Blank = r.Blank()
			return mapping, out, report
		}
		if err != nil {
			t.Fatal(err)
		}
		row := m.Row(rec)
		report.Add(row)
		out = append(out, row)
	}
}

// summary writes a row as tests compare it.
func summary(r Row) string {
	if r.Problem != nil {
		return strings.TrimSpace(fmt.Sprintf("%d! %s %s", r.Line, r.Problem.Code, r.Problem.Suggestion))
	}
	var fields []string
	for _, f := range r.Fields {
		fields = append(fields, f.Name+"="+f.Value)
	}
	return strings.TrimSpace(fmt.Sprintf("%d %s %s %s", r.Line, r.Status, r.Address, strings.Join(fields, ";")))
}

func TestKnownExporters(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, file string
		want       []string
	}{
		{"Mailchimp", `Email Address,First Name,Last Name,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,LATITUDE,LONGITUDE,GMTOFF,DSTOFF,TIMEZONE,CC,REGION,LAST_CHANGED,LEID,EUID,NOTES,TAGS
anna@posteo.de,Anna,Maier,2,,,"2024-03-01 10:00:00",192.0.2.7,,,,,,DE,,"2024-03-01 10:00:00",77,abc,,"""vip"",""berlin"""
`, []string{`2 subscribe anna@posteo.de first_name=Anna;last_name=Maier;country=DE;tags="vip","berlin"`}},
		{"Mailchimp", `Email Address,MEMBER_RATING,UNSUB_TIME,LEID,EUID
anna@posteo.de,2,"2024-03-01 10:00:00",77,abc
`, []string{"2 unsubscribed anna@posteo.de"}},
		{"Ghost", `id,email,name,note,subscribed_to_emails,complimentary_plan,stripe_customer_id,created_at,deleted_at,labels
1,anna@posteo.de,Anna,,true,false,,2024-03-01T10:00:00.000Z,,"vip,berlin"
2,berta@posteo.de,Berta,,false,false,,2024-03-01T10:00:00.000Z,,
`, []string{
			"2 subscribe anna@posteo.de name=Anna;created_at=2024-03-01T10:00:00.000Z;tags=vip,berlin",
			"3 unsubscribed berta@posteo.de name=Berta;created_at=2024-03-01T10:00:00.000Z",
		}},
		{"HubSpot", `Record ID,First Name,Email,Unsubscribed from all email,Lifecycle Stage,Email hard bounce reason
1,Anna,anna@posteo.de,,Customer,
2,Berta,berta@posteo.de,true,Lead,
3,Carla,carla@posteo.de,false,Lead,UNKNOWN_USER
`, []string{
			"2 subscribe anna@posteo.de first_name=Anna;lifecycle_stage=Customer",
			"3 unsubscribed berta@posteo.de first_name=Berta;lifecycle_stage=Lead",
			"4 bounced carla@posteo.de first_name=Carla;lifecycle_stage=Lead",
		}},
		{"Brevo", "CONTACT ID;EMAIL;FIRSTNAME;EMAIL_BLACKLISTED\n1;anna@posteo.de;Anna;no\n2;berta@posteo.de;Berta;yes\n",
			[]string{"2 subscribe anna@posteo.de first_name=Anna", "3 unsubscribed berta@posteo.de first_name=Berta"}},
		{"Google Contacts", `First Name,Last Name,Labels,E-mail 1 - Label,E-mail 1 - Value,E-mail 2 - Label,E-mail 2 - Value
Anna,Maier,* myContacts,* Home,anna@posteo.de ::: anna@work.org,Other,am@posteo.de
`, []string{"2 subscribe anna@posteo.de more_emails=anna@work.org, am@posteo.de;first_name=Anna;last_name=Maier;tags=* myContacts"}},
		{"listmonk", `email,name,attributes
anna@posteo.de,Anna,"{""city"": ""Köln"", ""age"": 31, ""pets"": [""cat""], ""none"": null}"
`, []string{`2 subscribe anna@posteo.de name=Anna;age=31;city=Köln;pets=["cat"]`}},
		{"phpList", "email,confirmed,blacklisted,uniqid\nanna@posteo.de,1,0,x\nberta@posteo.de,0,0,y\ncarla@posteo.de,1,1,z\n",
			[]string{"2 subscribe anna@posteo.de", "3 unconfirmed berta@posteo.de", "4 unsubscribed carla@posteo.de"}},
		{"Outlook", "First Name,E-mail Address,E-mail Type,E-mail Display Name,E-mail 2 Address\r\nAnna,anna@posteo.de,SMTP,Anna (x),a2@posteo.de\r\n",
			[]string{"2 subscribe anna@posteo.de first_name=Anna;more_emails=a2@posteo.de"}},
		{"", "Vorname;E-Mail-Adresse;PLZ\nAnna;anna@posteo.de;01234\n", []string{"2 subscribe anna@posteo.de first_name=Anna;plz=01234"}},
		{"", "Prénom;Adresse e-mail\nAnna;anna@posteo.de\n", []string{"2 subscribe anna@posteo.de first_name=Anna"}},
		{"", "メールアドレス,名前\nanna@posteo.de,アンナ\n", []string{"2 subscribe anna@posteo.de 名前=アンナ"}},
		{"", "kontakt,Stadt\nanna@posteo.de,Köln\n", []string{"2 subscribe anna@posteo.de stadt=Köln"}},
		{"", "anna@posteo.de,Köln\nberta@posteo.de,Bonn\n", []string{"1 subscribe anna@posteo.de column_2=Köln", "2 subscribe berta@posteo.de column_2=Bonn"}},
		{"", "email,state\nanna@posteo.de,CA\nberta@posteo.de,NY\n", []string{"2 subscribe anna@posteo.de state=CA", "3 subscribe berta@posteo.de state=NY"}},
		{"", "email,status\na@posteo.de,Subscribed\nb@posteo.de,unsubscribed\nc@posteo.de,Hard bounced\nd@posteo.de,pending\ne@posteo.de,spam\nf@posteo.de,blocklisted\ng@posteo.de,gold\nh@posteo.de,\n",
			[]string{
				"2 subscribe a@posteo.de", "3 unsubscribed b@posteo.de", "4 bounced c@posteo.de", "5 unconfirmed d@posteo.de",
				"6 complained e@posteo.de", "7 suppress f@posteo.de", "8! status_unknown", "9 subscribe h@posteo.de",
			}},
		{"", "backup email,email\n,anna@posteo.de\nb@posteo.de,berta@posteo.de\n", []string{"2 subscribe anna@posteo.de", "3 subscribe berta@posteo.de backup_email=b@posteo.de"}},
	}
	for _, tt := range tests {
		heading, _, _ := strings.Cut(tt.file, "\n")
		t.Run(tt.name+" "+heading[:min(len(heading), 30)], func(t *testing.T) {
			t.Parallel()
			mapping, got, _ := rows(t, tt.file, Options{})
			if mapping.Exporter != tt.name {
				t.Errorf("recognised %q, want %q", mapping.Exporter, tt.name)
			}
			var lines []string
			for _, row := range got {
				lines = append(lines, summary(row))
			}
			if diff := cmp.Diff(tt.want, lines); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestRowsOfATroubledFile(t *testing.T) {
	t.Parallel()
	file := `email,name
 Anna@Posteo.de ,Anna
mailto:berta@posteo.de,
"Carla <carla@posteo.de>",
dora@posteo,de
emil@@posteo.de,
,Nobody
frida@posteo.de; greta@posteo.de,
hans@posteo.de,"Hans
ida@foo.invalid,
juli@192.0.2.1,
lena@gmailcom,
'+karl@posteo.de,'=HYPERLINK("x")
`
	_, got, report := rows(t, file, Options{})
	var lines []string
	for _, row := range got {
		lines = append(lines, summary(row))
	}
	want := []string{
		"2 subscribe Anna@posteo.de name=Anna",
		"3 subscribe berta@posteo.de",
		"4 subscribe carla@posteo.de",
		"5! syntax_domain_no_dot",
		"6! syntax_at_repeated emil@posteo.de",
		"7! email_missing",
		"8! several_addresses",
		"9! unclosed_quote",
		"10! domain_reserved",
		"11! syntax_domain_numeric_top",
		"12! syntax_domain_no_dot lena@gmail.com",
		`13 subscribe +karl@posteo.de name==HYPERLINK("x")`,
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	wantReport := Report{
		Rows: 12, Accepted: 4,
		Problems: map[Code]*Tally{
			"syntax_domain_no_dot": {2, []int{5, 12}}, "syntax_at_repeated": {1, []int{6}}, EmailMissing: {1, []int{7}},
			SeveralAddresses: {1, []int{8}}, UnclosedQuote: {1, []int{9}}, "domain_reserved": {1, []int{10}},
			"syntax_domain_numeric_top": {1, []int{11}},
		},
		Statuses: map[Status]int{Subscribe: 4},
		Tidied:   map[address.Change]*Tally{address.ChangeSpaces: {1, []int{2}}, address.ChangeMailto: {1, []int{3}}, address.ChangeName: {1, []int{4}}},
	}
	if diff := cmp.Diff(wantReport, report); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
}

func TestConsent(t *testing.T) {
	t.Parallel()
	_, got, _ := rows(t, `email,optin_time,optin_ip,confirm_time,signup source
anna@posteo.de,2024-03-01 10:00:00,192.0.2.7,2024-03-01T11:00:00+01:00,shop
berta@posteo.de,03/04/2024,somewhere,,
`, Options{Source: "import of May"})
	want := []Consent{
		{
			At: time.Date(2024, 3, 1, 10, 0, 0, 0, time.UTC), IP: netip.MustParseAddr("192.0.2.7"), Source: "shop",
			ConfirmedAt: time.Date(2024, 3, 1, 10, 0, 0, 0, time.UTC),
		},
		{Source: "import of May"},
	}
	for i, row := range got {
		if diff := cmp.Diff(want[i], row.Consent, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
			t.Errorf("line %d (-want +got):\n%s", row.Line, diff)
		}
	}
	if got := summary(got[1]); got != "3 subscribe berta@posteo.de optin_time=03/04/2024;optin_ip=somewhere" {
		t.Errorf("what is not understood is kept as a field: %s", got)
	}
}

func TestStatusOfTheFileIsNeverRelaxed(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]Status{
		"subscribed_email_audience_export_a1.csv":         Subscribe,
		"export/unsubscribed_email_audience_export_a.csv": Unsubscribed,
		"cleaned_members_export_a.csv":                    Bounced,
		"nonsubscribed_email_audience_export_a.csv":       Unconfirmed,
	} {
		got, ok := StatusOfFile(name)
		if !ok || got != want {
			t.Errorf("StatusOfFile(%q) = %q, want %q", name, got, want)
		}
	}
	if s, ok := StatusOfFile("contacts.csv"); ok {
		t.Errorf("contacts.csv has the status %q", s)
	}
	_, got, _ := rows(t, "email,status\na@posteo.de,subscribed\nb@posteo.de,complained\n", Options{Status: Unsubscribed})
	if got[0].Status != Unsubscribed || got[1].Status != Complained {
		t.Errorf("statuses %q, %q", got[0].Status, got[1].Status)
	}
}

func TestRejectsCanBeUploadedAgain(t *testing.T) {
	t.Parallel()
	file := "email,name,phone\nanna@@posteo.de,\"M, A\",+49 30 1\n@,=x,\nb@posteo.de,B,1,2\n"
	s, err := Sniff([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	mapping := AutoMap(s)
	m, err := NewMapper(mapping, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w, err := NewRejectWriter(&out, mapping)
	if err != nil {
		t.Fatal(err)
	}
	r := NewReader(strings.NewReader(file), s.Format)
	for {
		rec, err := r.Next()
		if err == io.EOF {
			break
		}
		if row := m.Row(rec); row.Problem != nil {
			if err := w.Write(rec, row.Problem); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	want := `email,name,phone,line,problem,suggestion
anna@@posteo.de,"M, A",'+49 30 1,2,there is more than one @: keep one address in each cell,anna@posteo.de
'@,'=x,,3,nothing stands before the @: add the name of the mailbox,
b@posteo.de,B,"1,2",4,the row has more cells than the heading: put quotation marks around cells that contain the delimiter,
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	mended := strings.Replace(out.String(), "anna@@", "anna@", 1)
	again, got, _ := rows(t, mended, Options{})
	if again.Exporter != "Headway rejects" || len(again.Columns) != 6 {
		t.Errorf("recognised as %q", again.Exporter)
	}
	if got := summary(got[0]); got != "2 subscribe anna@posteo.de name=M, A;phone=+49 30 1" {
		t.Errorf("read back as %s", got)
	}
}

func TestMappingWithoutAddresses(t *testing.T) {
	t.Parallel()
	s, err := Sniff([]byte("a,b\n1,2\n"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = NewMapper(AutoMap(s), Options{})
	var refusal *Refusal
	if !errors.As(err, &refusal) || refusal.Code != NoEmailColumn {
		t.Errorf("%v, want %s", err, NoEmailColumn)
	}
}

func TestEveryCodeHasWords(t *testing.T) {
	t.Parallel()
	codes := []Code{
		EmptyFile, NotText, NULByte, NoEmailColumn, UnclosedQuote, RowTooLong, TooManyCells, BadEncoding,
		EmailMissing, SeveralAddresses, StatusUnknown,
		ArchiveDamaged, ArchiveLocked, TooManyFiles, UnpacksTooLarge, WorkbookTooLarge, OldWorkbook,
	}
	for _, a := range address.Codes() {
		codes = append(codes, Code(listhygiene.SyntaxReason(a)))
	}
	for _, c := range codes {
		if c.Words() == string(c) || c.Hint() == "" {
			t.Errorf("%s has no words or no hint", c)
		}
	}
}
