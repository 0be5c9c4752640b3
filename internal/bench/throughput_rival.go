package bench

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/smtp"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sync/errgroup"
)

// opendkimProgram is where Debian puts OpenDKIM.
const opendkimProgram = "/usr/sbin/opendkim"

// signingDoors is over how many connections the rival gets its messages: as many
// as its own sending processes by default.
const signingDoors = 20

// measureRival sends the same messages through Postfix, with its queue on disk,
// and OpenDKIM to the same receivers.
func (t *throughput) measureRival(ctx context.Context, warm sent, fast float64) error {
	const what = "Headway beside Postfix and OpenDKIM"
	if why := noRival(t.options.Rival); why != "" {
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

// noRival says why Postfix and OpenDKIM cannot be measured, "" when they can.
func noRival(wanted bool) string {
	switch {
	case !wanted:
		return "not wanted"
	case os.Getuid() != 0:
		return "Postfix begins as root only"
	}
	for _, program := range []string{postfixProgram, opendkimProgram} {
		if _, err := os.Stat(program); err != nil {
			return program + " is missing; apt-get install postfix opendkim"
		}
	}
	return ""
}

func (t *throughput) rival(ctx context.Context, size int) (rate float64, err error) {
	milter, milterAddress, err := startOpenDKIM(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { err = closing(err, milter.close) }()
	address, err := freePort()
	if err != nil {
		return 0, err
	}
	var transports, domains []string
	for d, sink := range t.sink.addresses {
		domains = append(domains, fmt.Sprintf("d%d.test", d))
		transports = append(transports, fmt.Sprintf("{d%d.test = smtp:%s}", d, bracketed(sink)))
	}
	server, err := newPostfix("Postfix with OpenDKIM", address+" inet n - n - - smtpd", fmt.Sprintf(`
myhostname = %s
mynetworks = 127.0.0.0/8
relay_domains = %s
fast_flush_domains =
in_flow_delay = 0s
smtpd_milters = inet:%s
milter_default_action = tempfail
transport_maps = inline:{ %s }
`, groundHELO, strings.Join(domains, " "), milterAddress, strings.Join(transports, ", ")), postfixServices+postfixQueue)
	if err != nil {
		return 0, err
	}
	defer func() { err = closing(err, server.close) }()
	if err := server.runPostfix(ctx, address); err != nil {
		return 0, err
	}
	t.sink.forget()
	if err := t.injectAll(ctx, address, size); err != nil {
		return 0, err
	}
	err = await(ctx, throughputWithin, "Postfix to deliver everything", func() (bool, error) {
		_, recipients := t.sink.count()
		return recipients >= t.options.Recipients, nil
	})
	rate, _, _ = t.sink.span()
	return rate, err
}

// injectAll hands everything to a server over several connections.
func (t *throughput) injectAll(ctx context.Context, address string, size int) error {
	work := make(chan int)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(work)
		for n := range t.options.Recipients {
			select {
			case work <- n + 1:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	text := strings.Repeat("The leaves are turning, and this is our letter of the season, and so on.\r\n", size/74)
	for range signingDoors {
		group.Go(func() error {
			client, err := smtp.Dial(address)
			if err != nil {
				return err
			}
			defer client.Close()
			for n := range work {
				if err := inject(client, readerAddress(n, t.options.Domains), text); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// inject gives one message to a server.
func inject(client *smtp.Client, reader, text string) error {
	if err := client.Mail("b.abc@" + groundBounces); err != nil {
		return err
	}
	if err := client.Rcpt(reader); err != nil {
		return err
	}
	w, err := client.Data()
	if err != nil {
		return err
	}
	head := "From: The Autumn Letter <autumn@" + groundFrom + ">\r\nTo: " + reader +
		"\r\nSubject: Our autumn letter\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
	if _, err := io.WriteString(w, head+text); err != nil {
		return err
	}
	return w.Close()
}

// startOpenDKIM starts a signer with a key of its own and returns its address.
func startOpenDKIM(ctx context.Context) (*mailServer, string, error) {
	address, err := freePort()
	if err != nil {
		return nil, "", err
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, "", err
	}
	folder, err := openFolder("hw-od-")
	if err != nil {
		return nil, "", err
	}
	m := &mailServer{name: "OpenDKIM", folder: folder, log: filepath.Join(folder, "output")}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, "", closing(err, m.close)
	}
	block := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	if err := m.writeSettings("key.pem", string(block)); err != nil {
		return nil, "", closing(err, m.close)
	}
	settings := fmt.Sprintf("Syslog no\nMode s\nCanonicalization relaxed/relaxed\nDomain %s\nSelector s1\nKeyFile %s\nRequireSafeKeys no\nUserID opendkim\nSocket inet:%s@%s\n",
		groundFrom, filepath.Join(folder, "key.pem"), port, host)
	if err := m.writeSettings("opendkim.conf", settings); err != nil {
		return nil, "", closing(err, m.close)
	}
	if err := m.launch(exec.Command(opendkimProgram, "-f", "-x", filepath.Join(folder, "opendkim.conf"))); err != nil {
		return nil, "", closing(err, m.close)
	}
	m.stop = func() error { return m.process.Process.Signal(syscall.SIGTERM) }
	if err := m.await(ctx, net.JoinHostPort(host, port)); err != nil {
		return nil, "", closing(err, m.close)
	}
	return m, address, nil
}

// hasIFMA reports whether the processor multiplies big numbers with AVX-512
// IFMA, which makes OpenSSL's RSA faster still.
func hasIFMA() bool {
	text, err := os.ReadFile("/proc/cpuinfo")
	return err == nil && strings.Contains(string(text), "avx512ifma")
}
