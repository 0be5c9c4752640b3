package campaign

import (
	"errors"
	"fmt"
	"time"
)

// ReaderTime is a time of day that is each reader's own: nine o'clock in Warsaw
// for readers there, nine o'clock in Tokyo for those. The zero value is none:
// all get their mail from one moment on.
type ReaderTime struct {
	Field string `json:"field,omitempty" toml:"field"` // of contacts, with the IANA name of their zone
	At    string `json:"at,omitempty" toml:"at"`       // on the wall: 2026-11-24 09:00
	Zone  string `json:"zone,omitempty" toml:"zone"`   // of readers whose zone is not known: the campaign's
}

// ReaderZoneField is the contact field that is looked at when none is named.
const ReaderZoneField = "time_zone"

// IsZero reports whether there is no such time.
func (r ReaderTime) IsZero() bool { return r == ReaderTime{} }

// Check returns an error that says what is wrong.
func (r ReaderTime) Check() error {
	if r.IsZero() {
		return nil
	}
	if r.Field == "" {
		return errors.New("name the contact field that holds the readers' time zones, such as " + ReaderZoneField)
	}
	if _, err := time.Parse(layouts[0], r.At); err != nil {
		return fmt.Errorf("%q is not a time; write it like 2026-11-24 09:00", r.At)
	}
	_, err := ParseStart(r.At, r.Zone)
	return err
}

// Wall returns the time on the wall, as if it were UTC.
func (r ReaderTime) Wall() time.Time {
	t, err := time.Parse(layouts[0], r.At)
	if err != nil {
		return time.Time{}
	}
	return t
}

// Default returns when readers whose zone is not known get their mail.
func (r ReaderTime) Default() time.Time {
	t, err := ParseStart(r.At, r.Zone)
	if err != nil {
		return r.Wall()
	}
	return t
}

// Words says the time: "09:00 on Tue 24 Nov, where each reader is".
func (r ReaderTime) Words() string {
	return r.Wall().Format("15:04 on Mon 2 Jan") + ", where each reader is"
}
