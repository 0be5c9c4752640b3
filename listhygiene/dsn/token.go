package dsn

// Bounds of what can be a token: base32 of 16 bytes at least, see
// campaign/token.
const (
	shortestToken = 26
	longestToken  = 72
	mostTokens    = 20
	mostSearched  = 8 << 10
)

// Tokens returns what may be a signed token of ours, the most reliable place
// first: the return path of the message that came back, its other fields, and
// its text. Whoever uses one must verify it.
func (r Report) Tokens() []string {
	var list []string
	o := r.Original
	for _, place := range []string{r.Feedback.OriginalFrom, o.ReturnPath, o.Ref, o.MessageID, o.Unsubscribe, o.Text[:min(len(o.Text), mostSearched)]} {
		list = appendTokens(list, place)
	}
	return list
}

// appendTokens adds the runs of letters and digits of base32 that are long
// enough.
func appendTokens(list []string, text string) []string {
	start := 0
	for i := 0; i <= len(text); i++ {
		if i < len(text) && isBase32(text[i]) {
			continue
		}
		if n := i - start; shortestToken <= n && n <= longestToken && len(list) < mostTokens {
			list = append(list, text[start:i])
		}
		start = i + 1
	}
	return list
}

func isBase32(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '2' <= c && c <= '7'
}
