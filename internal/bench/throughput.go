package bench

import (
	"cmp"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/headwaymail/headway/internal/config"
	"github.com/headwaymail/headway/internal/sandbox"
)

// ThroughputOptions say how much is sent.
type ThroughputOptions struct {
	Binary     string // path of the headway binary
	Libcrypto  string // path of one that was built with the tag libcrypto; "": not measured
	Recipients int
	Domains    int
	Rival      bool // measure Postfix with OpenDKIM, too
	RelayOnly  bool // measure nothing but unsigned mail to a relay
	Config     config.Config
	Log        *slog.Logger
	Out        io.Writer // each figure as soon as it is there
}

const (
	// learnedRate times the domains is far above ten times what can be sent.
	learnedRate = 100
	// throughputWithin bounds one campaign.
	throughputWithin = 10 * time.Minute
)

// Throughput measures messages per second to receivers that take everything at
// once, beside what signatures alone take and beside Postfix with OpenDKIM.
func Throughput(ctx context.Context, o ThroughputOptions) (figures []Figure, err error) {
	if !o.RelayOnly {
		if figures, err = throughputOf(ctx, o, (*throughput).measure); err != nil {
			return figures, err
		}
	}
	relayed, err := throughputRelayed(ctx, o)
	return append(figures, relayed...), err
}

// throughputOf opens a measurement, makes it and closes it.
func throughputOf(ctx context.Context, o ThroughputOptions, measure func(*throughput, context.Context) error) (figures []Figure, err error) {
	t := &throughput{options: o, learned: learnedRate}
	defer func() { err = closing(err, t.close) }()
	if err := t.open(ctx); err != nil {
		return nil, err
	}
	err = measure(t, ctx)
	return t.figures, err
}

// throughput is such a measurement at work.
type throughput struct {
	options ThroughputOptions
	ground  *ground
	sink    *sink
	port    int
	learned float64 // messages a second that each provider is said to have taken
	figures []Figure
}

func (t *throughput) add(f Figure) {
	t.figures = append(t.figures, f)
	fmt.Fprintf(t.options.Out, "%s: %s\n", f.What, f.Said())
}

// sinkAddress is where the mail of a domain is taken.
func sinkAddress(domain int) string { return fmt.Sprintf("127.80.%d.%d", domain/250, domain%250+1) }

func (t *throughput) open(ctx context.Context) error {
	var err error
	if t.port, err = freeLoopbackPort(); err != nil {
		return err
	}
	t.sink = &sink{offers: offersAll}
	file := &sandbox.File{Seed: 1}
	for d := range t.options.Domains {
		file.DNS.Records = append(file.DNS.Records, mailRecords(d, sinkAddress(d))...)
		t.sink.addresses = append(t.sink.addresses, net.JoinHostPort(sinkAddress(d), strconv.Itoa(t.port)))
	}
	if _, err := openSink(t.sink); err != nil {
		return err
	}
	if t.ground, err = openGround(ctx, t.options.Binary, t.options.Config, t.options.Log, file, t.port); err != nil {
		t.ground = nil // closed already
		return err
	}
	return t.ground.stock(ctx, t.options.Recipients, t.options.Domains)
}

func (t *throughput) close() error {
	t.sink.vanish()
	if t.ground == nil {
		return nil
	}
	return t.ground.close()
}

// measure goes through all rows.
func (t *throughput) measure(ctx context.Context) error {
	cold, err := t.send(ctx, t.options.Binary, false)
	if err != nil {
		return fmt.Errorf("cold: %w", err)
	}
	t.add(Figure{What: "nothing learned, RSA", Value: cold.rate, Unit: "messages/s"})
	warm, alone, err := t.besideSignatures(ctx, cold.took)
	if err != nil {
		return err
	}
	t.add(Figure{What: "RSA-2048 alone, all cores", Value: alone, Unit: "signatures/s"})
	t.add(Figure{What: "size of a message", Value: warm.size / 1000, Unit: "KB"})
	t.add(Figure{What: "Headway, RSA", Value: warm.rate, Unit: "messages/s"})
	t.add(Figure{What: "Headway beside RSA alone", Value: warm.rate / alone, Unit: "×", Least: 0.65})
	t.add(Figure{What: "Postgres' processor time a message", Value: warm.postgres, Unit: "µs", Most: 60})
	t.add(Figure{What: "Headway's processor time a message", Value: warm.headway, Unit: "µs"})
	t.add(Figure{What: "Headway's memory at its peak", Value: warm.peak, Unit: "MB"})
	fast, err := t.measureLibcrypto(ctx, warm)
	if err != nil {
		return err
	}
	if err := t.measureKeys(ctx, warm); err != nil {
		return err
	}
	return t.measureRival(ctx, warm, fast)
}

