package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	sqlEnsureList = `
insert into lists (name, created_at) values ($1, $2) on conflict (name) do nothing`
	sqlListID = `select id from lists where name = $1`

	sqlInsertImport = `
insert into imports (list_id, list_name, file_name, size, sha256, state, plan, dry_run, consent, created_at)
select (select id from lists where name = $1), $1, $2, 0, ''::bytea, 'waiting', '{}', $3, $4, $5
returning id`
	// What a person's browser sends may be slow, and locks nothing that others need.
	sqlWaitForUpload = `set local idle_in_transaction_session_timeout = '10min'`
	sqlInsertChunk   = `insert into import_chunks (import_id, seq, data) values ($1, $2, $3)`
	sqlImportSize    = `update imports set size = $2, sha256 = $3, plan = $4 where id = $1`
	sqlChunk         = `select data from import_chunks where import_id = $1 and seq = $2`

	sqlImportForReal = `
update imports set dry_run = false, state = 'waiting', cursor = 0, cursor_offset = 0, read_bytes = 0, merged_key = '',
       counts = '{}', finished_at = null, created_at = $2,
       consent = case when $3 = '' then consent else $3 end
 where id = $1 and state = 'checked' and exists (select from import_chunks where import_id = $1)`

	sqlImportDraft = `update imports set state = 'draft' where id = $1`
	sqlImportPlan  = `
update imports set plan = $2, list_id = (select id from lists where name = $3), list_name = $3, consent = $4, dry_run = true,
       state = 'waiting', cursor = 0, cursor_offset = 0, read_bytes = 0, merged_key = '', counts = '{}', problem = null,
       finished_at = null
 where id = $1 and state in ('draft', 'checked') and exists (select from import_chunks where import_id = $1)`
	sqlImportReplan = `
update imports set plan = $2, state = 'draft'
 where id = $1 and state in ('draft', 'checked') and exists (select from import_chunks where import_id = $1)`
)

// DraftTx keeps an upload until its columns are confirmed; see [Store.PlanImport].
func DraftTx(ctx context.Context, tx pgx.Tx, id int64) error {
	_, err := tx.Exec(ctx, sqlImportDraft, id)
	return err
}

// PlanImport says how a draft is read, lets it be checked, and calls also in the
// same transaction. It returns [ErrNotFound] for an import that is neither a
// draft nor only checked, or whose upload is no longer kept.
func (s *Store) PlanImport(ctx context.Context, id int64, n NewImport, plan json.RawMessage, also func(tx pgx.Tx) error) error {
	err := s.InTx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, sqlImportPlan, id, plan, n.List, n.Consent)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return ErrNotFound
		}
		return also(tx)
	})
	if err != nil {
		return fmt.Errorf("import %d: %w", id, err)
	}
	return nil
}

// ReplanDraft changes how a draft is read, before its columns are confirmed. It
// returns [ErrNotFound] for an import that is neither a draft nor only checked,
// or whose upload is no longer kept.
func (s *Store) ReplanDraft(ctx context.Context, id int64, plan json.RawMessage) error {
	tag, err := s.pool.Exec(ctx, sqlImportReplan, id, plan)
	if err == nil && tag.RowsAffected() == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("import %d: %w", id, err)
	}
	return nil
}

// chunkSize is the part of an upload that is stored as one row.
const chunkSize = 1 << 20

// NewImport is an upload to be stored.
type NewImport struct {
	List     string // name; made when the import is worked, unless it exists
	FileName string
	DryRun   bool
	Consent  string
	Content  io.Reader
	Limit    int64 // bytes; 0 for none
	At       time.Time
}

// ErrTooLarge says that an upload is larger than it may be.
var ErrTooLarge = errors.New("the file is too large")

// ErrBrokenOff says that an upload ended before its end: what came of it is no
// whole file.
var ErrBrokenOff = errors.New("the upload broke off")

