package bench

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"
)

const (
	// nodeLanes limits each node, so that one alone is far from what the machine
	// and its Postgres can do.
	nodeLanes = 8
	// nodeReply is how long receivers take over each message.
	nodeReply = 20 * time.Millisecond
	// nodeLearned is how many messages a second all domains together are said to have
	// taken, more than ten times what three nodes send: the last domains of a campaign
	// would set its end otherwise, and not the nodes.
	nodeLearned = 20_000
)

// nodeTargets are how many times one node's rate several must reach.
var nodeTargets = map[int]float64{2: 1.9, 3: 2.8}

// Nodes measures how much more several nodes on one database send than one, when
// each is limited and receivers take their time.
func Nodes(ctx context.Context, o ThroughputOptions) (figures []Figure, err error) {
	t := &throughput{options: o, learned: nodeLearned / float64(o.Domains)}
	defer func() { err = closing(err, t.close) }()
	if err := t.open(ctx); err != nil {
		return nil, err
	}
	if _, err := t.ground.office.Service.GenerateSecondDKIM(ctx, groundFrom, ""); err != nil {
		return nil, err
	}
	if err := t.ground.office.Database.Store.ForgetRSAForBench(ctx); err != nil {
		return nil, err
	}
	if _, err := t.send(ctx, o.Binary, false); err != nil { // so that there are paces
		return nil, err
	}
	t.sink.pause = nodeReply
	var alone float64
	for n := 1; n <= 3; n++ {
		rate, err := t.sendFrom(ctx, n)
		if err != nil {
			return t.figures, fmt.Errorf("%d nodes: %w", n, err)
		}
		if n == 1 {
			alone = rate
		}
		t.add(Figure{What: fmt.Sprintf("nodes: %d", n), Value: rate, Unit: "messages/s"})
		if n > 1 {
			t.add(Figure{What: fmt.Sprintf("%d nodes beside one", n), Value: rate / alone, Unit: "×", Least: nodeTargets[n]})
		}
	}
	return t.figures, nil
}

// sendFrom sends one campaign from several nodes.
func (t *throughput) sendFrom(ctx context.Context, n int) (float64, error) {
	if err := t.ground.learn(ctx, t.learned); err != nil {
		return 0, err
	}
	t.sink.forget()
	senders := make([]*victim, n)
	for i := range senders {
		sender, err := t.ground.sender()
		if err != nil {
			return 0, err
		}
		sender.environ = append(sender.environ, "HEADWAY_SENDING_LANES="+strconv.Itoa(nodeLanes), "HEADWAY_DATABASE_CONNECTIONS=12")
		if err := sender.start(); err != nil {
			return 0, err
		}
		senders[i] = sender
	}
	problems := []error{t.ground.publish(ctx, longLetter())} // to nodes that are all there: the first would begin alone
	if problems[0] == nil {
		problems = append(problems, t.ground.finished(ctx, throughputWithin))
	}
	for _, s := range senders {
		problems = append(problems, s.stop())
	}
	rate, _, _ := t.sink.span()
	if messages, recipients := t.sink.count(); messages != t.options.Recipients || recipients != messages {
		problems = append(problems, fmt.Errorf("%d messages for %d recipients arrived, of %d", messages, recipients, t.options.Recipients))
	}
	return rate, errors.Join(problems...)
}
