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
anna@example.org,Anna,Maier,2,,,"2024-03-01 10:00:00",192.0.2.7,,,,,,DE,,"2024-03-01 10:00:00",77,abc,,"""vip"",""berlin"""
`, []string{`2 subscribe anna@example.org first_name=Anna;last_name=Maier;country=DE;tags="vip","berlin"`}},
		{"Mailchimp", `Email Address,MEMBER_RATING,UNSUB_TIME,LEID,EUID
anna@example.org,2,"2024-03-01 10:00:00",77,abc
`, []string{"2 unsubscribed anna@example.org"}},
		{"Ghost", `id,email,name,note,subscribed_to_emails,complimentary_plan,stripe_customer_id,created_at,deleted_at,labels
1,anna@example.org,Anna,,true,false,,2024-03-01T10:00:00.000Z,,"vip,berlin"
2,berta@example.org,Berta,,false,false,,2024-03-01T10:00:00.000Z,,
`, []string{
			"2 subscribe anna@example.org name=Anna;created_at=2024-03-01T10:00:00.000Z;tags=vip,berlin",
			"3 unsubscribed berta@example.org name=Berta;created_at=2024-03-01T10:00:00.000Z",
		}},
		{"HubSpot", `Record ID,First Name,Email,Unsubscribed from all email,Lifecycle Stage,Email hard bounce reason
1,Anna,anna@example.org,,Customer,
2,Berta,berta@example.org,true,Lead,
3,Carla,carla@example.org,false,Lead,UNKNOWN_USER
`, []string{
			"2 subscribe anna@example.org first_name=Anna;lifecycle_stage=Customer",
			"3 unsubscribed berta@example.org first_name=Berta;lifecycle_stage=Lead",
			"4 bounced carla@example.org first_name=Carla;lifecycle_stage=Lead",
		}},
		{"Brevo", "CONTACT ID;EMAIL;FIRSTNAME;EMAIL_BLACKLISTED\n1;anna@example.org;Anna;no\n2;berta@example.org;Berta;yes\n",
			[]string{"2 subscribe anna@example.org first_name=Anna", "3 unsubscribed berta@example.org first_name=Berta"}},
		{"Google Contacts", `First Name,Last Name,Labels,E-mail 1 - Label,E-mail 1 - Value,E-mail 2 - Label,E-mail 2 - Value
Anna,Maier,* myContacts,* Home,anna@example.org ::: anna@example.net,Other,am@example.org
`, []string{"2 subscribe anna@example.org more_emails=anna@example.net, am@example.org;first_name=Anna;last_name=Maier;tags=* myContacts"}},
		{"listmonk", `email,name,attributes
