package web

import "net/http"

// shelfLength is how many images stand beside a newsletter that is being written.
const shelfLength = 6

// shelfView is the shelf beside a newsletter that is being written: the images
// that were added last.
type shelfView struct {
	Images   []imageView
	Problems []string
	Added    string // the image that was added just now
}

func (s *Server) shelf(r *http.Request) (shelfView, error) {
	found, err := s.service.Store.Images(r.Context(), "", shelfLength)
	var view shelfView
	for _, i := range found {
		view.Images = append(view.Images, s.newImageView(i))
	}
	return view, err
}

// answerShelf answers a browser that puts the shelf into its page by itself.
func (s *Server) answerShelf(w http.ResponseWriter, r *http.Request, form imageForm) error {
	view, err := s.shelf(r)
	if err != nil {
		return err
	}
	view.Problems = form.problems
	if len(form.added) > 0 {
		first := form.added[0]
		view.Added = first.Name
		// One that was there already may be an old one.
		kept := []imageView{s.newImageView(first.Image)}
		for _, i := range view.Images {
			if i.Name != first.Name && len(kept) < shelfLength {
				kept = append(kept, i)
			}
		}
		view.Images = kept
	}
	body, err := s.draw("compose", "shelf", view)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(body) // a visitor who hung up misses nothing
	return nil
}
