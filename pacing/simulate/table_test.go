package simulate

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func sampleTable() Table {
	return Table{
		Scenarios: []string{"A", "B"}, Titles: map[string]string{"A": "first", "B": "second"}, Contenders: []string{"Rude", "Envelope"},
		Cells: map[string][]Cell{
			"A": {{Goodput: 1, Deferrals: 500}, {Goodput: 0.97, Deferrals: 1}},
			"B": {{Goodput: 0.1, Deferrals: 990}, {Goodput: 0.93, Deferrals: 2}},
		},
	}
}

func TestTableSumsUp(t *testing.T) {
	t.Parallel()
	table := sampleTable()
	s := table.Summary(table.Column("Envelope"))
	if s.Good != 2 || s.Worst != 0.93 || s.MostDeferrals != 2 || s.Goodput < 0.949 || s.Goodput > 0.951 {
		t.Errorf("summary %+v", s)
	}
	var b strings.Builder
	if err := table.Write(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| A first | 100.0 / 500.0 | 97.0 / 1.0 |", "| ≥ 85 % and ≤ 10 | 0 of 2 | 2 of 2 |"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, b.String())
		}
	}
}

func TestTableSurvivesSaving(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	run := Saved{Text: sampleTable(), Opaque: sampleTable()}
	if err := run.Save(&b); err != nil {
		t.Fatal(err)
	}
	back, err := LoadSaved(&b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(run, back); diff != "" {
		t.Error(diff)
	}
}

func TestAFallIsSeen(t *testing.T) {
	t.Parallel()
	now := sampleTable()
	now.Cells["B"] = []Cell{{}, {Goodput: 0.8, Deferrals: 2}}
	faults := Fallen(now, sampleTable(), "Envelope")
	if len(faults) != 2 {
		t.Errorf("faults: %q, want the mean's and B's", faults)
	}
	if faults := Fallen(sampleTable(), sampleTable(), "Envelope"); len(faults) != 0 {
		t.Errorf("no change, yet %q", faults)
	}
}

func TestTargetsAreJudged(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	all, err := WriteTargets(&b, Targets(sampleTable(), nil, "Envelope"))
	if err != nil || all {
		t.Errorf("met %v, error %v", all, err)
	}
	if !strings.Contains(b.String(), "| mean goodput, % | ≥ 95 | 95.0 |") {
		t.Errorf("targets:\n%s", b.String())
	}
}

func TestReceiversAreExplained(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, want string }{
		{"empty", "providers: []", "no receivers in the file"},
		{"unknown key", "providers:\n  - name: x\n    burst: 3", "burst"},
		{"wrong figure", "providers:\n  - name: x\n    limits: [{bucket: {rate: 0/s}}]", "rate"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, err := Load(strings.NewReader(tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one about %q", err, tt.want)
			}
		})
	}
	sandbox := "seed: 1\nproviders:\n  - name: Northmail\n    domains: [northmail.test]\n    share: 20%\n    hosts: {count: 3, preferences: [10, 10, 20]}\n    latency: {connect: 25ms}\n"
	if _, err := Load(strings.NewReader(sandbox)); err != nil {
		t.Errorf("a sandbox file is refused: %v", err)
	}
	if all, err := Named(); err != nil || len(all) != 30 {
		t.Errorf("%d built-in receivers, error %v", len(all), err)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add("providers:\n  - name: x\n    limits: [{bucket: {rate: 3/s, burst: 5}}]")
	f.Fuzz(func(_ *testing.T, text string) { _, _ = Load(strings.NewReader(text)) })
}
