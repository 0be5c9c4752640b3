package postgres

import (
	"context"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/headwaymail/headway/internal/postgres/pgtest"
)

func TestMain(m *testing.M) {
	// Properties walk through a real database: fewer runs than rapid's 100,
	// unless the command line says otherwise.
	if err := flag.Set("rapid.checks", "30"); err != nil {
		panic(err)
	}
	pgtest.Main(m)
}

// open returns a store on a fresh, migrated database.
func open(t testing.TB) *Store {
	t.Helper()
	url := pgtest.Database(t, Migrate, MigrationsFingerprint())
	store, err := Open(context.Background(), url, 8)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	return store
}

// TestEveryStatementPrepares finds all constants named sql… in this package's
// source and lets Postgres prepare each against the migrated schema.
func TestEveryStatementPrepares(t *testing.T) {
	t.Parallel()
	store := open(t)
	ctx := context.Background()
	conn, err := store.pool.Acquire(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	statements := constants(t)
	if len(statements) < 60 {
		t.Fatalf("found only %d statements; the search is broken", len(statements))
	}
	parts := []string{"sqlBarred", "sqlImport", "sqlCampaignColumns", "sqlJudgedMembers", "sqlJudgedRows", "sqlMergeFound", "sqlUndoable", "sqlAddCounters", "sqlEndFrom", "sqlEndTo", "sqlQueued", "sqlQueueColumns", "sqlRecord", "sqlNoneLate", "sqlLaunchQueue", "sqlRecipientsFrom", "sqlRecipientsTo", "sqlLaunchCounts", "sqlWithEngagements"}
	for name, statement := range statements {
		switch {
		case strings.Contains(statement, "%"): // DDL with a name filled in, or a segment
			continue
		case slices.Contains(parts, name): // of others
			continue
		}
		if _, err := conn.Conn().Prepare(ctx, name, statement); err != nil {
			t.Errorf("%s: %v\n%s", name, err, statement)
		}
	}
}

// constants returns the text of every constant named sql… of the package, with
// concatenations resolved.
func constants(t *testing.T) map[string]string {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	expressions := make(map[string]ast.Expr)
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			gen, ok := decl.(*ast.GenDecl)
			if !ok || gen.Tok != token.CONST {
				continue
			}
			for _, spec := range gen.Specs {
				value := spec.(*ast.ValueSpec)
				for i, name := range value.Names {
					if strings.HasPrefix(name.Name, "sql") && i < len(value.Values) {
						expressions[name.Name] = value.Values[i]
					}
				}
			}
		}
	}
	found := make(map[string]string, len(expressions))
	for name, e := range expressions {
		text, err := evaluate(e, expressions)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		found[name] = text
	}
	return found
}

func evaluate(e ast.Expr, known map[string]ast.Expr) (string, error) {
	switch e := e.(type) {
	case *ast.BasicLit:
		return strconv.Unquote(e.Value)
	case *ast.Ident:
		return evaluate(known[e.Name], known)
	case *ast.BinaryExpr:
		left, err := evaluate(e.X, known)
		if err != nil {
			return "", err
		}
		right, err := evaluate(e.Y, known)
		return left + right, err
	}
	return "", fmt.Errorf("cannot evaluate %T", e)
}
