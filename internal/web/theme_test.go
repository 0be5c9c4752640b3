package web

import (
	"context"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// view is a way to look at a page.
type view struct {
	name          string
	scheme        string
	width, height int64
}

var (
	light = view{"light", "light", 1280, 900}
	dark  = view{"dark", "dark", 1280, 900}
	phone = view{"phone", "light", 375, 812}
	views = []view{light, dark, phone}
)

// paint sets the theme.
func (v view) paint(ctx context.Context) error {
	_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: v.scheme}}})
	return err
}

// begin sets theme and size.
func (v view) begin(ctx context.Context) error {
	if err := v.paint(ctx); err != nil {
		return err
	}
	return v.size(ctx, v.height)
}

func (v view) size(ctx context.Context, height int64) error {
	options := []chromedp.EmulateViewportOption{chromedp.EmulateScale(1)}
	if v.width < 600 {
		options = []chromedp.EmulateViewportOption{chromedp.EmulateScale(2), chromedp.EmulateMobile}
	}
	return chromedp.Do(ctx, chromedp.EmulateViewport(v.width, height, options...))
}

// tallest is where a picture ends: nobody looks at more of a long table.
const tallest = 3000

// stretch makes the window as high as the page, so that what sticks to its lower
// edge stands there in a picture.
func (v view) stretch(ctx context.Context) error {
	height, err := chromedp.Run(ctx, chromedp.Evaluate[int64](`document.documentElement.scrollHeight`))
	if err != nil {
		return err
	}
	return v.size(ctx, min(max(height, v.height), tallest))
}
