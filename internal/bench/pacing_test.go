package bench

import (
	"log/slog"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/headwaymail/headway/internal/config"
	"github.com/headwaymail/headway/pacing/receiver"
	"github.com/headwaymail/headway/pacing/simulate"
)

func scenario(t *testing.T, text string) simulate.Scenario {
	t.Helper()
	all, err := simulate.Load(strings.NewReader("providers:\n" + text))
	if err != nil {
		t.Fatal(err)
	}
	return all[0]
}

// TestPossible compares the all-knowing sender with what can be worked out by
// hand.
func TestPossible(t *testing.T) {
	t.Parallel()
	from := time.Date(2026, 3, 3, 10, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name, spec string
		length     time.Duration
		want       float64
	}{
		{"a bucket gives its burst and its rate", "  - {name: A, limits: [{bucket: {rate: 50/s, burst: 50}}]}", time.Minute, 3050},
		{"lanes give their number by the time of a message", "  - {name: A, lanes: [{max: 5}]}", time.Minute, 750},
		{"windows give their quota each", "  - {name: A, limits: [{clock: {count: 120, every: 1m}}]}", 10 * time.Minute, 1200},
		{"a penalty meets nobody who knows it", "  - {name: A, limits: [{sliding: {count: 80, over: 10s}, penalty: {block: 2m}}]}", time.Minute, 480},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := possible(scenario(t, tt.spec).Spec, from, from.Add(tt.length))
			if got < 0.998*tt.want || got > 1.002*tt.want {
				t.Errorf("%.0f, want %.0f", got, tt.want)
			}
		})
	}
}

// TestLaneRate: without lanes or without latency nothing but the product limits.
func TestLaneRate(t *testing.T) {
	t.Parallel()
	if got := laneRate(&receiver.Spec{Lanes: []receiver.Lanes{{Max: 5}}}); got != hardRate {
		t.Errorf("%g, want %d", got, hardRate)
	}
}

// TestLogLines reads what Postfix and Exim say of their clients.
func TestLogLines(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, line        string
		lines             logLines
		accepted, refused int
	}{
		{"Postfix queues", "postfix/smtpd[1]: 4F3E1A: client=unknown[127.0.0.1]", postfixLines, 1, 0},
		{"Postfix counts messages", "postfix/smtpd[1]: NOQUEUE: reject: MAIL from unknown[127.0.0.1]: 450 4.7.1 Error: too much mail from 127.0.0.1; proto=ESMTP", postfixLines, 0, 1},
		{"Postfix counts connections", "postfix/smtpd[1]: warning: Connection concurrency limit exceeded: 6 from unknown[127.0.0.1] for service 127.78.0.1:2525", postfixLines, 0, 1},
		{"Postfix says goodbye", "postfix/smtpd[1]: disconnect from unknown[127.0.0.1] ehlo=1 quit=1 commands=2", postfixLines, 0, 0},
		{"Exim accepts", "2026-11-22 00:01:01 1xUv0v-0001yR-0e <= b.abc@bounces.sender.test H=(mail.sender.test) [127.0.0.1] P=esmtp S=3431", eximLines, 1, 0},
		{"Exim refuses a connection", "2026-11-22 00:01:01 Connection from [127.0.0.1] refused: too many connections from that IP address", eximLines, 0, 1},
		{"Exim defers", "2026-11-22 00:01:01 H=(mail.sender.test) [127.0.0.1] F=<a@b.test> temporarily rejected RCPT <c@er.test>: Sender rate 301 / 1m", eximLines, 0, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := &throttled{lines: tt.lines, counted: make(map[string]*clientCount)}
			m.take([]byte(tt.line), time.Now())
			if got := m.by("127.0.0.1"); got.accepted != tt.accepted || got.refused != tt.refused {
				t.Errorf("%d accepted and %d refused, want %d and %d", got.accepted, got.refused, tt.accepted, tt.refused)
			}
		})
	}
}

// TestPacing is the whole harness for a few seconds: a node of its own, real
// sockets, the receivers' journal beside the pacer's decisions. How good the
// figures are says nothing in so short a time.
func TestPacing(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	binary, err := exec.LookPath("headway")
	if err != nil {
		t.Fatal(err)
	}
	result, err := Pacing(t.Context(), PacingOptions{Binary: binary, Run: 10 * time.Second, Parts: []PacingPart{PacingReceivers},
		Config: config.Default(), Log: slog.New(slog.DiscardHandler), Out: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Figures) != 6 {
		t.Fatalf("%d figures, want three receivers cold and warm", len(result.Figures))
	}
	for _, f := range result.Figures {
		if f.Accepted == 0 || f.Possible == 0 || f.First < 0 || f.Run == "cold" && len(f.Events) == 0 {
			t.Errorf("%s %s: %d accepted of %.0f, the first after %s, %d decisions: nothing was measured",
				f.Receiver, f.Run, f.Accepted, f.Possible, f.First, len(f.Events))
		}
	}
}
