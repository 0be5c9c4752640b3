package node

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

const (
	// closeWithin is how long requests under way have at the end.
	closeWithin = 3 * time.Second

	// What one browser may take. Answers have deadlines of their own, because
	// event streams are long.
	readHeaderWithin = 10 * time.Second
	readWithin       = 30 * time.Second
	idleFor          = 2 * time.Minute
	headerLimit      = 32 << 10
)

// door is one listener with its server.
type door struct {
	listener net.Listener
	server   *http.Server
	handler  atomic.Pointer[http.Handler]
	secure   bool // it speaks TLS
	done     chan struct{}
}

// openDoor begins to serve on a listener; with TLS where that is set.
func openDoor(listener net.Listener, secured *tls.Config, log *slog.Logger) *door {
	d := &door{listener: listener, secure: secured != nil, done: make(chan struct{})}
	d.server = &http.Server{Handler: d, ReadHeaderTimeout: readHeaderWithin, ReadTimeout: readWithin,
		IdleTimeout: idleFor, TLSConfig: secured.Clone(), MaxHeaderBytes: headerLimit, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	go func() {
		defer close(d.done)
		serve := d.server.Serve
		if d.secure {
			serve = func(l net.Listener) error { return d.server.ServeTLS(l, "", "") }
		}
		if err := serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("the pages are not served any more", "error", err)
		}
	}()
	return d
}

// ServeHTTP hands a request on, once there is somebody to answer it.
func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if handler := d.handler.Load(); handler != nil {
		(*handler).ServeHTTP(w, r)
		return
	}
	w.Header().Set("Retry-After", "1")
	http.Error(w, "Headway is starting; try again in a moment.", http.StatusServiceUnavailable)
}

func (d *door) serve(handler http.Handler) { d.handler.Store(&handler) }

// url is the address for a browser on this machine.
func (d *door) url() string {
	addr := d.listener.Addr().(*net.TCPAddr)
	host := addr.IP.String()
	if addr.IP.IsUnspecified() {
		host = "127.0.0.1"
	}
	scheme := "http://"
	if d.secure {
		scheme = "https://"
	}
	return scheme + net.JoinHostPort(host, strconv.Itoa(addr.Port))
}

func (d *door) close() {
	ctx, cancel := context.WithTimeout(context.Background(), closeWithin)
	defer cancel()
	if d.server.Shutdown(ctx) != nil {
		_ = d.server.Close() // what did not end in time is cut
	}
	<-d.done
}
