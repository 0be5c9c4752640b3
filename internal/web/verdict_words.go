package web

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/headwaymail/headway/listhygiene"
)

// fileStopped is the reason of contacts that are held because their file went
// badly in an earlier campaign.
const fileStopped = "file_stopped"

// whyLines is how many reasons a line of the waterfall names.
const whyLines = 4

// whyLeftOut says why contacts were left out: the reasons that lead to a
// verdict, the most frequent first.
func whyLeftOut(why map[string]int64, verdict listhygiene.Verdict) string {
	var parts []string
	for _, reason := range byCount(why) {
		about := listhygiene.Reason(reason).Verdict()
		words := listhygiene.Reason(reason).Words()
		if reason == fileStopped {
			about, words = listhygiene.Risky, "their file went badly before"
		}
		if about == verdict && len(parts) < whyLines {
			parts = append(parts, count(why[reason])+": "+words)
		}
	}
	return strings.Join(parts, "; ")
}

// byCount returns the names of counts, the largest first.
func byCount(counts map[string]int64) []string {
	return slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), strings.Compare(a, b))
	})
}
