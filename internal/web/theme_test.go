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
	options := []chromedp.EmulateViewportOption{chromedp.EmulateScale(1)}
	if v.width < 600 {
		options = []chromedp.EmulateViewportOption{chromedp.EmulateScale(2), chromedp.EmulateMobile}
	}
	return chromedp.Do(ctx, chromedp.EmulateViewport(v.width, v.height, options...))
}
