package probation

import (
	"cmp"
	"fmt"
	"slices"
)

// Result is what a campaign has met so far at one provider, with the contacts
// that one import file brought and that go out without slices.
type Result struct {
	File     int64 // id of the import; 0: contacts that came without a file
	Provider int64 // 0: not known yet
	Total    int64 // recipients
	Tried    int64 // of them accepted, or refused for good
	Bounced  int64 // of these hard: the address itself was refused
}

// leastTried is the number of results from which the share of a file, or of a
// provider, says something about it. It is twice that of a slice: what a stopped
// file still had to send cannot be called back.
const leastTried = 100

// BadFile is a file that must be stopped, and why.
type BadFile struct {
	File    int64
	Tried   int64
	Bounced int64
	Words   string
}

// BadFiles returns the files of which more than 5 % bounced hard, and that are
// to blame for it themselves: either they bounce at other providers, too, or
// the provider that refuses them takes what others bring. A provider that
// refuses everybody says nothing about a file, and a campaign that goes to one
// file only is stopped as a whole, for a person to decide. It is undecided while
// a file looks bad and more results may tell whether it is.
func BadFiles(results []Result) (bad []BadFile, undecided bool) {
	files, providers := make(map[int64]Result), make(map[int64]Result)
	worst := make(map[int64]Result) // where most of a file bounced
	var all Result
	for _, r := range results {
		files[r.File] = files[r.File].add(r)
		providers[r.Provider] = providers[r.Provider].add(r)
		all = all.add(r)
		if w, ok := worst[r.File]; !ok || r.Bounced > w.Bounced || r.Bounced == w.Bounced && r.Provider < w.Provider {
			worst[r.File] = r
		}
	}
	for id, file := range files {
		if id == 0 || file.Total == all.Total || file.Bounced < leastBad || file.share() <= stopBounces {
			continue
		}
		there := worst[id]
		elsewhere, others := file.without(there), providers[there.Provider].without(there)
		switch {
		case file.isBad() && (elsewhere.isBad() || others.Tried >= leastTried && !others.isBad()):
			bad = append(bad, BadFile{File: id, Tried: file.Tried, Bounced: file.Bounced,
				Words: fmt.Sprintf("%.1f %% of %d bounced hard; more than %.0f %% stops the file", 100*file.share(), file.Tried, 100*stopBounces)})
		case file.mayTell() || others.mayTell():
			undecided = true
		}
	}
	slices.SortFunc(bad, func(a, b BadFile) int { return cmp.Compare(a.File, b.File) })
	return bad, undecided
}

func (r Result) add(o Result) Result {
	return Result{Total: r.Total + o.Total, Tried: r.Tried + o.Tried, Bounced: r.Bounced + o.Bounced}
}

func (r Result) without(o Result) Result {
	return Result{Total: r.Total - o.Total, Tried: r.Tried - o.Tried, Bounced: r.Bounced - o.Bounced}
}

func (r Result) share() float64 { return float64(r.Bounced) / float64(max(r.Tried, 1)) }

func (r Result) isBad() bool { return r.Tried >= leastTried && r.share() > stopBounces }

// mayTell reports whether there is too little to say anything yet, and more to
// come.
func (r Result) mayTell() bool { return r.Tried < leastTried && r.Total >= leastTried }
