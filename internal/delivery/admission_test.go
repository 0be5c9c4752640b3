package delivery

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// No more lanes than there is room for compose, or are about to; who waits comes
// in the order of the line, and a lane that waits for a server makes room.
func TestAdmission(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &admission{most: 2}
		if !a.tryEnter() || !a.tryEnter() || a.tryEnter() {
			t.Fatal("there is room for two")
		}
		var (
			mu    sync.Mutex
			order []int
		)
		for lane := range 3 {
			go func() {
				if a.enter(t.Context(), nil) {
					mu.Lock()
					defer mu.Unlock()
					order = append(order, lane)
				}
			}()
			synctest.Wait()
		}
		if len(order) > 0 || !a.crowded() {
			t.Fatalf("%v came in beside two others", order)
		}
		a.begin(true) // the first composes: its place is still taken
		synctest.Wait()
		if len(order) > 0 {
			t.Fatal("a lane that composes has left its place")
		}
		a.end() // and sends
		synctest.Wait()
		if len(order) != 1 || order[0] != 0 {
			t.Fatalf("%v came in; want the first of the line", order)
		}
		if a.tryEnter() {
			t.Error("a newcomer passed the line")
		}
		a.leave() // the second had nothing to send
		a.leave() // nor had the one that came in
		synctest.Wait()
		if len(order) != 3 || a.crowded() {
			t.Errorf("they came in as %v", order)
		}
	})
}

func TestAdmissionIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &admission{most: 1}
		a.tryEnter()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		over := make(chan struct{})
		came := make(chan bool, 2)
		go func() { came <- a.enter(ctx, nil) }()
		go func() { came <- a.enter(t.Context(), over) }()
		synctest.Wait()
		time.Sleep(2 * time.Second)
		close(over)
		if <-came || <-came {
			t.Error("who gave up was let in")
		}
		if a.crowded() {
			t.Error("who gave up stands in line")
		}
		a.leave()
		if !a.tryEnter() {
			t.Error("a place is lost")
		}
	})
}
