package jobs

import (
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/listhygiene/intake"
)

// ImportPlan says how an upload is read and merged: what was guessed from its
// beginning, and what a person chose.
type ImportPlan struct {
	Files   []FilePlan         `json:"files"`
	Skipped []SkippedFile      `json:"skipped,omitempty"` // files of an archive that hold no contacts
	Options intake.Options     `json:"options"`
	Rule    postgres.MergeRule `json:"rule,omitempty"` // defaults to MergeOverwrite
	Map     map[string]string  `json:"map,omitempty"`  // field → heading, as a person chose
}

// FilePlan says how one file of an upload is read.
type FilePlan struct {
	Name    string         `json:"name"`
	Index   int            `json:"index"` // among all files of the upload
	Format  intake.Format  `json:"format"`
	Mapping intake.Mapping `json:"mapping"`
	Status  intake.Status  `json:"status,omitempty"` // that the name of the file gives its rows
}

// SkippedFile is a file of an archive that is not read, and why.
type SkippedFile struct {
	Name    string `json:"name"`
	Problem string `json:"problem"`
}

// options returns what holds for all rows of a file.
func (p ImportPlan) options(f FilePlan) intake.Options {
	o := p.Options
	if o.Status == "" {
		o.Status = intake.Subscribe
	}
	o.Status = intake.Stricter(o.Status, f.Status)
	return o
}

func (p ImportPlan) rule() postgres.MergeRule {
	if p.Rule == "" {
		return postgres.MergeOverwrite
	}
	return p.Rule
}
