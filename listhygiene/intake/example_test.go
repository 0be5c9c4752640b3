package intake_test

import (
	"fmt"
	"io"
	"strings"

	"github.com/headwaymail/headway/listhygiene/intake"
)

const export = `E-Mail;Vorname;Status
anna@example.org;Anna;aktiv
Berta <berta@example.org>;Berta;abgemeldet
carla@@example.org;"Carla;aktiv
dora@@example.org;Dora;aktiv
`

// An import sniffs, maps, reads, and keeps what it refused.
func Example() {
	sample, err := intake.Sniff([]byte(export)) // the first 256 KB of the file
	if err != nil {
		fmt.Println(err)
		return
	}
	mapper, err := intake.NewMapper(intake.AutoMap(sample), intake.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	var report intake.Report
	reader := intake.NewReader(strings.NewReader(export), sample.Format)
	for {
		record, err := reader.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		row := mapper.Row(record)
		report.Add(row)
		if row.Problem != nil {
			fmt.Printf("%d %s %q\n", row.Line, row.Problem.Code, row.Problem.Suggestion)
			continue
		}
		fmt.Println(row.Line, row.Address, row.Status, row.Fields)
	}
	fmt.Println(report.Accepted, "of", report.Rows)
	// Output:
	// 2 anna@example.org subscribe [{first_name Anna}]
	// 3 berta@example.org unsubscribed [{first_name Berta}]
	// 4 unclosed_quote ""
	// 5 syntax_at_repeated "dora@example.org"
	// 2 of 4
}
