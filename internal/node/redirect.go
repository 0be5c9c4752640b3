package node

import (
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/headwaymail/headway/internal/config"
)

// redirect sends browsers that come without TLS to the same page with it. Only
// the names that the settings know are led anywhere: a made-up Host header is not
// repeated.
func redirect(web config.Web) http.Handler {
	known := make(map[string]string)
	for _, text := range []string{web.PublicURL, web.TeamURL} {
		if u, err := url.Parse(text); err == nil && u.Scheme == "https" {
			known[strings.ToLower(u.Hostname())] = "https://" + u.Host
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		target, ok := known[strings.ToLower(host)]
		if !ok || r.URL.Host != "" {
			http.Error(w, "There is nothing here under this name.", http.StatusMisdirectedRequest)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		http.Redirect(w, r, target+r.URL.RequestURI(), http.StatusPermanentRedirect)
	})
}
