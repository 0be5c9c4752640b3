package cli

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// healthPatience is how long a node may take to answer: longer than it lets
// its database take, so that the answer says what is wrong.
const healthPatience = 4 * time.Second

func newHealth() *cobra.Command {
	return &cobra.Command{
		Use:   "health [URL]",
		Short: "Ask a running node whether it can do its work",
		Long: `Ask the /healthz of a running node, for the health checks of containers and service managers.
Ends with exit code 0 when the node says that it can do its work, else with 1. Without a URL
the node is the one on this machine that web.listen names.`,
		Example: `  headway health
  headway health http://10.0.0.7:8081`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usageError{fmt.Errorf("%s takes one URL at most; see `%s --help`", cmd.CommandPath(), cmd.CommandPath())}
			}
			return nil
		},
		RunE: runHealth,
	}
}

func runHealth(cmd *cobra.Command, args []string) error {
	var (
		node *url.URL
		err  error
	)
	if len(args) == 1 {
		node, err = parseNode(args[0])
	} else {
		node, err = localNode(cmd)
	}
	if err != nil {
		return err
	}
	answer, err := askHealth(cmd.Context(), node.JoinPath("healthz").String())
	if err != nil {
		return err
	}
	fmt.Fprintln(cmd.OutOrStdout(), answer)
	return nil
}

// parseNode reads the address of a node's pages.
func parseNode(text string) (*url.URL, error) {
	node, err := url.Parse(text)
	if err != nil || node.Host == "" || (node.Scheme != "http" && node.Scheme != "https") {
		return nil, usageError{fmt.Errorf("%q is not the address of a node, such as http://127.0.0.1:8080", text)}
	}
	return node, nil
}

// localNode returns where the node with our own settings listens, seen from
// this machine.
func localNode(cmd *cobra.Command) (*url.URL, error) {
	c, err := settings(cmd)
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(c.Web.Listen)
	if err != nil {
		return nil, fmt.Errorf("web.listen: %w", err)
	}
	switch addr, err := netip.ParseAddr(host); {
	case host == "":
		host = "127.0.0.1"
	case err != nil: // a name
	case addr.IsUnspecified() && addr.Is4():
		host = "127.0.0.1"
	case addr.IsUnspecified():
		host = "::1"
	}
	return &url.URL{Scheme: "http", Host: net.JoinHostPort(host, port)}, nil
}

// askHealth returns what the node says when it is well, and an error otherwise.
func askHealth(ctx context.Context, address string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, healthPatience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	const enough = 200 // bytes: the answer is one line
	body, err := io.ReadAll(io.LimitReader(response.Body, enough))
	if err != nil {
		return "", fmt.Errorf("%s: %w", address, err)
	}
	words := strings.TrimSpace(string(body))
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s answers %s: %s", address, response.Status, words)
	}
	return words, nil
}
