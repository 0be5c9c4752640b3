package delivery

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whatever nodes come, go, want and use, together they never get more lanes
// than the provider allows, but for connections that were open before its limit
// fell; and in the end each has its even part.
func TestLanesOfAllNodes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var s shared
		limit, now := rapid.IntRange(1, 20).Draw(t, "limit"), 1000.0
		nodes := rapid.IntRange(1, 4).Draw(t, "nodes")
		allowed, used := make(map[int64]int), make(map[int64]int)
		renew := func(id int64, want int) {
			allowed[id], _ = s.renew(id, claim{want: want, used: used[id]}, limit, 1, now)
			now += 0.1
		}
		for range rapid.IntRange(1, 60).Draw(t, "rounds") {
			id := int64(rapid.IntRange(1, nodes).Draw(t, "node"))
			renew(id, rapid.IntRange(0, 25).Draw(t, "want"))
			if more := allowed[id] - used[id]; more > 0 {
				used[id] += rapid.IntRange(0, more).Draw(t, "opened")
			} else if used[id] > allowed[id] {
				used[id] = max(allowed[id], used[id]-rapid.IntRange(0, 3).Draw(t, "closed"))
			}
			open := 0
			for _, n := range used {
				open += n
			}
			if open > limit {
				t.Fatalf("%d connections are open over all nodes; %d are allowed", open, limit)
			}
		}
		for range 8 { // all want everything, and those with too many close some: one step may wait for another
			for id := int64(1); id <= int64(nodes); id++ {
				renew(id, 50)
				used[id] = min(used[id], allowed[id])
			}
		}
		for id := int64(1); id <= int64(nodes); id++ {
			if n := allowed[id]; n < limit/nodes || n > (limit+nodes-1)/nodes {
				t.Fatalf("node %d of %d may have %d of %d lanes: %v", id, nodes, n, limit, allowed)
			}
		}
	})
}

// The lanes of a node that fell silent come free after 15 s, not before.
func TestSilentNodesLoseTheirLanes(t *testing.T) {
	t.Parallel()
	var s shared
	s.renew(1, claim{want: 8, used: 8}, 8, 1, 100)
	for _, tt := range []struct {
		at   float64
		want int
	}{{101, 0}, {114, 0}, {116, 8}} {
		if got, _ := s.renew(2, claim{want: 8}, 8, 1, tt.at); got != tt.want {
			t.Errorf("%.0f s later the other node may have %d lanes; want %d", tt.at-100, got, tt.want)
		}
	}
}

// A node that wants less than its part leaves the rest to the others.
func TestLanesThatNobodyWants(t *testing.T) {
	t.Parallel()
	var s shared
	s.renew(1, claim{want: 2, used: 2}, 10, 1, 100)
	if got, _ := s.renew(2, claim{want: 20, used: 8}, 10, 1, 100); got != 8 {
		t.Errorf("the other node may have %d lanes; want 8", got)
	}
	if share := s.share(1, 100); share != 0.2 {
		t.Errorf("the first takes %.3f of the permits; want 0.2", share)
	}
	if share := s.share(2, 103); share != 1 {
		t.Errorf("three seconds later the other takes %.3f; want all", share)
	}
}

// Openings keep their gap over all nodes.
func TestOpeningsKeepTheirGap(t *testing.T) {
	t.Parallel()
	var s shared
	gap := 700 * time.Millisecond
	first := s.open(noon, time.Time{}, gap)
	second := s.open(noon.Add(100*time.Millisecond), time.Time{}, gap)
	third := s.open(noon.Add(200*time.Millisecond), noon.Add(5*time.Second), gap)
	if !near(first, noon) || !near(second, noon.Add(gap)) || !near(third, noon.Add(5*time.Second)) {
		t.Errorf("connections may be opened at %s, %s and %s", first, second, third)
	}
}

func near(a, b time.Time) bool { return a.Sub(b).Abs() < time.Millisecond }

// Every acceptance that any node counted is heard by every other exactly once,
// in its second.
func TestAcceptancesAreHeardOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var row shared
		type node struct {
			seen      shared
			own, hear int
		}
		nodes, total := make([]node, 3), 0
		for range rapid.IntRange(1, 40).Draw(t, "rounds") {
			n := &nodes[rapid.IntRange(0, 2).Draw(t, "node")]
			stored, err := json.Marshal(row)
			if err != nil {
				t.Fatal(err)
			}
			row, err = parseShared(stored)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range row.since(n.seen, time.Second) {
				n.hear += e.Count
			}
			accepted := rapid.IntRange(0, 30).Draw(t, "accepted")
			if accepted > 0 {
				row.pass(noon.Add(time.Duration(rapid.IntRange(0, 20_000).Draw(t, "at"))*time.Millisecond), accepted)
			}
			n.own += accepted
			total += accepted
			n.seen = row.clone()
		}
		for i, n := range nodes {
			for _, e := range row.since(n.seen, time.Second) {
				n.hear += e.Count
			}
			if n.own+n.hear != total {
				t.Fatalf("node %d counted %d and heard of %d; there were %d", i, n.own, n.hear, total)
			}
		}
	})
}
