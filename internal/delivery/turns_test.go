package delivery

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/headwaymail/headway/internal/postgres"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func dueNow(campaign int64, weight int) postgres.Due {
	return postgres.Due{Campaign: campaign, Provider: 1, At: noon, Waiting: 1000, Weight: weight, Launched: noon}
}

// While all have due mail, campaigns share by weight: none is ever further from
// its share than a chunk.
func TestTurnsShareByWeight(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		const chunk = 10
		var (
			turns turns
			due   []postgres.Due
			sum   float64
		)
		for n := range rapid.IntRange(1, 6).Draw(t, "campaigns") {
			due = append(due, dueNow(int64(n+1), rapid.SampledFrom([]int{1, 4, 16}).Draw(t, "weight")))
		}
		sent, total := make(map[int64]int), 0
		for range rapid.IntRange(100, 400).Draw(t, "chunks") {
			if rapid.IntRange(0, 9).Draw(t, "update") == 0 {
				turns.update(due)
			}
			if turns.due == nil {
				turns.update(due)
			}
			next, ok := turns.next(noon)
			if !ok {
				t.Fatal("nobody's turn, and all have due mail")
			}
			n := rapid.IntRange(1, chunk).Draw(t, "n")
			turns.took(next, n, noon)
			sent[next.Campaign] += n
			total += n
		}
		for _, d := range due {
			sum += turns.weight(d, noon)
		}
		for _, d := range due {
			share := float64(total) * turns.weight(d, noon) / sum
			if off := math.Abs(float64(sent[d.Campaign]) - share); off > float64(chunk*(len(due)+d.Weight)) {
				t.Fatalf("campaign %d of weight %d sent %d of %d; its share is %.0f", d.Campaign, d.Weight, sent[d.Campaign], total, share)
			}
		}
	})
}

// A newcomer neither waits for what others have sent before nor makes up for it.
func TestTurnsOfANewcomer(t *testing.T) {
	t.Parallel()
	var turns turns
	old, young := dueNow(1, 4), dueNow(2, 4)
	turns.update([]postgres.Due{old})
	for range 100 {
		turns.took(old, 50, noon)
	}
	turns.update([]postgres.Due{old, young})
	counts := take(&turns, 40, 10)
	if counts[1] < 150 || counts[2] < 150 {
		t.Errorf("of 400 messages the two got %v", counts)
	}
}

// take lets chunks of n be taken in turn and counts them.
func take(turns *turns, chunks, n int) map[int64]int {
	counts := make(map[int64]int)
	for range chunks {
		next, ok := turns.next(noon)
		if !ok {
			break
		}
		turns.took(next, n, noon)
		counts[next.Campaign] += n
	}
	return counts
}

// A campaign whose last mail is in hand is missing from the picture for a
// moment. What it then takes must not let it begin anew far behind the others.
func TestTurnsAfterAnAbsence(t *testing.T) {
	t.Parallel()
	var turns turns
	steady, absent := dueNow(1, 4), dueNow(2, 4)
	turns.update([]postgres.Due{steady, absent})
	take(&turns, 200, 50)
	turns.update([]postgres.Due{steady})
	turns.took(absent, 10, noon) // ends while it is not in the picture
	turns.update([]postgres.Due{steady, absent})
	if counts := take(&turns, 40, 10); counts[1] < 150 || counts[2] < 150 {
		t.Errorf("of 400 messages the two got %v", counts)
	}
}

func TestTurnsOfAnEmptyCampaign(t *testing.T) {
	t.Parallel()
	var turns turns
	later := dueNow(3, 16)
	later.At = noon.Add(time.Minute)
	turns.update([]postgres.Due{dueNow(1, 16), dueNow(2, 1), later})
	turns.empty(1)
	if next, ok := turns.next(noon); !ok || next.Campaign != 2 {
		t.Errorf("it is the turn of %d, %v; want 2", next.Campaign, ok)
	}
	if n := turns.waiting(noon); n != 1000 {
		t.Errorf("%d wait; want 1000", n)
	}
	turns.empty(2)
	if next, ok := turns.next(noon); ok {
		t.Errorf("it is the turn of %d; nobody has due mail", next.Campaign)
	}
	if next, ok := turns.next(later.At); !ok || next.Campaign != 3 {
		t.Errorf("a minute later it is the turn of %d, %v; want 3", next.Campaign, ok)
	}
}

// Hours of waiting raise a campaign's weight, at most to its double.
func TestTurnsAge(t *testing.T) {
	t.Parallel()
	for hours, share := range map[int]float64{0: 0.5, 2: 0.6, 4: 2. / 3, 400: 2. / 3} {
		var turns turns
		old := dueNow(1, 4)
		old.Launched = noon.Add(-time.Duration(hours) * time.Hour)
		turns.update([]postgres.Due{old, dueNow(2, 4)})
		counts := take(&turns, 3000, 1)
		if got := float64(counts[1]) / 3000; math.Abs(got-share) > 0.01 {
			t.Errorf("after %d hours its share is %.3f; want %.3f", hours, got, share)
		}
	}
}
