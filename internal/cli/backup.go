package cli

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/headwaymail/headway/internal/backup"
	"github.com/headwaymail/headway/internal/secret"
)

func newBackup() *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE",
		Short: "Write the whole database to a file",
		Long: `Write the whole database to a file, through pg_dump, while nodes go on working. The key
that seals the signing keys is not in it: keep secret.key from the data folder beside it.`,
		Example: `  headway backup headway-2026-11-24.dump`,
		Args:    exactArgs(1, "the file to write"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return atDesk(cmd, func(ctx context.Context, d *desk) error {
				size, err := backup.Write(ctx, d.tools(), args[0])
				if err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "Wrote %s (%s bytes). Keep %s with it.\n", args[0], count(size),
					filepath.Join(d.config.Data, secret.FileName))
				return nil
			})
		},
	}
}

func newRestore() *cobra.Command {
	var replace bool
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Fill the database from a backup",
		Long: `Fill the database from a backup, through pg_restore. A database that holds campaigns or
contacts is refused unless --replace is given; then everything in it is lost. No node
may run meanwhile.`,
		Example: `  headway restore headway-2026-11-24.dump`,
		Args:    exactArgs(1, "the file to read"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return atDesk(cmd, func(ctx context.Context, d *desk) error {
				if err := backup.Restore(ctx, d.tools(), d.database.Store, args[0], replace); err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "Restored %s.\n", args[0])
				// Whether the key fits is found out now, not when a node starts.
				return atDesk(cmd, func(context.Context, *desk) error { return nil })
			})
		},
	}
	cmd.Flags().BoolVar(&replace, "replace", false, "give up what the database holds")
	return cmd
}

// tools says where pg_dump and pg_restore are and which database they serve.
func (d *desk) tools() backup.Tools {
	t := backup.Tools{URL: d.database.URL}
	if server := d.database.Embedded(); server != nil {
		t.BinDir = server.BinDir()
	}
	return t
}
