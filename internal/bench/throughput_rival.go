package bench

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"strings"

	"github.com/headwaymail/headway/internal/mailserver"
)

// signingDoors is over how many connections the rival gets its messages: as many
// as its own sending processes by default.
const signingDoors = 20

// measureRival sends the same messages through Postfix, with its queue on disk,
// and OpenDKIM to the same receivers.
func (t *throughput) measureRival(ctx context.Context, warm sent, fast float64) error {
	const what = "Headway beside Postfix and OpenDKIM"
	if why := t.noRival(); why != "" {
		t.add(Figure{What: what, NotRun: why, Least: 4})
		return nil
	}
	rate, err := t.rival(ctx, int(warm.size))
	if err != nil {
		return fmt.Errorf("measure Postfix with OpenDKIM: %w", err)
	}
	t.add(Figure{What: "Postfix and OpenDKIM", Value: rate, Unit: "messages/s"})
	t.add(Figure{What: what, Value: warm.rate / rate, Unit: "×", Least: 4})
	if fast > 0 {
		least := 4.5
		if hasIFMA() {
			least = 6
		}
		t.add(Figure{What: what + ", with libcrypto", Value: fast / rate, Unit: "×", Least: least})
	}
	return nil
}

// noRival says why Postfix and OpenDKIM are not measured, "" when they are.
func (t *throughput) noRival() string {
	if !t.options.Rival {
		return "not wanted"
	}
	if err := cmp.Or(mailserver.Postfix.Ready(), mailserver.OpenDKIM.Ready()); err != nil {
		return err.Error()
	}
	return ""
}

func (t *throughput) rival(ctx context.Context, size int) (rate float64, err error) {
	milter, err := startOpenDKIM(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { err = closing(err, milter.Close) }()
	routes := make(map[string]string)
	for d, sink := range t.sink.addresses {
		routes[fmt.Sprintf("d%d.test", d)] = sink
	}
	server, err := mailserver.Start(ctx, mailserver.Postfix, mailserver.Setup{Name: groundHELO,
		Files: passOn(routes, "smtpd_milters = inet:"+milter.Address+"\nmilter_default_action = tempfail\n")})
	if err != nil {
		return 0, err
	}
	defer func() { err = closing(err, server.Close) }()
	t.sink.forget()
	if err := handAll(ctx, server.Address, signingDoors, t.options.Recipients, t.options.Domains, size/len(seasonLine), t.sink); err != nil {
		return 0, err
	}
	rate, _, _ = t.sink.span()
	return rate, nil
}

// seasonLine is what letters to somebody else's sender are made of.
const seasonLine = "The leaves are turning, and this is our letter of the season, and so on.\r\n"

// handAll gives a server letters of a number of lines to a number of readers, and
// waits until the sink has them all.
func handAll(ctx context.Context, address string, doors, readers, domains, lines int, sink *sink) error {
	everybody := func(yield func(string) bool) {
		for n := 1; n <= readers && yield(readerAddress(n, domains)); n++ {
		}
	}
	if err := hand(ctx, address, doors, everybody, strings.Repeat(seasonLine, lines)); err != nil {
		return err
	}
	return await(ctx, throughputWithin, "Postfix to deliver everything", func() (bool, error) {
		_, recipients := sink.count()
		return recipients >= readers, nil
	})
}

// startOpenDKIM starts a signer with a key of its own.
func startOpenDKIM(ctx context.Context) (*mailserver.Server, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	block := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	return mailserver.Start(ctx, mailserver.OpenDKIM, mailserver.Setup{Name: groundHELO, Files: map[string]string{
		"key.pem": string(block),
		"opendkim.conf": `
Mode s
Canonicalization relaxed/relaxed
Domain ` + groundFrom + `
Selector s1
KeyFile {folder}/key.pem
RequireSafeKeys no
`}})
}

// hasIFMA reports whether the processor multiplies big numbers with AVX-512
// IFMA, which makes OpenSSL's RSA faster still.
func hasIFMA() bool {
	text, err := os.ReadFile("/proc/cpuinfo")
	return err == nil && strings.Contains(string(text), "avx512ifma")
}
