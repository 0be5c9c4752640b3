package cli

import (
	"strings"
	"testing"

	"github.com/headwaymail/headway/internal/service"
	"github.com/headwaymail/headway/listhygiene/intake"
)

// A dry run says what each column is taken for.
func TestPrintColumns(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	printColumns(&b, []service.FileEncoding{{File: "a.csv", Columns: []intake.Column{
		{Heading: "E-Mail", Role: intake.RoleEmail}, {Heading: "Ort", Role: intake.RoleField, Field: "ort"},
		{Heading: "Abgemeldet", Role: intake.RoleOptOut}, {Role: intake.RoleIgnore}, {Heading: "Optin IP", Role: intake.RoleConsentIP},
	}}})
	want := `Columns of a.csv:
  "E-Mail": the address
  "Ort": field ort
  "Abgemeldet": whether they have left
  column 4: left out
  "Optin IP": consent ip
`
	if b.String() != want {
		t.Errorf("got %s, want %s", b.String(), want)
	}
}
