package message

import "regexp"

var (
	schemeQuery = regexp.MustCompile(`(?i)\(\s*prefers-color-scheme\s*:\s*(dark|light)\s*\)`)
	bothSchemes = regexp.MustCompile(`(?i)(color-scheme\s*:\s*|name="(?:supported-)?color-schemes?"\s+content=")(?:light\s+dark|dark\s+light)`)
)

// InScheme returns HTML as an inbox in dark or in light colours shows it,
// whatever the browser that previews it prefers.
func InScheme(html string, dark bool) string {
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	html = schemeQuery.ReplaceAllStringFunc(html, func(query string) string {
		if (schemeQuery.FindStringSubmatch(query)[1] == "dark") == dark {
			return "(min-width: 0)" // always
		}
		return "(max-width: 0)" // never
	})
	return bothSchemes.ReplaceAllString(html, "${1}"+scheme)
}
