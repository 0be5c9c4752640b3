package bench

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"

	campaigntoken "github.com/headwaymail/headway/campaign/token"
	"github.com/headwaymail/headway/internal/postgres"
)

// Every page that internal/web serves is loaded, or has a reason not to be.
func TestEveryPageIsMeasured(t *testing.T) {
	t.Parallel()
	known := make(map[string]bool)
	for _, stop := range pageStops(postgres.BenchSubjects{}, "", func(campaigntoken.Purpose) string { return "token" }) {
		known[stop.route] = true
		if strings.HasSuffix(stop.route, "/live") != stop.live {
			t.Errorf("%s: live is %t", stop.route, stop.live)
		}
	}
	routes := 0
	file, err := parser.ParseFile(token.NewFileSet(), "../web/routes.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		literal, ok := n.(*ast.BasicLit)
		if !ok || literal.Kind != token.STRING {
			return true
		}
		route, err := strconv.Unquote(literal.Value)
		if err != nil || !strings.HasPrefix(route, "GET /") {
			return true
		}
		routes++
		if _, excused := notPages[route]; excused == known[route] {
			t.Errorf("%s: give it a place in pageStops, or a reason in notPages (measured: %t, excused: %t)", route, known[route], excused)
		}
		delete(known, route)
		return true
	})
	if routes < 60 {
		t.Errorf("found only %d routes; the search is broken", routes)
	}
	for route := range known {
		t.Errorf("%s is measured and not served", route)
	}
}
