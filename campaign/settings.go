package campaign

import (
	"cmp"
	"encoding/json"
	"fmt"
	"time"
)

// Doubt says what is done with a message whose connection was lost after its
// last byte was sent.
type Doubt string

// The ways out of doubt.
const (
	DoubtResend Doubt = "resend" // send again with the same Message-ID; the default
	DoubtHold   Doubt = "hold"   // leave it in doubt for a person to decide
)

// TLS is the least encryption that a campaign asks for.
type TLS string

// What a campaign can ask for. Providers and recipient domains may ask for more.
const (
	TLSAny      TLS = ""         // encrypted where the server can, else in the clear
	TLSRequired TLS = "required" // never in the clear; the certificate may be any
	TLSVerified TLS = "verified" // with a certificate that is valid for the mail host, too
)

// Settings are the terms under which a campaign is delivered.
type Settings struct {
	// Retry is the schedule of deferred mail.
	Retry Retry `json:"retry" toml:"retry"`
	// Lifetime is how long a delivery is tried, counted from its first
	// attempt; then it expires. Defaults to 48 hours.
	Lifetime Duration `json:"lifetime" toml:"lifetime"`
	// StopBy ends what was never tried. Zero means never.
	StopBy time.Time `json:"stop_by,omitzero" toml:"stop_by"`
	// FinishBy is when everything should be done. It stops nothing and exceeds
	// no pace: it says who will be late, and makes the campaign urgent where
	// that helps. Zero means no such time.
	FinishBy time.Time `json:"finish_by,omitzero" toml:"finish_by"`
	// LateStart is how much later than scheduled a campaign may start, when no
	// node was up at that time; after that it goes back to being a draft.
	// Defaults to 2 hours.
	LateStart Duration `json:"late_start" toml:"late_start"`
	// OnDoubt says what is done with messages in doubt. Defaults to resend.
	OnDoubt Doubt `json:"on_doubt" toml:"on_doubt"`
	// StopsWarnOnly turns the stops of a campaign that goes badly (too many
	// bounces or complaints) into warnings.
	StopsWarnOnly bool `json:"stops_warn_only" toml:"stops_warn_only"`
	// TLS is the least encryption under which mail goes out; where a server has
	// less, mail waits, and expires at the end of its lifetime. Defaults to none.
	TLS TLS `json:"tls,omitempty" toml:"tls"`
	// Window is when messages may go out; outside it they wait, and the time
	// does not count towards Lifetime. Defaults to always.
	Window Window `json:"window,omitzero" toml:"window"`
	// ReaderTime is when each reader gets the mail, on their own clock. It is
	// set with the schedule. Defaults to none: all from the launch on.
	ReaderTime ReaderTime `json:"reader_time,omitzero" toml:"reader_time"`
	// Tracking is what is counted of what readers do. Defaults to clicks alone.
	Tracking Tracking `json:"tracking" toml:"tracking"`
}

// usualLateStart is how late a campaign may start that does not say otherwise.
const usualLateStart = Duration(2 * time.Hour)

// MayStartLate returns LateStart, or the usual when it is 0.
func (s Settings) MayStartLate() time.Duration { return cmp.Or(s.LateStart, usualLateStart).Std() }

// DefaultSettings are what a new campaign starts with.
func DefaultSettings() Settings {
	return Settings{
		Retry: Retry{
			Steps:      []Duration{minutes(5), minutes(10), minutes(20), minutes(40), minutes(60)},
			Throttled:  minutes(1),
			Greylisted: Duration(5*time.Minute + 5*time.Second),
			Mailbox:    minutes(15),
			Spread:     0.2,
		},
		Lifetime:  Duration(48 * time.Hour),
		LateStart: usualLateStart,
		OnDoubt:   DoubtResend,
		Tracking:  Tracking{Clicks: true},
	}
}

// Check returns an error that names the first setting that cannot be used.
func (s Settings) Check() error {
	switch {
	case s.Lifetime <= 0:
		return fmt.Errorf("lifetime is %s; it must be longer than 0", s.Lifetime.Std())
	case s.LateStart < 0:
		return fmt.Errorf("late_start is %s; it must not be negative", s.LateStart.Std())
	case s.Retry.Spread < 0 || s.Retry.Spread > 0.9:
		return fmt.Errorf("retry.spread is %g; it must be between 0 and 0.9", s.Retry.Spread)
	case s.OnDoubt != DoubtResend && s.OnDoubt != DoubtHold:
		return fmt.Errorf("on_doubt is %q; it must be %q or %q", s.OnDoubt, DoubtResend, DoubtHold)
	case s.TLS != TLSAny && s.TLS != TLSRequired && s.TLS != TLSVerified:
		return fmt.Errorf("tls is %q; it must be %q, %q or nothing", s.TLS, TLSRequired, TLSVerified)
	}
	if err := s.Window.Check(); err != nil {
		return fmt.Errorf("window: %w", err)
	}
	if err := s.ReaderTime.Check(); err != nil {
		return fmt.Errorf("reader_time: %w", err)
	}
	for i, step := range s.Retry.Steps {
		if step <= 0 {
			return fmt.Errorf("retry.steps[%d] is %s; it must be longer than 0", i, step.Std())
		}
	}
	return nil
}

func minutes(n int) Duration { return Duration(time.Duration(n) * time.Minute) }

// Duration is a time.Duration that is written as "5m0s" in JSON and TOML.
type Duration time.Duration

// Std returns d as the standard library's type.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// MarshalText writes d as in "48h0m0s".
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.Std().String()), nil }

// UnmarshalText reads what time.ParseDuration reads.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%q is not a duration; write it like 90s, 5m or 48h", text)
	}
	*d = Duration(parsed)
	return nil
}

// ParseSettings reads settings as they are stored; what is absent keeps its
// default.
func ParseSettings(data []byte) (Settings, error) {
	s := DefaultSettings()
	if err := json.Unmarshal(data, &s); err != nil {
		return s, fmt.Errorf("campaign settings: %w", err)
	}
	return s, nil
}
