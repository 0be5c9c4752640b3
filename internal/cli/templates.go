package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/headwaymail/headway/internal/api"
)

func newTemplates() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "templates",
		Short: "Layouts of your own: list, show, add from a file, remove",
		Long: `List the layouts of your own, which surround newsletters. Each is a whole HTML document with
{{ content }} where the newsletter goes.`,
		Example: `  headway templates
  headway templates --json`,
		Args: oneOfTheCommands,
		RunE: func(cmd *cobra.Command, _ []string) error { return atDesk(cmd, showTemplates(cmd)) },
	}
	cmd.AddCommand(newTemplatesShow(), newTemplatesAdd(), newTemplatesRemove())
	return cmd
}

func showTemplates(cmd *cobra.Command) func(context.Context, *desk) error {
	return func(ctx context.Context, d *desk) error {
		templates, err := d.database.Store.Templates(ctx)
		if err != nil {
			return err
		}
		if wantsJSON(cmd) {
			lines := make([]api.Template, len(templates))
			for i, t := range templates {
				lines[i] = api.NewTemplate(t)
			}
			return printJSON(cmd, lines)
		}
		t := newTable("", "template", "changed", "bytes")
		for _, found := range templates {
			t.row(fmt.Sprint(found.ID), found.Name, found.UpdatedAt.Format(time.DateOnly), count(int64(len(found.HTML))))
		}
		t.print(cmd.OutOrStdout())
		return nil
	}
}

func newTemplatesShow() *cobra.Command {
	return &cobra.Command{
		Use:     "show TEMPLATE",
		Short:   "Print the HTML of a template",
		Example: `  headway templates show "The Mill" > mill.html`,
		Args:    exactArgs(1, "the number or name of a template"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return atDesk(cmd, func(ctx context.Context, d *desk) error {
				t, err := d.service.FindTemplate(ctx, args[0])
				if err != nil {
					return err
				}
				if wantsJSON(cmd) {
					return printJSON(cmd, api.NewTemplateSource(t))
				}
				_, err = fmt.Fprint(cmd.OutOrStdout(), t.HTML)
				return err
			})
		},
	}
}

func newTemplatesAdd() *cobra.Command {
	var (
		name    string
		replace bool
	)
	cmd := &cobra.Command{
		Use:   "add FILE",
		Short: "Add a template from an HTML file",
		Long: `Add a template from an HTML file: a whole document with {{ content }} once in its body. Merge
fields work in it, too. With --replace a template of the same name is changed; drafts take
the new one when they are saved the next time.`,
		Example: `  headway templates add mill.html --name "The Mill"
  headway templates add mill.html --name "The Mill" --replace`,
		Args: exactArgs(1, "one HTML file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			html, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			if name == "" {
				name = strings.TrimSuffix(filepath.Base(args[0]), filepath.Ext(args[0]))
			}
			return atDesk(cmd, func(ctx context.Context, d *desk) error {
				var id int64
				if replace {
					t, err := d.service.FindTemplate(ctx, name)
					if err != nil {
						return err
					}
					id = t.ID
				}
				id, err := d.service.SaveTemplate(ctx, id, name, string(html), me())
				return d.say(cmd, err, fmt.Sprintf("The template %q is there, with the number %d.", name, id))
			})
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "name of the template (default that of the file)")
	cmd.Flags().BoolVar(&replace, "replace", false, "change the template of this name")
	return cmd
}

func newTemplatesRemove() *cobra.Command {
	return &cobra.Command{
		Use:     "remove TEMPLATE",
		Short:   "Delete a template; drafts that were made with it keep their copy",
		Example: `  headway templates remove "The Mill"`,
		Args:    exactArgs(1, "the number or name of a template"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return atDesk(cmd, func(ctx context.Context, d *desk) error {
				t, err := d.service.FindTemplate(ctx, args[0])
				if err == nil {
					err = d.service.DeleteTemplate(ctx, t.ID, me())
				}
				return d.say(cmd, err, fmt.Sprintf("The template %q is deleted.", t.Name))
			})
		},
	}
}
