package simulate

import "slices"

// median returns the middle of one figure over several runs.
func median[T any](runs []T, figure func(T) float64) float64 {
	xs := make([]float64, len(runs))
	for i, r := range runs {
		xs[i] = figure(r)
	}
	slices.Sort(xs)
	return xs[len(xs)/2]
}
