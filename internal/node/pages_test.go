package node

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/headwaymail/headway/internal/config"
	"github.com/headwaymail/headway/internal/jobs"
	"github.com/headwaymail/headway/internal/postgres/pgtest"
	"github.com/headwaymail/headway/internal/postgres/storetest"
	"github.com/headwaymail/headway/internal/service"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

var quiet = slog.New(slog.DiscardHandler)

// listening returns settings whose pages take any free port.
func listening() config.Config {
	c := config.Default()
	c.Web.Listen = "127.0.0.1:0"
	return c
}

// ask fetches a page and returns its status and text.
func ask(t *testing.T, url string) (int, string) {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// provide makes the service that pages need.
func provide(t *testing.T, c config.Config) *service.Service {
	t.Helper()
	ctx := context.Background()
	store := storetest.Open(t, 4)
	queue, err := jobs.NewQueue(store, quiet)
	if err != nil {
		t.Fatal(err)
	}
	c.SecretKey = base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))
	s, err := service.New(ctx, store, queue, c, quiet)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPagesFromOpenToClose(t *testing.T) {
	t.Parallel()
	c := listening()
	c.Web.PublicListen = "127.0.0.1:0"
	c.Sandbox.Enabled = true
	p, err := openPages(c, quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	public := p.public.url()

	if status, body := ask(t, p.url()+"/"); status != http.StatusServiceUnavailable || !strings.Contains(body, "is starting") {
		t.Errorf("before there is anybody to answer: %d %q", status, body)
	}
	s := provide(t, c)
	tokens, err := s.Tokens(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := p.serve(t.Context(), s, tokens); err != nil {
		t.Fatal(err)
	}
	if status, body := ask(t, p.url()+"/"); status != http.StatusOK || !strings.Contains(body, "Dashboard") || !strings.Contains(body, sandboxBanner) {
		t.Errorf("the dashboard: %d\n%s", status, body)
	}
	if status, _ := ask(t, public+"/healthz"); status != http.StatusOK {
		t.Errorf("health on the public listener: %d", status)
	}
	if status, _ := ask(t, public+"/campaigns"); status != http.StatusNotFound {
		t.Errorf("the team's pages on the public listener: %d", status)
	}

	// A browser that watches does not hold up the end.
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url()+"/live", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept", "text/event-stream")
	stream, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	if _, err := stream.Body.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	p.close()
	p.close() // twice does no harm
	if took := time.Since(began); took >= closeWithin {
		t.Errorf("closing took %s", took)
	}
	if _, err := io.ReadAll(stream.Body); err != nil {
		t.Errorf("the stream was cut, not ended: %v", err)
	}
	if connection, err := net.Dial("tcp", strings.TrimPrefix(public, "http://")); err == nil {
		connection.Close()
		t.Error("the public listener is still open")
	}
}

func TestNextFreePort(t *testing.T) {
	t.Parallel()
	// Two neighbouring ports are needed, of which the first is ours.
	var taken net.Listener
	port := 0
	for range 50 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port = l.Addr().(*net.TCPAddr).Port
		if port+portsTried < 65536 {
			taken = l
			break
		}
		l.Close()
	}
	if taken == nil {
		t.Fatal("no port with room after it was found")
	}
	defer taken.Close()
	var said bytes.Buffer
	c := config.Default()
	c.Web.Listen = "127.0.0.1:" + strconv.Itoa(port)
	p, err := openPages(c, slog.New(slog.NewTextHandler(&said, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	got := p.team.listener.Addr().(*net.TCPAddr).Port
	if got <= port || got > port+portsTried {
		t.Errorf("listens on %d, wanted one of the %d after %d", got, portsTried, port)
	}
	if !strings.Contains(said.String(), "wanted=127.0.0.1:"+strconv.Itoa(port)) {
		t.Errorf("the log does not say so: %s", said.String())
	}
	if status, _ := ask(t, p.url()); status != http.StatusServiceUnavailable {
		t.Errorf("%s: %d", p.url(), status)
	}
}

// The public listener has a proxy in front, which knows one port only.
func TestPublicPortIsNotMoved(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	c := listening()
	c.Web.PublicListen = taken.Addr().String()
	if _, err := openPages(c, quiet); err == nil || !strings.Contains(err.Error(), "web.public_listen") {
		t.Errorf("error %v", err)
	}
}

func TestPagesRefuse(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ listen, password, says string }{
		"another machine's":    {"192.0.2.1:8080", "", "cannot assign"},
		"no port":              {"127.0.0.1", "", "is not an address such as 127.0.0.1:8080"},
		"nothing":              {"", "", "is not an address"},
		"a port that is none":  {"127.0.0.1:99999", "", "is not an address"},
		"everybody":            {"0.0.0.0:0", "", ""},
		"this machine":         {"127.0.0.1:0", "", ""},
		"this machine by name": {"localhost:0", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := listening()
			c.Web.Listen, c.Web.Password = test.listen, test.password
			p, err := openPages(c, quiet)
			if test.says == "" {
				if err != nil {
					t.Fatal(err)
				}
				if !strings.HasPrefix(p.url(), "http://127.0.0.1:") && !strings.HasPrefix(p.url(), "http://[::1]:") {
					t.Errorf("url is %s", p.url())
				}
				p.close()
				return
			}
			if err == nil {
				p.close()
				t.Fatal("it was allowed")
			}
			if !strings.Contains(err.Error(), "web.listen") || !strings.Contains(err.Error(), test.says) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestWithoutTheRoleWebNothingListens(t *testing.T) {
	t.Parallel()
	c := config.Default()
	c.Roles = []string{"lanes"}
	c.Web.Listen = "0.0.0.0:80"
	p, err := openPages(c, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.serve(t.Context(), nil, nil); err != nil || p.url() != "" {
		t.Errorf("%q, %v", p.url(), err)
	}
	p.close()
}
