package listhygiene_test

import (
	"testing"

	"github.com/headwaymail/headway/listhygiene"
)

func TestMayComeBack(t *testing.T) {
	t.Parallel()
	const list, other = 7, 8
	left := listhygiene.Bar{Reason: listhygiene.Unsubscribed, List: list, Own: true}
	everything := listhygiene.Bar{Reason: listhygiene.Unsubscribed, Own: true}
	for name, test := range map[string]struct {
		bars []listhygiene.Bar
		want bool
	}{
		"nothing was left":               {nil, false},
		"left this list":                 {[]listhygiene.Bar{left}, true},
		"left everything":                {[]listhygiene.Bar{everything}, true},
		"left this list and everything":  {[]listhygiene.Bar{left, everything}, true},
		"left another list":              {[]listhygiene.Bar{{Reason: listhygiene.Unsubscribed, List: other, Own: true}}, false},
		"an operator entered it":         {[]listhygiene.Bar{{Reason: listhygiene.Unsubscribed, List: list}}, false},
		"complained as well":             {[]listhygiene.Bar{left, {Reason: listhygiene.Complained}}, false},
		"complained about another list":  {[]listhygiene.Bar{left, {Reason: listhygiene.Complained, List: other}}, true},
		"cannot be reached":              {[]listhygiene.Bar{everything, {Reason: listhygiene.Bounced}}, false},
		"suppressed by hand":             {[]listhygiene.Bar{left, {Reason: listhygiene.Manual, List: list}}, false},
		"came as suppressed with a file": {[]listhygiene.Bar{left, {Reason: listhygiene.ImportedSuppression}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := listhygiene.MayComeBack(list, test.bars); got != test.want {
				t.Errorf("%t, want %t", got, test.want)
			}
		})
	}
}
