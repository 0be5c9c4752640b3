package reply

import (
	"cmp"
	"slices"
)

// automaton finds all occurrences of many literals in one pass over a text
// (Aho and Corasick 1975). Literals come in numbered sets; what a scan finds is
// the sets of which a literal stands in the text.
//
// States are the nodes of the trie of all literals, numbered breadth first from
// the root, 0, so that the children of a state stand side by side. A table of all
// transitions would be quicker to look up in, but is forty times as large, and
// then waits for memory.
type automaton struct {
	root   [256]int32 // byte → child of the root; 0: none
	first  []int32    // state → its first child; the next state's ends the row
	label  []byte     // state → the byte that leads to it
	suffix []int32    // state → the state of its longest proper suffix
	found  [][]int32  // state → sets with a literal that ends here
}

// newAutomaton builds the automaton for the sets of literals.
func newAutomaton(sets [][]string) *automaton {
	type literal struct {
		text string
		set  int32
	}
	var all []literal
	for i, set := range sets {
		for _, text := range set {
			all = append(all, literal{text, int32(i)})
		}
	}
	slices.SortFunc(all, func(a, b literal) int { return cmp.Or(cmp.Compare(a.text, b.text), cmp.Compare(a.set, b.set)) })
	a := &automaton{}
	for states := []prefix{{to: len(all)}}; len(a.first) < len(states); {
		p := states[len(a.first)]
		a.first = append(a.first, int32(len(states)))
		a.label = append(a.label, p.last)
		var ends []int32
		at := p.from
		for ; at < p.to && len(all[at].text) == p.length; at++ {
			ends = append(ends, all[at].set)
		}
		a.found = append(a.found, ends)
		for at < p.to {
			child := prefix{from: at, length: p.length + 1, last: all[at].text[p.length]}
			for at < p.to && all[at].text[p.length] == child.last {
				at++
			}
			child.to = at
			states = append(states, child)
		}
	}
	a.first = append(a.first, int32(len(a.label)))
	a.link()
	return a
}

// prefix is a state while the trie is built: what the literals from one to another
// in their order begin with.
type prefix struct {
	from, to, length int
	last             byte
}

// link turns the trie into an automaton: breadth first, each state takes over the
// finds of its longest proper suffix.
func (a *automaton) link() {
	a.suffix = make([]int32, len(a.label))
	for c := a.first[0]; c < a.first[1]; c++ {
		a.root[a.label[c]] = c
	}
	for state := 1; state < len(a.label); state++ {
		for c := a.first[state]; c < a.first[state+1]; c++ {
			a.suffix[c] = a.next(a.suffix[state], a.label[c])
			a.found[c] = append(a.found[c], a.found[a.suffix[c]]...)
		}
	}
}

// next returns the state behind one more byte.
func (a *automaton) next(state int32, b byte) int32 {
	for state != 0 {
		for c := a.first[state]; c < a.first[state+1]; c++ {
			if a.label[c] == b {
				return c
			}
		}
		state = a.suffix[state]
	}
	return a.root[b]
}

// scan calls hit for every literal in the text, with the number of its set.
func (a *automaton) scan(text []byte, hit func(set int32)) {
	state := int32(0)
	for _, b := range text {
		if state = a.next(state, b); state != 0 {
			for _, set := range a.found[state] {
				hit(set)
			}
		}
	}
}

// bitset is a set of small numbers.
type bitset []uint64

func newBitset(n int) bitset    { return make(bitset, (n+63)/64) }
func (s bitset) add(i int)      { s[i/64] |= 1 << (i % 64) }
func (s bitset) remove(i int)   { s[i/64] &^= 1 << (i % 64) }
func (s bitset) has(i int) bool { return s[i/64]&(1<<(i%64)) != 0 }
