package reply

// automaton finds all occurrences of many literals in one pass over a text
// (Aho and Corasick 1975). Literals come in numbered sets; what a scan finds is
// the sets of which a literal stands in the text.
type automaton struct {
	class [256]uint8 // byte → column; 0 for bytes in no literal
	width int        // columns
	next  []uint32   // state × width + column → state × width
	found [][]int32  // state → sets with a literal that ends here
}

// newAutomaton builds the automaton for the sets of literals.
func newAutomaton(sets [][]string) *automaton {
	a := &automaton{width: 1}
	for _, set := range sets {
		for _, s := range set {
			for i := range len(s) {
				if a.class[s[i]] == 0 {
					a.class[s[i]] = uint8(a.width)
					a.width++
				}
			}
		}
	}
	a.grow()
	for i, set := range sets {
		for _, s := range set {
			a.insert(s, int32(i))
		}
	}
	a.link()
	return a
}

// grow appends a state without transitions and returns its offset in next.
func (a *automaton) grow() uint32 {
	at := uint32(len(a.next))
	a.next = append(a.next, make([]uint32, a.width)...)
	a.found = append(a.found, nil)
	return at
}

// insert adds one literal to the trie. Offset 0 is the root, and no transition
// leads back to it yet, so 0 means "none".
func (a *automaton) insert(s string, set int32) {
	state := uint32(0)
	for i := range len(s) {
		edge := state + uint32(a.class[s[i]])
		if a.next[edge] == 0 {
			at := a.grow()
			a.next[edge] = at
		}
		state = a.next[edge]
	}
	node := int(state) / a.width
	a.found[node] = append(a.found[node], set)
}

// link turns the trie into an automaton: breadth first, each state takes over
// the transitions and the finds of its longest proper suffix.
func (a *automaton) link() {
	suffix := make([]uint32, len(a.found))
	queue := []uint32{}
	for c := 1; c < a.width; c++ {
		if s := a.next[c]; s != 0 {
			queue = append(queue, s)
		}
	}
	for len(queue) > 0 {
		state := queue[0]
		queue = queue[1:]
		back := suffix[int(state)/a.width]
		for c := uint32(1); c < uint32(a.width); c++ {
			s := a.next[state+c]
			if s == 0 {
				a.next[state+c] = a.next[back+c]
				continue
			}
			node, other := int(s)/a.width, a.next[back+c]
			suffix[node] = other
			a.found[node] = append(a.found[node], a.found[int(other)/a.width]...)
			queue = append(queue, s)
		}
	}
}

// scan calls hit for every literal in the text, with the number of its set.
func (a *automaton) scan(text []byte, hit func(set int32)) {
	state, width := uint32(0), uint32(a.width)
	for _, b := range text {
		state = a.next[state+uint32(a.class[b])]
		if state != 0 {
			for _, set := range a.found[state/width] {
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
