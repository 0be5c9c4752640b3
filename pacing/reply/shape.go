package reply

// Shape returns a reply without what differs from message to message: two replies
// of the same shape say the same. It is the text in which rules are matched, with
// every number replaced by a zero.
func Shape(r Reply) string {
	text := fold(nil, r)
	shape := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		c := text[i]
		if isDigit(c) {
			if n := len(shape); n > 0 && shape[n-1] == '0' {
				continue
			}
			c = '0'
		}
		shape = append(shape, c)
	}
	return string(shape)
}
