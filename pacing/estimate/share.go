package estimate

// Share is what another campaign has waiting at the provider.
type Share struct {
	Left   int64
	Weight int
}

// load is how many messages the provider has taken when n of ours have gone,
// others included. Campaigns take turns by weight, and one that is done leaves
// its turns to the rest: when ours has had n messages, another has had
// n × its weight ÷ ours, or all that it had.
func (w Work) load(n float64) float64 {
	if w.Weight <= 0 {
		return n
	}
	all := n
	for _, o := range w.Others {
		all += min(float64(o.Left), n*float64(o.Weight)/float64(w.Weight))
	}
	return all
}
