package postgres

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pressly/goose/v3"

	"github.com/headwaymail/headway/internal/postgres/pgtest"
	"github.com/headwaymail/headway/migrations"
)

// imageName makes a name that an image could have.
func imageName(letter string) string { return strings.Repeat(letter, 32) + "-120x80.png" }

// Wherever a text shows an image, that is found; what only looks like one is not.
func TestImageNames(t *testing.T) {
	t.Parallel()
	store := open(t)
	a, b := imageName("a"), imageName("b")
	for text, want := range map[string][]string{
		"": {}, "![x](/i/" + a + ")": {a}, `{"html": "<img src=\"https://news.test/i/` + a + `\"> ` + "![](/i/" + b + ")\\n![](/i/" + a + `)"}`: {a, b},
		"/i/logo.png": {}, "/images/" + a: {}, "/i/" + strings.Repeat("a", 31) + "-120x80.png": {}, "/i/" + strings.Repeat("a", 32) + "-120x80.svg": {},
	} {
		var got []string
		if err := store.pool.QueryRow(context.Background(), `select image_names($1)`, text).Scan(&got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}

func TestImagesAreStoredOnce(t *testing.T) {
	t.Parallel()
	store := open(t)
	ctx, now := context.Background(), time.Now().UTC().Truncate(time.Millisecond)
	n := NewImage{Name: imageName("a"), FileName: "a.png", Data: []byte("data"), Thumbnail: []byte("small"), By: "ann"}
	for i, alt := range []string{"", "A mill", "Another mill"} {
		n.Alt = alt
		fresh, err := store.AddImage(ctx, n, now)
		if err != nil || fresh != (i == 0) {
			t.Errorf("stored as %q: new %t, %v", alt, fresh, err)
		}
	}
	got, err := store.Image(ctx, n.Name)
	want := Image{Name: n.Name, FileName: "a.png", Alt: "A mill", Size: 4, CreatedAt: now, CreatedBy: "ann"}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	data, at, err := store.ImageData(ctx, n.Name)
	if err != nil || string(data) != "data" || !at.Equal(now) {
		t.Errorf("%q %v %v", data, at, err)
	}
	if err := store.DeleteImage(ctx, n.Name); err != nil {
		t.Error(err)
	}
	for _, err := range []error{store.DeleteImage(ctx, n.Name), store.DescribeImage(ctx, n.Name, "x")} {
		if !errors.Is(err, ErrNotFound) {
			t.Errorf("an image that is gone: %v", err)
		}
	}
}

// What shows an image is found by an index, however many campaigns there are.
func TestImageUsesAreFoundByIndex(t *testing.T) {
	t.Parallel()
	store := open(t)
	ctx := context.Background()
	if _, err := store.pool.Exec(ctx, `insert into campaigns (name, content, settings, created_at, updated_at)
	        select 'c', jsonb_build_object('markdown', '![x](/i/' || translate(lpad(k::text, 32, '0'), '0123456789', 'abcdefghij') || '-1x1.png)'), '{}', now(), now()
	          from generate_series(1, 3000) k`); err != nil {
		t.Fatal(err)
	}
	if _, err := store.pool.Exec(ctx, `analyze campaigns`); err != nil {
		t.Fatal(err)
	}
	var plan string
	rows, err := store.pool.Query(ctx, `explain `+strings.NewReplacer("$1", "'x'", "$2", "20").Replace(sqlImageCampaigns))
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		plan += line + "\n"
	}
	if rows.Err() != nil || !strings.Contains(plan, "campaigns_images") {
		t.Errorf("%v\n%s", rows.Err(), plan)
	}
}

// The migration of images leads back and forth, with campaigns and templates in
// the database.
func TestImagesMigrateBothWays(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db, err := sql.Open("pgx", pgtest.Database(t, Migrate, MigrationsFingerprint()))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, `insert into templates (name, html, created_at, updated_at) values ('t', '<img src="/i/`+imageName("a")+`">', now(), now())`); err != nil {
		t.Fatal(err)
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, migrations.Files, goose.WithLogger(goose.NopLogger()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.DownTo(ctx, 20); err != nil {
		t.Fatal(err)
	}
	if _, err := provider.Up(ctx); err != nil {
		t.Fatal(err)
	}
	var shows int
	if err := db.QueryRowContext(ctx, `select cardinality(images) from templates`).Scan(&shows); err != nil || shows != 1 {
		t.Errorf("the template shows %d images: %v", shows, err)
	}
}
