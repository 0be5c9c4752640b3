package bench

import (
	"bufio"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"
)

// pageVisitor asks for pages as a browser does: with a session, compressed, and
// with everything that a page is made of.
type pageVisitor struct {
	site   string
	cookie string // empty for nobody
	client http.Client
}

func newPageVisitor(site string) *pageVisitor {
	return &pageVisitor{site: strings.TrimRight(site, "/"), client: http.Client{Timeout: pagePatience,
		Transport:     &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 8}, // bytes are counted as they come
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// pagePatience is how long a page may take before the measurement gives up.
const pagePatience = time.Minute

// close gives up the connections.
func (v *pageVisitor) close() { v.client.CloseIdleConnections() }

// join takes up an invitation, which logs in.
func (v *pageVisitor) join(ctx context.Context, secret, password string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, v.site+"/join/"+secret, strings.NewReader(url.Values{"password": {password}}.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	answer, err := v.client.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	for _, c := range answer.Cookies() {
		if c.Value != "" {
			v.cookie = c.Name + "=" + c.Value
		}
	}
	if answer.StatusCode != http.StatusSeeOther || v.cookie == "" {
		return fmt.Errorf("log in: %s", answer.Status)
	}
	return nil
}

// pageLoad is one load of a page by a browser that has nothing of it yet.
type pageLoad struct {
	took        time.Duration // until the last byte of the page and of all that it is made of
	html, other int           // bytes on the wire
}

// load asks for a page and for everything that it names. An event stream is read
// up to its first event.
func (v *pageVisitor) load(ctx context.Context, s pageStop) (l pageLoad, err error) {
	began := time.Now()
	text, n, err := v.get(ctx, s.path, s.live, s.open)
	if err != nil {
		return l, err
	}
	l.html = n
	if !s.live {
		l.other, err = v.loadParts(ctx, text, s.open)
	}
	l.took = time.Since(began)
	return l, err
}

var (
	partOfPage  = regexp.MustCompile(`(?:src|href)="(/assets/[^"]+)"`)
	partOfStyle = regexp.MustCompile(`url\("?(/?[^")]+)"?\)`)
)

// loadParts loads styles, scripts and pictures at the same time, and what styles
// name after them.
func (v *pageVisitor) loadParts(ctx context.Context, page string, open bool) (bytes int, err error) {
	var (
		mu      sync.Mutex
		loading sync.WaitGroup
		fetch   func(path string)
	)
	known := make(map[string]bool)
	fetch = func(path string) {
		mu.Lock()
		defer mu.Unlock()
		if known[path] {
			return
		}
		known[path] = true
		loading.Go(func() {
			text, n, problem := v.get(ctx, path, false, open)
			mu.Lock()
			bytes += n
			if err == nil {
				err = problem
			}
			mu.Unlock()
			if strings.Contains(path, ".css") {
				for _, found := range partOfStyle.FindAllStringSubmatch(text, -1) {
					if part, err := url.Parse(found[1]); err == nil && part.Scheme == "" {
						base := &url.URL{Path: "/assets/"}
						fetch(base.ResolveReference(part).String())
					}
				}
			}
		})
	}
	for _, found := range partOfPage.FindAllStringSubmatch(page, -1) {
		fetch(strings.ReplaceAll(found[1], "&amp;", "&"))
	}
	loading.Wait()
	return bytes, err
}

// get returns what stands at a path, and how many bytes came over the wire.
func (v *pageVisitor) get(ctx context.Context, path string, live, open bool) (text string, wire int, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, v.site+path, nil)
	if err != nil {
		return "", 0, err
	}
	r.Header.Set("Accept-Encoding", "gzip")
	if v.cookie != "" && !open {
		r.Header.Set("Cookie", v.cookie)
	}
	if live {
		r.Header.Set("Accept", "text/event-stream")
	}
	answer, err := v.client.Do(r)
	if err != nil {
		return "", 0, err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode >= 400 || answer.StatusCode == http.StatusSeeOther {
		return "", 0, fmt.Errorf("GET %s: %s %s", path, answer.Status, answer.Header.Get("Location"))
	}
	if live {
		return "", 0, firstEvent(answer.Body, path)
	}
	counted := &countingReader{from: answer.Body}
	var body io.Reader = counted
	if answer.Header.Get("Content-Encoding") == "gzip" {
		if body, err = gzip.NewReader(counted); err != nil {
			return "", 0, fmt.Errorf("GET %s: %w", path, err)
		}
	}
	content, err := io.ReadAll(body)
	if err != nil {
		return "", 0, fmt.Errorf("GET %s: %w", path, err)
	}
	return string(content), counted.n, nil
}

// firstEvent reads a stream up to the end of its first event.
func firstEvent(stream io.Reader, path string) error {
	lines := bufio.NewScanner(stream)
	lines.Buffer(nil, 4<<20)
	seen := false
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "event:") {
			seen = true
		}
		if seen && lines.Text() == "" {
			return nil
		}
	}
	return fmt.Errorf("GET %s: the stream ended without an event: %w", path, lines.Err())
}

type countingReader struct {
	from io.Reader
	n    int
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.n += n
	return n, err
}
