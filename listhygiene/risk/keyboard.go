package risk

// Keys that lie beside each other on a QWERTY keyboard; the pairs that QWERTZ
// (y and z) and AZERTY (q and a, w and z) exchange lie close enough there too.
var rows = [...]string{"1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm"}

// near[a][b] is true for neighbouring keys.
var near = func() (n [128][128]bool) {
	pair := func(a, b byte) { n[a][b], n[b][a] = true, true }
	for r, row := range rows {
		for i := range len(row) {
			if i > 0 {
				pair(row[i], row[i-1])
			}
			if r == 0 {
				continue
			}
			// Each row is shifted to the right by about half a key.
			above := rows[r-1]
			if i < len(above) {
				pair(row[i], above[i])
			}
			if i+1 < len(above) {
				pair(row[i], above[i+1])
			}
		}
	}
	return n
}()

func isNear(a, b byte) bool { return a < 128 && b < 128 && near[a][b] }

// lookAlikes are characters that are confused by eye, in both directions.
var lookAlikes = map[[2]byte]bool{
	{'0', 'o'}: true, {'1', 'l'}: true, {'1', 'i'}: true, {'3', 'e'}: true, {'4', 'a'}: true,
	{'5', 's'}: true, {'8', 'b'}: true, {'8', 'o'}: true, {'9', 'g'}: true,
}

func looksLike(a, b byte) bool {
	isDigit := func(c byte) bool { return '0' <= c && c <= '9' }
	return isDigit(a) && lookAlikes[[2]byte{a, b}] || isDigit(b) && lookAlikes[[2]byte{b, a}]
}

func isVowel(c byte) bool {
	switch c {
	case 'a', 'e', 'i', 'o', 'u', 'y':
		return true
	}
	return false
}
