package delivery

import (
	"context"
	"slices"
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
		a := &admission{most: 2, toCome: 2, recordMax: 1}
		for i, want := range []bool{true, true, false} {
			if a.tryEnter() != want {
				t.Fatalf("lane %d came in: %v", i+1, !want)
			}
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
		came := func(what string, want ...int) {
			t.Helper()
			synctest.Wait()
			if !slices.Equal(order, want) {
				t.Fatalf("%s: %v came in, want %v", what, order, want)
			}
		}
		a.begin(true)
		came("the first composes and leaves its place to another that comes", 0)
		a.begin(true)
		came("two compose: the processors are taken", 0)
		a.end()
		came("one sends what it composed", 0, 1)
		if a.tryEnter() {
			t.Error("a newcomer passed the line")
		}
		a.leave()
		came("one had nothing to send", 0, 1, 2)
		if a.crowded() {
			t.Error("somebody still waits")
		}
	})
}

func TestAdmissionIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &admission{most: 1, toCome: 1, recordMax: 1}
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
		for range 2 {
			if <-came {
				t.Error("who gave up was let in")
			}
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
