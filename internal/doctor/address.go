package doctor

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

const (
	addressWithin = 5 * time.Second // readers wait no longer for a page
	addressMost   = 64              // bytes of an answer that is two letters long
)

// CheckAddress opens the address of the public pages as a reader's browser does,
// and asks whether it is Headway that answers. With loopback, it asks this
// machine only.
func CheckAddress(ctx context.Context, public string, loopback bool) Finding {
	f := Finding{ID: "address", Title: "Public address"}
	if public == "" {
		return f.fail("No address is set that unsubscribe links lead to.",
			"Set web.public_url to an HTTPS address that leads to web.public_listen.")
	}
	where, err := url.Parse(public)
	if err != nil {
		return f.fail(public+" is not a web address.", "Correct web.public_url in the settings.")
	}
	if addr, err := netip.ParseAddr(where.Hostname()); loopback && (err != nil || !addr.IsLoopback()) {
		return f.pass("Unsubscribe links begin with " + public + ". The sandbox does not try it: it reaches this machine only.")
	}
	answer, err := ask(ctx, strings.TrimSuffix(public, "/")+"/healthz")
	const proxy = "Let the proxy in front of web.public_listen answer under this name; docs/SENDING.md shows one."
	var certificate *tls.CertificateVerificationError
	var name *net.DNSError
	switch {
	case errors.As(err, &certificate):
		return f.fail("The certificate of "+where.Host+" is not good: "+certificate.Err.Error()+".", "Readers' browsers refuse it. Get a certificate for this name.")
	case errors.As(err, &name):
		return f.fail(where.Hostname()+" has no address in DNS.", "Publish an A record that leads to the machine with your proxy.")
	case err != nil:
		return f.fail(public+" does not answer: "+plainly(err)+".", proxy)
	case answer != "ok":
		return f.fail(public+" answers, but it is not Headway.", proxy)
	}
	return f.pass(public + " answers. Unsubscribe links begin with it.")
}

// ask fetches a short text.
func ask(ctx context.Context, where string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, addressWithin)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, where, nil)
	if err != nil {
		return "", err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, addressMost))
	if err != nil {
		return "", err
	}
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("it says %s", response.Status)
	}
	return strings.TrimSpace(string(text)), nil
}

// plainly takes the address out of an error: it stands before it already.
func plainly(err error) string {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Sprintf("nothing came within %s", addressWithin)
	}
	return err.Error()
}
