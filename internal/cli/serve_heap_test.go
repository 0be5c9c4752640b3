package cli

import "testing"

func TestCollectPercent(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		live, others uint64
		most         uint64 // to which the heap grows
	}{
		"nothing":                       {0, 0, heapRoom},
		"all mail to one relay":         {8 << 20, 2 << 20, heapRoom},
		"2,000 domains":                 {20 << 20, 10 << 20, heapRoom},
		"4,000 providers on pages":      {28 << 20, 8 << 20, 28<<20 + heapStep},
		"as much as there is room for":  {heapRoom, 10 << 20, heapRoom + heapStep},
		"tens of thousands of domains":  {200 << 20, 20 << 20, 245 << 20},
		"just above what has room left": {27 << 20, 10 << 20, 27<<20 + heapStep},
	} {
		percent := collectPercent(tt.live, tt.others)
		grown := tt.live + (tt.live+tt.others)*uint64(percent)/100
		if percent < collectAt || grown > tt.most || tt.live > 0 && grown < tt.most*9/10 {
			t.Errorf("%s: %d %%, to %d MB; want %d", name, percent, grown>>20, tt.most>>20)
		}
	}
}
