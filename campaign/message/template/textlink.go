package template

import "strings"

// escapeTextLinks marks the outputs of a text that stand in the query of a link,
// https://example.com/?name={{ name }}, so that a blank in a value does not end
// the link. All others appear as they are.
// Start is the unfinished word before the nodes.
func escapeTextLinks(nodes []node, start string) {
	word := start
	for _, n := range nodes {
		switch n := n.(type) {
		case *literal:
			if i := strings.LastIndexAny(n.text, " \t\n<>()\"'"); i >= 0 {
				word = n.text[i+1:]
			} else {
				word += n.text
			}
		case *output:
			_, query, _ := strings.Cut(word, "://")
			if strings.Contains(query, "?") && !encodesItself(n.Args) {
				n.escape = linkQuery
			}
		case *counted:
			word = ""
		case *block:
			if n.name == "capture" {
				continue
			}
			for _, branch := range n.branches {
				escapeTextLinks(branch.body, word)
			}
		}
	}
}

// encodesItself reports whether the last thing an expression does is to encode
// its value for a link.
func encodesItself(expression string) bool {
	found, _ := words(expression)
	return len(found) > 2 && found[len(found)-1] == (word{name, "url_encode"})
}