// besideSignatures sends three campaigns, each between two measurements of signatures
// alone that take as long as a campaign: a processor that has rested is half as fast
// again for some seconds, and that of a machine shared with others is never the same
// for a minute. It returns the campaign of which the ratio to the signatures around it
// is the middle one, and their rate.
func (t *throughput) besideSignatures(ctx context.Context, length time.Duration) (warm sent, alone float64, err error) {
	const campaigns = 3
	var (
		sents  [campaigns]sent
		alones [campaigns]float64
		order  = []int{0, 1, 2}
	)
	before := signatures(length)
	for i := range campaigns {
		if sents[i], err = t.send(ctx, t.options.Binary, true); err != nil {
			return warm, 0, err
		}
		after := signatures(length)
		alones[i] = (before + after) / 2
		before = after
		t.add(Figure{What: fmt.Sprintf("campaign %d beside RSA alone", i+1), Value: sents[i].rate / alones[i], Unit: "×"})
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(sents[a].rate/alones[a], sents[b].rate/alones[b]) })
	middle := order[campaigns/2]
	return sents[middle], alones[middle], nil
}

// measureLibcrypto sends with OpenSSL's RSA. It returns the rate, 0 when it was
// not measured.
func (t *throughput) measureLibcrypto(ctx context.Context, warm sent) (float64, error) {
	const what = "with libcrypto, beside Go's RSA"
	if t.options.Libcrypto == "" {
		t.add(Figure{What: what, NotRun: "no --libcrypto binary; .ci/build --libcrypto FILE makes one"})
		return 0, nil
	}
	fast, err := t.send(ctx, t.options.Libcrypto, true)
	if err != nil {
		return 0, err
	}
	least := 1.3
	if hasIFMA() {
		least = 1.5
	}
	t.add(Figure{What: "Headway, RSA by libcrypto", Value: fast.rate, Unit: "messages/s"})
	t.add(Figure{What: what, Value: fast.rate / warm.rate, Unit: "×", Least: least})
	return fast.rate, nil
}

// measureKeys sends with two keys, and with an Ed25519 key alone.
func (t *throughput) measureKeys(ctx context.Context, warm sent) error {
	if _, err := t.ground.office.Service.GenerateSecondDKIM(ctx, groundFrom, ""); err != nil {
		return err
	}
	both, err := t.send(ctx, t.options.Binary, true)
	if err != nil {
		return err
	}
	t.add(Figure{What: "Headway, RSA and Ed25519", Value: both.rate, Unit: "messages/s"})
	t.add(Figure{What: "the second signature slows it by", Value: 100 * (1 - both.rate/warm.rate), Unit: "%", Most: 8})
	if err := t.ground.office.Database.Store.ForgetRSAForBench(ctx); err != nil {
		return err
	}
	light, err := t.send(ctx, t.options.Binary, true)
	if err != nil {
		return err
	}
	t.add(Figure{What: "Headway, Ed25519 alone", Value: light.rate, Unit: "messages/s"})
	return nil
}

// sent is what one campaign showed.
type sent struct {
	rate     float64 // messages a second, from the first to the last at the receivers
	size     float64 // of a message, in octets
	postgres float64 // processor time of all Postgres' processes a message, in µs
	headway  float64 // of the sending process, in µs
	peak     float64 // its resident memory, in MB
	took     time.Duration
}

// send sends one campaign to everybody, and checks that all arrived once.
func (t *throughput) send(ctx context.Context, binary string, learned bool) (s sent, err error) {
	t.sink.forget()
	if err := t.ground.publish(ctx, longLetter()); err != nil {
		return s, err
	}
	if learned {
		if err := errors.Join(t.ground.resolve(ctx), t.ground.learn(ctx, t.learned)); err != nil {
			return s, err
		}
	}
	postmaster, err := t.ground.postmaster()
	if err != nil {
		return s, err
	}
	sender, err := t.ground.sender()
	if err != nil {
		return s, err
	}
	sender.binary = binary
	used := familyTime(postmaster)
	if err := sender.start(); err != nil {
		return s, err
	}
	pid := sender.process.Process.Pid
	if err := t.ground.finished(ctx, throughputWithin); err != nil {
		return s, errors.Join(err, sender.stop())
	}
	micros := func(d time.Duration) float64 { return d.Seconds() * 1e6 / float64(t.options.Recipients) }
	s.postgres = micros(familyTime(postmaster) - used)
	if p, alive := readProcess(pid); alive {
		s.headway = micros(p.own)
	}
	_, peak := memory(pid)
	s.peak = float64(peak) / 1e6
	s.rate, s.size, s.took = t.sink.span()
	if err := sender.stop(); err != nil {
		return s, err
	}
	if messages, recipients := t.sink.count(); messages != t.options.Recipients || recipients != messages {
		return s, fmt.Errorf("%d messages for %d recipients arrived, of %d", messages, recipients, t.options.Recipients)
	}
	return s, nil
}

// longLetter is a text that makes a message of 20 KB: both parts and the header.
func longLetter() string {
	const paragraph = "The leaves are turning, and this is our letter of the season, with what we saw, heard and made since summer.\n\n"
	return "# Autumn notes\n\n" + strings.Repeat(paragraph, 75) + "[Leave this list]({{ unsubscribe_url }})\n"
}

// signatures returns how many RSA signatures of 2,048 bits all cores make in a
// second when they do nothing else.
func signatures(length time.Duration) float64 {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return 0
	}
	digest := sha256.Sum256([]byte("a header"))
	var made atomic.Int64
	var group errgroup.Group
	began := time.Now()
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() error {
			for time.Since(began) < length {
				if _, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:]); err != nil {
					return err
				}
				made.Add(1)
			}
			return nil
		})
	}
	if group.Wait() != nil {
		return 0
	}
	return float64(made.Load()) / time.Since(began).Seconds()
}
