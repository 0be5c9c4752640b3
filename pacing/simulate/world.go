package simulate

import (
	"container/heap"
	"time"
)

// world is virtual time: things to do, in order of time, then of planning.
type world struct {
	now   time.Duration
	queue agenda
	count int64
}

type task struct {
	at  time.Duration
	seq int64
	do  func()
}

func (w *world) at(when time.Duration, do func()) {
	w.count++
	heap.Push(&w.queue, task{at: max(when, w.now), seq: w.count, do: do})
}

// run does what is planned until the end.
func (w *world) run(end time.Duration) {
	for len(w.queue) > 0 {
		next := heap.Pop(&w.queue).(task)
		if next.at > end {
			return
		}
		w.now = next.at
		next.do()
	}
}

type agenda []task

func (a agenda) Len() int { return len(a) }
func (a agenda) Less(i, j int) bool {
	if a[i].at != a[j].at {
		return a[i].at < a[j].at
	}
	return a[i].seq < a[j].seq
}
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(x any)   { *a = append(*a, x.(task)) }
func (a *agenda) Pop() any {
	old := *a
	last := old[len(old)-1]
	*a = old[:len(old)-1]
	return last
}
