package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/headwaymail/headway/campaign/picture"
	"github.com/headwaymail/headway/internal/api"
	"github.com/headwaymail/headway/internal/service"
)

// imagesListed is how many images are listed; the pages and the API have all.
const imagesListed = 200

func newImages() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "images",
		Short: "Images that newsletters show: list, add, remove",
		Example: `  headway images
  headway images --json`,
		Args: oneOfTheCommands,
		RunE: func(cmd *cobra.Command, _ []string) error { return atDesk(cmd, showImages(cmd)) },
	}
	cmd.AddCommand(newImagesAdd(), newImagesRemove())
	return cmd
}

func showImages(cmd *cobra.Command) func(context.Context, *desk) error {
	return func(ctx context.Context, d *desk) error {
		images, err := d.database.Store.Images(ctx, "", imagesListed)
		if err != nil {
			return err
		}
		if wantsJSON(cmd) {
			lines := make([]api.Image, len(images))
			for i, image := range images {
				lines[i] = api.NewImage(d.service, image)
			}
			return printJSON(cmd, lines)
		}
		t := newTable("image", "file", "shows", "added", "bytes", "campaigns", "templates")
		for _, i := range images {
			t.row(i.Name, i.FileName, i.Alt, i.CreatedAt.Format(time.DateOnly), count(int64(i.Size)), count(i.Campaigns), count(i.Templates))
		}
		t.print(cmd.OutOrStdout())
		return nil
	}
}

func newImagesAdd() *cobra.Command {
	var alt string
	cmd := &cobra.Command{
		Use:   "add FILE",
		Short: "Add a picture: PNG, JPEG, GIF or WebP",
		Long: `Add a picture for newsletters and print what shows it. Wide pictures become 1,200 pixels wide;
the place and the camera that a photo notes are left out.`,
		Example: `  headway images add weir.jpg --alt "The weir, at the end of the day"`,
		Args:    exactArgs(1, "one file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer file.Close() // it was only read
			return atDesk(cmd, func(ctx context.Context, d *desk) error {
				added, err := d.service.AddImage(ctx, args[0], file, alt, me())
				var why *picture.Refusal
				if errors.As(err, &why) {
					return fmt.Errorf("%s: %w", args[0], err)
				}
				if err != nil {
					return err
				}
				if wantsJSON(cmd) {
					return printJSON(cmd, api.NewImage(d.service, added.Image))
				}
				fmt.Fprintf(cmd.OutOrStdout(), "Markdown: %s\nHTML:     %s\nAddress:  %s\n",
					service.ImageMarkdown(added.Image), service.ImageHTML(added.Image), d.service.ImageURL(added.Name))
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&alt, "alt", "", "what it shows, in a few words")
	return cmd
}

func newImagesRemove() *cobra.Command {
	return &cobra.Command{
		Use:     "remove IMAGE",
		Short:   "Delete an image that no campaign and no template shows",
		Example: `  headway images remove mzxw6ytboi2dgnzqgqydcnjqgeztinzq-1200x600.jpg`,
		Args:    exactArgs(1, "the name of an image, as `headway images` lists it"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return atDesk(cmd, func(ctx context.Context, d *desk) error {
				return d.say(cmd, d.service.DeleteImage(ctx, args[0], me()), "The image is deleted.")
			})
		},
	}
}
