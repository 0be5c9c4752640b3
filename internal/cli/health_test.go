package cli

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestHealth(t *testing.T) {
	t.Parallel()
	well := nodeThatSays(t, http.StatusOK, "ok\n")
	ill := nodeThatSays(t, http.StatusServiceUnavailable, "the database gives no sign of life\n")
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for _, tt := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"well", []string{well}, 0, "ok"},
		{"well, with a slash at the end", []string{well + "/"}, 0, "ok"},
		{"well, found by the settings", []string{"--web-listen", strings.TrimPrefix(well, "http://")}, 0, "ok"},
		{"ill", []string{ill}, exitFailed, "503 Service Unavailable: the database gives no sign of life"},
		{"nobody there", []string{gone.URL}, exitFailed, "connection refused"},
		{"no address", []string{"127.0.0.1:8080"}, exitUsage, "is not the address of a node"},
		{"two addresses", []string{well, ill}, exitUsage, "one URL at most"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			code := Main(append([]string{"health", "--data", t.TempDir()}, tt.args...), &out, &out)
			if code != tt.code || !strings.Contains(out.String(), tt.says) {
				t.Errorf("exit code %d, want %d; it says %q, want %q in it", code, tt.code, out.String(), tt.says)
			}
		})
	}
}

// TestHealthSeesEveryAddress starts from a node that listens on all addresses
// of its machine, as in a container.
func TestHealthSeesEveryAddress(t *testing.T) {
	t.Parallel()
	well := nodeThatSays(t, http.StatusOK, "ok\n")
	_, port, _ := strings.Cut(strings.TrimPrefix(well, "http://"), ":")
	for _, listen := range []string{"0.0.0.0:" + port, ":" + port} {
		var out bytes.Buffer
		code := Main([]string{"health", "--data", t.TempDir(), "--web-listen", listen, "--web-password", "x"}, &out, &out)
		if code != 0 {
			t.Errorf("with web.listen %s: exit code %d, %s", listen, code, out.String())
		}
	}
}

// nodeThatSays returns the address of a server whose /healthz gives one answer.
func nodeThatSays(t *testing.T, status int, words string) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(words))
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}
