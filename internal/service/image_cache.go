package service

import (
	"container/list"
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/headwaymail/headway/campaign/picture"
	"github.com/headwaymail/headway/internal/postgres"
)

const (
	// imagesKept is how many bytes of images are kept in memory: when a newsletter
	// goes out, its few images are asked for again and again.
	imagesKept = 64 << 20
	// imageLoads is how many images are looked for in the database at a time:
	// whoever makes up names must not take its connections from the sending.
	imageLoads = 4
	// imagePatience is how long an image may take to come from there.
	imagePatience = 10 * time.Second
)

// PublicImage is what is served under the name of an image.
type PublicImage struct {
	Data []byte // not to be changed
	Kind picture.Kind
	At   time.Time // when it was stored
}

// images keeps those that were asked for lately. What a name leads to never
// changes.
type images struct {
	loads singleflight.Group
	slots chan struct{} // one for each image that is being looked for
	mu    sync.Mutex
	known map[string]*list.Element // guarded by mu, as are the others
	order list.List                // of keptImage, the one asked for last in front
	bytes int
}

type keptImage struct {
	name string
	PublicImage
}

func (c *images) get(name string) (PublicImage, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	found := c.known[name]
	if found == nil {
		return PublicImage{}, false
	}
	c.order.MoveToFront(found)
	return found.Value.(keptImage).PublicImage, true
}

func (c *images) keep(name string, i PublicImage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil {
		c.known = make(map[string]*list.Element)
	}
	if c.known[name] == nil {
		c.known[name] = c.order.PushFront(keptImage{name, i})
		c.bytes += len(i.Data)
	}
	for c.bytes > imagesKept {
		c.drop(c.order.Back())
	}
}

func (c *images) forget(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if found := c.known[name]; found != nil {
		c.drop(found)
	}
}

// drop forgets an image; mu must be held.
func (c *images) drop(e *list.Element) {
	kept := c.order.Remove(e).(keptImage)
	delete(c.known, kept.name)
	c.bytes -= len(kept.Data)
}

// PublicImage returns what is served under a name, or [postgres.ErrNotFound]. An
// image that many ask for at once is read from the database once.
func (s *Service) PublicImage(ctx context.Context, text string) (PublicImage, error) {
	name, ok := picture.ParseName(text)
	if !ok {
		return PublicImage{}, fmt.Errorf("image %.80q: %w", text, postgres.ErrNotFound)
	}
	if found, ok := s.images.get(text); ok {
		return found, nil
	}
	loaded, err, _ := s.images.loads.Do(text, func() (any, error) {
		// Who asked first may hang up: the others wait for the same answer.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), imagePatience)
		defer cancel()
		select {
		case s.images.slots <- struct{}{}:
			defer func() { <-s.images.slots }()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		data, at, err := s.Store.ImageData(ctx, text)
		if err != nil {
			return nil, err
		}
		i := PublicImage{Data: data, Kind: name.Kind, At: at}
		s.images.keep(text, i)
		return i, nil
	})
	if err != nil {
		return PublicImage{}, err
	}
	return loaded.(PublicImage), nil
}
