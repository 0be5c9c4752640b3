package intake

import "testing"

// What exporters write where they know of no time is no proof of consent.
func TestParseTimeRefusesWhatNobodyAgreedAt(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]bool{
		"2024-02-29 10:00:00": true, "2024-02-29T10:00:00Z": true, "29.02.2024": true, "1709200800": true,
		"9999-12-31 23:59:59": false, "9999-12-31T23:59:59Z": false, "31.12.9999": false, "0001-01-01 00:00:00": false,
		"1970-01-01": false, "2024-02-30": false, "10000-01-01": false, "253402300799": false,
	} {
		if at, ok := parseTime(value); ok != want {
			t.Errorf("%s: %v, %v", value, at, ok)
		}
	}
}
