package service

import (
	"fmt"
	"testing"
)

// The cache holds what was asked for last, and never more than it may.
func TestImagesAreKeptInBounds(t *testing.T) {
	t.Parallel()
	var c images
	large := PublicImage{Data: make([]byte, imagesKept/4)}
	for i := range 6 {
		c.keep(fmt.Sprint(i), large)
		c.keep(fmt.Sprint(i), large) // kept once
		if _, ok := c.get("0"); !ok && i < 4 {
			t.Errorf("the first is gone after %d others", i)
		}
	}
	for name, want := range map[string]bool{"0": true, "1": false, "2": false, "3": true, "4": true, "5": true} { // 0 was asked for until the fourth came
		if _, ok := c.get(name); ok != want {
			t.Errorf("%s is kept: %t", name, ok)
		}
	}
	if c.bytes != imagesKept || len(c.known) != 4 || c.order.Len() != 4 {
		t.Errorf("%d bytes of %d images", c.bytes, len(c.known))
	}
	c.forget("5")
	c.forget("5")
	if c.bytes != imagesKept/4*3 {
		t.Errorf("%d bytes", c.bytes)
	}
	c.keep("huge", PublicImage{Data: make([]byte, imagesKept+1)})
	if c.bytes != 0 || len(c.known) != 0 {
		t.Errorf("%d bytes of %d images after one that is larger than all", c.bytes, len(c.known))
	}
}
