package web

import (
	"io"
	"net/http"
	"strings"
	"time"
)

// pastedLimit bounds what is pasted: more is a file.
const pastedLimit = 8 << 20

var errPasted = &refusal{Status: http.StatusRequestEntityTooLarge, Title: "That is too much to paste",
	Words: "Save it as a file, such as CSV, and choose the file: a file may be much larger."}

// readPasted reads what was pasted as a file of an import; empty for nothing.
func readPasted(part io.Reader, now time.Time) (name, text string, err error) {
	raw, err := io.ReadAll(io.LimitReader(part, pastedLimit+1))
	if err != nil {
		return "", "", errBadForm
	}
	if len(raw) > pastedLimit {
		return "", "", errPasted
	}
	if text = strings.TrimSpace(string(raw)); text == "" {
		return "", "", nil
	}
	return "Pasted " + now.UTC().Format("2 Jan 2006 15.04.05") + ".txt", onePerLine(text) + "\n", nil
}

// onePerLine gives each address a line of its own where nothing but addresses was
// pasted, as from the To field of a mail program. Anything else stays as it is.
func onePerLine(text string) string {
	addresses := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" ,;\r\n\t\u00a0", r) })
	for i, address := range addresses {
		if strings.Count(address, "@") != 1 || strings.ContainsAny(address, `"()`) {
			return text
		}
		addresses[i] = strings.TrimSuffix(strings.TrimPrefix(address, "<"), ">")
	}
	return strings.Join(addresses, "\n")
}