anna@example.org,Anna,"{""city"": ""Köln"", ""age"": 31, ""pets"": [""cat""], ""none"": null}"
`, []string{`2 subscribe anna@example.org name=Anna;age=31;city=Köln;pets=["cat"]`}},
		{"phpList", "email,confirmed,blacklisted,uniqid\nanna@example.org,1,0,x\nberta@example.org,0,0,y\ncarla@example.org,1,1,z\n",
			[]string{"2 subscribe anna@example.org", "3 unconfirmed berta@example.org", "4 unsubscribed carla@example.org"}},
		{"Outlook", "First Name,E-mail Address,E-mail Type,E-mail Display Name,E-mail 2 Address\r\nAnna,anna@example.org,SMTP,Anna (x),a2@example.org\r\n",
			[]string{"2 subscribe anna@example.org first_name=Anna;more_emails=a2@example.org"}},
		{"", "Vorname;E-Mail-Adresse;PLZ\nAnna;anna@example.org;01234\n", []string{"2 subscribe anna@example.org first_name=Anna;plz=01234"}},
		{"", "Prénom;Adresse e-mail\nAnna;anna@example.org\n", []string{"2 subscribe anna@example.org first_name=Anna"}},
		{"", "メールアドレス,名前\nanna@example.org,アンナ\n", []string{"2 subscribe anna@example.org 名前=アンナ"}},
		{"", "kontakt,Stadt\nanna@example.org,Köln\n", []string{"2 subscribe anna@example.org stadt=Köln"}},
		{"", "anna@example.org,Köln\nberta@example.org,Bonn\n", []string{"1 subscribe anna@example.org column_2=Köln", "2 subscribe berta@example.org column_2=Bonn"}},
		{"", "email,state\nanna@example.org,CA\nberta@example.org,NY\n", []string{"2 subscribe anna@example.org state=CA", "3 subscribe berta@example.org state=NY"}},
		{"", "email,status\na@example.org,Subscribed\nb@example.org,unsubscribed\nc@example.org,Hard bounced\nd@example.org,pending\ne@example.org,spam\nf@example.org,blocklisted\ng@example.org,gold\nh@example.org,\n",
			[]string{
				"2 subscribe a@example.org", "3 unsubscribed b@example.org", "4 bounced c@example.org", "5 unconfirmed d@example.org",
				"6 complained e@example.org", "7 suppress f@example.org", "8! status_unknown", "9 subscribe h@example.org",
			}},
		{"", "Email;Abgemeldet;Status\na@example.org;ja;aktiv\nb@example.org;nein;unsubscribed\nc@example.org;;aktiv\n", []string{"2 unsubscribed a@example.org", "3 unsubscribed b@example.org", "4 subscribe c@example.org"}},
		{"", "Name,E-mail 1,Work email\nA,a@example.org,\nB,,b@example.org\nC,,\n", []string{"2 subscribe a@example.org name=A", "3! email_missing b@example.org", "4! email_missing"}},
		{"", "Email;Abgemeldet am\na@example.org;31.12.2024\nb@example.org;\n", []string{"2 unsubscribed a@example.org", "3 subscribe b@example.org"}},
		{"", "Email;Désabonné\na@example.org;oui\nb@example.org;non\n", []string{"2 unsubscribed a@example.org", "3 subscribe b@example.org"}},
		{"", "Email,Newsletter\na@example.org,nein\nb@example.org,ja\n", []string{"2 unsubscribed a@example.org", "3 subscribe b@example.org"}},
		{"", "Email,Newsletter\na@example.org,Weekly\nb@example.org,Daily\n", []string{"2 subscribe a@example.org newsletter=Weekly", "3 subscribe b@example.org newsletter=Daily"}},
		{"", "backup email,email\n,anna@example.org\nb@example.org,berta@example.org\n", []string{"2 subscribe anna@example.org", "3 subscribe berta@example.org backup_email=b@example.org"}},
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
 Anna@Example.org ,Anna
mailto:berta@example.org,
"Carla <carla@example.org>",
dora@shop,example.org
emil@@example.org,
,Nobody
frida@example.org; greta@example.org,
hans@example.org,"Hans
ida@foo.invalid,
juli@192.0.2.1,
lena@gmailcom,
'+karl@example.org,'=HYPERLINK("x")
`
	_, got, report := rows(t, file, Options{})
	var lines []string
	for _, row := range got {
		lines = append(lines, summary(row))
	}
	want := []string{
		"2 subscribe Anna@example.org name=Anna",
		"3 subscribe berta@example.org",
		"4 subscribe carla@example.org",
		"5! syntax_domain_no_dot",
		"6! syntax_at_repeated emil@example.org",
		"7! email_missing",
		"8! several_addresses",
		"9! unclosed_quote",
		"10! domain_reserved",
		"11! syntax_domain_numeric_top",
		"12! syntax_domain_no_dot lena@gmail.com",
		`13 subscribe +karl@example.org name==HYPERLINK("x")`,
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
anna@example.org,2024-03-01 10:00:00,192.0.2.7,2024-03-01T11:00:00+01:00,shop
berta@example.org,03/04/2024,somewhere,,
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
	if got := summary(got[1]); got != "3 subscribe berta@example.org optin_time=03/04/2024;optin_ip=somewhere" {
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
	_, got, _ := rows(t, "email,status\na@example.org,subscribed\nb@example.org,complained\n", Options{Status: Unsubscribed})
	if got[0].Status != Unsubscribed || got[1].Status != Complained {
		t.Errorf("statuses %q, %q", got[0].Status, got[1].Status)
	}
}

// A status that the preview does not show must not be lost: it may say that
// somebody left.
func TestStatusColumnThatBeginsEmpty(t *testing.T) {
	t.Parallel()
	_, got, _ := rows(t, "email,status\n"+strings.Repeat("a@example.org,\n", previewRows)+"b@example.org,unsubscribed\n", Options{})
	if last := got[len(got)-1]; last.Status != Unsubscribed {
		t.Errorf("%s", summary(last))
	}
}

func TestRejectsCanBeUploadedAgain(t *testing.T) {
	t.Parallel()
	file := "email,name,phone\nanna@@example.org,\"M, A\",+49 30 1\n@,=x,\nb@example.org,B,1,2\n"
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
anna@@example.org,"M, A",'+49 30 1,2,there is more than one @: keep one address in each cell,anna@example.org
'@,'=x,,3,nothing stands before the @: add the name of the mailbox,
b@example.org,B,"1,2",4,the row has more cells than the heading: put quotation marks around cells that contain the delimiter,
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	mended := strings.Replace(out.String(), "anna@@", "anna@", 1)
	again, got, _ := rows(t, mended, Options{})
	if again.Exporter != "Headway rejects" || len(again.Columns) != 6 {
		t.Errorf("recognised as %q", again.Exporter)
	}
	if got := summary(got[0]); got != "2 subscribe anna@example.org name=M, A;phone=+49 30 1" {
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
		EmptyFile, NotText, NULByte, NoEmailColumn, TooManyColumns, UnclosedQuote, RowTooLong, TooManyCells, BadEncoding,
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
