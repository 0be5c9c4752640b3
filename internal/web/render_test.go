package web

import "testing"

// Pages are read when they are first shown. All of them can be.
func TestTemplatesAreWhole(t *testing.T) {
	t.Parallel()
	files, err := loadAssets()
	if err != nil {
		t.Fatal(err)
	}
	pages, err := loadTemplates(files)
	if err != nil {
		t.Fatal(err)
	}
	if len(pages) == 0 {
		t.Fatal("there are no pages")
	}
	for name, read := range pages {
		page, err := read()
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if page.Lookup("main") == nil {
			t.Errorf("%s defines no main", name)
		}
	}
}