// AddImport stores an upload, has plan look at it, and calls also, all in one
// transaction: an upload that plan refuses leaves nothing behind.
func (s *Store) AddImport(ctx context.Context, n NewImport, plan func(*UploadFile) (json.RawMessage, error),
	also func(tx pgx.Tx, id int64) error) (int64, error) {

	var id int64
	err := s.InTx(ctx, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, sqlInsertImport, n.List, n.FileName, n.DryRun, n.Consent, n.At).Scan(&id); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, sqlWaitForUpload); err != nil {
			return err
		}
		digest := sha256.New()
		size, err := storeChunks(ctx, tx, id, io.TeeReader(n.Content, digest), n.Limit)
		if err != nil {
			return err
		}
		stored, err := plan(&UploadFile{ctx: ctx, q: tx, id: id, size: size, seq: -1})
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, sqlImportSize, id, size, digest.Sum(nil), stored); err != nil {
			return err
		}
		return also(tx, id)
	})
	if err != nil {
		return 0, fmt.Errorf("%s: %w", n.FileName, err)
	}
	return id, nil
}

// whole reads an upload, and tells one that broke off from one that ended: a
// body that is cut is io.ErrUnexpectedEOF, as is a last chunk that is not full.
type whole struct{ io.Reader }

func (w whole) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = ErrBrokenOff
	}
	return n, err
}

func storeChunks(ctx context.Context, tx pgx.Tx, id int64, file io.Reader, limit int64) (size int64, err error) {
	chunk := make([]byte, chunkSize)
	for seq := 0; ; seq++ {
		n, err := io.ReadFull(whole{file}, chunk)
		if n > 0 {
			if size += int64(n); limit > 0 && size > limit {
				return size, fmt.Errorf("%w: %d MB may be uploaded at once; compress it or split it", ErrTooLarge, limit>>20)
			}
			if _, err := tx.Exec(ctx, sqlInsertChunk, id, seq, chunk[:n]); err != nil {
				return size, err
			}
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return size, nil
		case err != nil:
			return size, fmt.Errorf("read the upload: %w", err)
		}
	}
}

// ImportForReal lets an upload that was only checked be imported, and calls
// also in the same transaction. Consent replaces what was stated before unless
// it is empty. It returns [ErrNotFound] for an import that is no checked dry run
// or whose upload is no longer kept.
func (s *Store) ImportForReal(ctx context.Context, id int64, consent string, now time.Time, also func(tx pgx.Tx) error) error {
	err := s.InTx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, sqlImportForReal, id, now, consent)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return ErrNotFound
		}
		return also(tx)
	})
	if err != nil {
		return fmt.Errorf("import %d: %w", id, err)
	}
	return nil
}

// UploadFile reads an upload anywhere. It keeps one piece of it in memory and
// is not safe for use by several goroutines.
type UploadFile struct {
	ctx  context.Context
	q    queryer
	id   int64
	size int64

	seq      int // of chunk; -1 before the first
	chunk    []byte
	furthest int64
}

// ImportFile returns the upload of an import.
func (s *Store) ImportFile(ctx context.Context, i Import) *UploadFile {
	return &UploadFile{ctx: ctx, q: s.pool, id: i.ID, size: i.Size, seq: -1}
}

// Size returns the size of the upload in bytes.
func (f *UploadFile) Size() int64 { return f.size }

// Furthest returns the end of what was read so far, for progress.
func (f *UploadFile) Furthest() int64 { return f.furthest }

// ReadAt reads from any byte of the upload, as [io.ReaderAt] says.
func (f *UploadFile) ReadAt(p []byte, off int64) (int, error) {
	read := 0
	for read < len(p) {
		at := off + int64(read)
		if at >= f.size {
			return read, io.EOF
		}
		if err := f.load(int(at / chunkSize)); err != nil {
			return read, err
		}
		n := copy(p[read:], f.chunk[at%chunkSize:])
		if n == 0 {
			return read, io.ErrUnexpectedEOF
		}
		read += n
		f.furthest = max(f.furthest, at+int64(n))
	}
	return read, nil
}

func (f *UploadFile) load(seq int) error {
	if seq == f.seq {
		return nil
	}
	err := f.q.QueryRow(f.ctx, sqlChunk, f.id, seq).Scan(&f.chunk)
	if err != nil {
		return fmt.Errorf("uploaded file of import %d: %w", f.id, err)
	}
	f.seq = seq
	return nil
}
