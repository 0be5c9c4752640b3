package doctor_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/headwaymail/headway/internal/doctor"
)

func TestJudgeReach(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		reached doctor.Reached
		want    doctor.Verdict
		says    string
	}{
		"mail was accepted": {doctor.Reached{Accepted: true, Domain: "mill.test", Err: errors.New("refused")}, doctor.Pass, "24 hours"},
		"a host answered":   {doctor.Reached{Domain: "mill.test", Host: "mx.mill.test", Greeting: "220 ready"}, doctor.Pass, "mx.mill.test answered"},
		"nobody answered":   {doctor.Reached{Domain: "mill.test", Err: errors.New("no host answered in time")}, doctor.Fail, "no host answered in time"},
		"nobody was asked":  {doctor.Reached{}, doctor.Unknown, "Not tried"},
	} {
		f := doctor.JudgeReach(tc.reached)
		if f.Verdict != tc.want || !strings.Contains(f.Words, tc.says) || (f.Verdict == doctor.Pass) != (f.Fix == "") {
			t.Errorf("%s: %+v, want %s: %q", name, f, tc.want, tc.says)
		}
	}
}
