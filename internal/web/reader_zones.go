package web

import (
	"time"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/postgres"
)

// ownTimeForm is whether each reader gets a campaign at the time of their own zone.
type ownTimeForm struct {
	Wanted bool
	Field  string // of contacts
}

// newOwnTimeForm fills the form.
func newOwnTimeForm(r campaign.ReaderTime) ownTimeForm {
	if r.IsZero() {
		return ownTimeForm{Field: campaign.ReaderZoneField}
	}
	return ownTimeForm{Wanted: true, Field: r.Field}
}

func readOwnTime(get func(string) string) ownTimeForm {
	return ownTimeForm{Wanted: get("own") != "", Field: get("zone_field")}
}

// field is the contact field that is asked for; empty for one moment for all.
func (f ownTimeForm) field() string {
	switch {
	case !f.Wanted:
		return ""
	case f.Field == "":
		return campaign.ReaderZoneField
	}
	return f.Field
}

// zoneLine are readers who get a campaign at one moment.
type zoneLine struct {
	Zone    string
	Readers int64
	When    string // in the campaign's zone
	AtOnce  bool   // the time has passed there
}

// zoneLines is how many zones are named.
const zoneLines = 12

// newZoneLines says who gets a campaign when. What is not named is added up.
func newZoneLines(zones []postgres.ReaderZone, r campaign.ReaderTime, now time.Time) (lines []zoneLine, unknown int64) {
	var rest zoneLine
	named := 0
	for _, z := range zones {
		unknown += z.Unknown
		line := zoneLine{Zone: z.Zone, Readers: z.Readers, When: campaign.WordsForStart(z.Due, r.Zone, z.Due), AtOnce: !z.Due.After(now)}
		if z.Zone == "" {
			line.Zone = "Zone not known: as in " + r.Zone
		} else if named++; named > zoneLines {
			rest.Readers += z.Readers
			continue
		}
		lines = append(lines, line)
	}
	if rest.Readers > 0 {
		rest.Zone, rest.When = plural(int64(named-zoneLines), "more zone", "more zones"), "later"
		lines = append(lines, rest)
	}
	return lines, unknown
}
