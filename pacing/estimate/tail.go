package estimate

import "math"

// tail returns by how many seconds retries outlast the last first attempt, if
// n messages go at a rate and a share of all attempts is put off.
//
// Of n messages, n × share^k need a k-th retry. The last of those left about
// 1 ÷ (rate × share^k) before the end and then waited for all k waits. The
// tail is the longest that any k gives, as long as somebody needs it.
func (w Work) tail(n, rate float64) float64 {
	if w.PutOff <= 0 || len(w.Retry) == 0 || rate <= 0 || w.Outlook.PutOff > 0 {
		return 0
	}
	share := min(w.PutOff, 0.9)
	longest, waited := 0.0, 0.0
	for k := 1; k <= 24; k++ {
		need := math.Pow(share, float64(k))
		if n*need < 0.7 {
			break
		}
		waited += w.Retry[min(k, len(w.Retry))-1].Seconds()
		longest = max(longest, waited-1/(rate*need))
	}
	return longest
}
