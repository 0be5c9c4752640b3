package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// An image that is there already gets words where it had none.
	sqlInsertImage = `
insert into images as i (name, file_name, alt, size, data, thumbnail, created_at, created_by)
values ($1, $2, $3, length($4::bytea), $4, $5, $6, $7)
on conflict (name) do update set alt = case when i.alt = '' then excluded.alt else i.alt end
returning xmax = 0`

	// Campaigns are looked through once for all images of the page: a logo may be
	// shown by each of them. Index: images_newest.
	sqlImages = `
with page as (
    select name, file_name, alt, size, created_at, created_by
      from images
     where $1 = '' or (created_at, name) < (select o.created_at, o.name from images o where o.name = $1)
     order by created_at desc, name desc limit $2
), shown as (
    select n.name, count(*) as times
      from campaigns c cross join lateral unnest(c.images) as n (name)
     where not c.system and c.images && (select array_agg(name) from page)
     group by n.name
)
select i.name, i.file_name, i.alt, i.size, i.created_at, i.created_by, coalesce(s.times, 0),
       (select count(*) from templates t where t.images @> array[i.name])
  from page i left join shown s on s.name = i.name
 order by i.created_at desc, i.name desc`

	sqlImage = `
select i.name, i.file_name, i.alt, i.size, i.created_at, i.created_by,
       (select count(*) from campaigns c where c.images @> array[i.name] and not c.system),
       (select count(*) from templates t where t.images @> array[i.name])
  from images i where i.name = $1`

	// Index: campaigns_images.
	sqlImageCampaigns = `
select id, name, state::text from campaigns where images @> array[$1::text] and not system order by id desc limit $2`
	sqlImageTemplates = `select id, name from templates where images @> array[$1::text] order by name limit $2`

	sqlImageData      = `select data, created_at from images where name = $1`
	sqlImageThumbnail = `select thumbnail from images where name = $1`
	sqlImageAlt       = `update images set alt = $2 where name = $1`
	sqlImagesKnown    = `select name from images where name = any($1)`

	sqlDeleteImage = `
delete from images i
 where i.name = $1 and not exists (select from campaigns c where c.images @> array[i.name] and not c.system)
   and not exists (select from templates t where t.images @> array[i.name])`
)

// NewImage is a picture to be stored; see campaign/picture.
type NewImage struct {
	Name      string
	FileName  string // of the upload
	Alt       string // what it shows; may be empty
	Data      []byte
	Thumbnail []byte
	By        string
}

// Image is a picture that newsletters may show.
type Image struct {
	Name      string
	FileName  string
	Alt       string
	Size      int // bytes
	CreatedAt time.Time
	CreatedBy string
	Campaigns int64 // that show it
	Templates int64
}

// Used reports whether anything shows the image.
func (i Image) Used() bool { return i.Campaigns+i.Templates > 0 }

// AddImage stores an image, unless it is there already, and reports whether it is
// new.
func (s *Store) AddImage(ctx context.Context, n NewImage, now time.Time) (fresh bool, err error) {
	err = s.pool.QueryRow(ctx, sqlInsertImage, n.Name, n.FileName, n.Alt, n.Data, n.Thumbnail, now, n.By).Scan(&fresh)
	return fresh, wrap(err, "store "+n.FileName)
}

// Images returns images, the newest first: those behind one of them, or from the
// first when it is empty.
func (s *Store) Images(ctx context.Context, behind string, limit int) ([]Image, error) {
	rows, err := s.pool.Query(ctx, sqlImages, behind, limit)
	if err != nil {
		return nil, wrap(err, "images")
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Image])
	return found, wrap(err, "images")
}

// Image returns one image, or [ErrNotFound].
func (s *Store) Image(ctx context.Context, name string) (Image, error) {
	rows, err := s.pool.Query(ctx, sqlImage, name)
	if err != nil {
		return Image{}, wrap(err, "image "+name)
	}
	found, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Image])
	if errors.Is(err, pgx.ErrNoRows) {
		return found, missing{"image " + name}
	}
	return found, wrap(err, "image "+name)
}

// ImageUse is something that shows an image.
type ImageUse struct {
	ID    int64
	Name  string
	State string // of a campaign; empty for a template
}

// ImageUses returns the newest campaigns, and the templates, that show an image;
// so many of each at most.
func (s *Store) ImageUses(ctx context.Context, name string, limit int) (campaigns, templates []ImageUse, err error) {
	rows, err := s.pool.Query(ctx, sqlImageCampaigns, name, limit)
	if err == nil {
		campaigns, err = pgx.CollectRows(rows, pgx.RowToStructByPos[ImageUse])
	}
	if err == nil {
		rows, err = s.pool.Query(ctx, sqlImageTemplates, name, limit)
	}
	if err == nil {
		templates, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (u ImageUse, err error) {
			return u, row.Scan(&u.ID, &u.Name)
		})
	}
	return campaigns, templates, wrap(err, "what shows image "+name)
}

// ImageData returns what is served under the name of an image, and since when;
// or [ErrNotFound].
func (s *Store) ImageData(ctx context.Context, name string) (data []byte, at time.Time, err error) {
	err = s.pool.QueryRow(ctx, sqlImageData, name).Scan(&data, &at)
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrNotFound
	}
	return data, at, wrap(err, "image "+name)
}

// ImageThumbnail returns an image in small, or [ErrNotFound].
func (s *Store) ImageThumbnail(ctx context.Context, name string) (data []byte, err error) {
	err = s.pool.QueryRow(ctx, sqlImageThumbnail, name).Scan(&data)
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrNotFound
	}
	return data, wrap(err, "thumbnail of "+name)
}

// DescribeImage says what an image shows. The error is [ErrNotFound] when there is
// none.
func (s *Store) DescribeImage(ctx context.Context, name, alt string) error {
	tag, err := s.pool.Exec(ctx, sqlImageAlt, name, alt)
	if err == nil && tag.RowsAffected() == 0 {
		err = missing{"image " + name}
	}
	return wrap(err, "describe an image")
}

// ImagesKnown returns which of some images are there.
func (s *Store) ImagesKnown(ctx context.Context, names []string) (map[string]bool, error) {
	rows, err := s.pool.Query(ctx, sqlImagesKnown, names)
	if err != nil {
		return nil, wrap(err, "images")
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	known := make(map[string]bool, len(found))
	for _, name := range found {
		known[name] = true
	}
	return known, wrap(err, "images")
}

// DeleteImage deletes an image. The error is [ErrInUse] when something shows it,
// [ErrNotFound] when there is none.
func (s *Store) DeleteImage(ctx context.Context, name string) error {
	tag, err := s.pool.Exec(ctx, sqlDeleteImage, name)
	if err == nil && tag.RowsAffected() == 0 {
		if _, err = s.Image(ctx, name); err == nil {
			err = ErrInUse
		}
	}
	return wrap(err, fmt.Sprintf("delete image %s", name))
}
