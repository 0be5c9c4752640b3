package service

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A figure that is quick is made for everybody; one that takes a while is made
// once for all who ask, and shown with its age while a newer one is on its way.
func TestSlowFigures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var figures slow[string, int]
		ctx, takes := t.Context(), time.Duration(0)
		var made atomic.Int64
		read := func(context.Context) (int, error) {
			time.Sleep(takes)
			return int(made.Add(1)), nil
		}
		ask := func() Aged[int] {
			t.Helper()
			a, err := figures.take(ctx, lifetime{}, "lists", 0, 80*time.Millisecond, read)
			if err != nil {
				t.Fatal(err)
			}
			return a
		}
		for n := 1; n <= 3; n++ {
			if a := ask(); a.Value != n || !a.Known || a.Running {
				t.Fatalf("quick figure %d: %+v", n, a)
			}
			time.Sleep(time.Nanosecond)
		}
		takes = 2 * time.Second
		begun := time.Now()
		if a := ask(); a.Value != 3 || !a.Running || time.Since(begun) != 80*time.Millisecond {
			t.Fatalf("while it is made anew: %+v after %s", a, time.Since(begun))
		}
		if a := ask(); a.Value != 3 || !a.Running || a.At.After(begun) {
			t.Fatalf("asked by another: %+v", a)
		}
		time.Sleep(takes)
		if a := ask(); a.Value != 4 || a.Running || made.Load() != 4 {
			t.Fatalf("when it is there: %+v, made %d times", a, made.Load())
		}
		time.Sleep(slowRest*takes - 3*time.Second)
		if a := ask(); a.Value != 4 || a.Running {
			t.Fatalf("as long as it is good: %+v", a)
		}
		time.Sleep(4 * time.Second)
		begun = time.Now()
		if a := ask(); a.Value != 4 || !a.Running || time.Since(begun) != 0 {
			t.Fatalf("when it is too old: %+v after %s, of what is known to take longer than anybody waits", a, time.Since(begun))
		}
		figures.forget("lists")
		if a := ask(); a.Known || !a.Running {
			t.Fatalf("after a change: %+v", a)
		}
		synctest.Wait()
		time.Sleep(takes)
	})
}

// However many figures a page has, it waits for all of them together.
func TestSlowFiguresShareAPatience(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var figures slow[int, int]
		begun := time.Now()
		ctx := WithPatience(t.Context(), begun.Add(100*time.Millisecond))
		for n := range 5 {
			if a, err := figures.take(ctx, lifetime{}, n, 0, 60*time.Millisecond, func(context.Context) (int, error) {
				time.Sleep(time.Second)
				return n, nil
			}); err != nil || a.Known || !a.Running {
				t.Errorf("%+v, %v", a, err)
			}
		}
		if waited := time.Since(begun); waited != 100*time.Millisecond {
			t.Errorf("waited %s", waited)
		}
		time.Sleep(time.Second)
	})
}

// Figures that take a while are made one after the other, whatever they are of; one
// that takes very long does not hold up the others, and one that is known to be
// quick waits for none.
func TestSlowFiguresInTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var (
			figures slow[string, time.Duration]
			life    = newLifetime(t.Context())
			begun   = time.Now()
		)
		ask := func(name string, takes time.Duration) Aged[time.Duration] {
			t.Helper()
			a, err := figures.take(t.Context(), life, name, 0, 10*time.Millisecond, func(context.Context) (time.Duration, error) {
				time.Sleep(takes)
				return time.Since(begun), nil
			})
			if err != nil {
				t.Fatal(err)
			}
			return a
		}
		there := func(name string, want time.Duration) {
			t.Helper()
			if a, err := figures.look(name); err != nil || a.Value != want || a.Running {
				t.Errorf("%s is there after %s (%+v, %v), want %s", name, a.Value, a, err, want)
			}
		}
		if a := ask("quick", 0); !a.Known {
			t.Fatalf("%+v", a)
		}
		ask("first", 2*time.Second)
		ask("second", time.Second)
		if a := ask("quick", time.Millisecond); a.Value != time.Since(begun) {
			t.Errorf("what is quick waited: %+v after %s", a, time.Since(begun))
		}
		time.Sleep(5 * time.Second)
		there("first", 2*time.Second)
		there("second", 3*time.Second)

		begun = time.Now()
		ask("endless", time.Hour)
		ask("beside it", time.Second)
		time.Sleep(2 * time.Hour)
		there("beside it", slowTurn+time.Second)
		there("endless", time.Hour)
		ask("after all", time.Second)
		time.Sleep(time.Minute)
		there("after all", 2*time.Hour+20*time.Millisecond+time.Second)
	})
}

// An error is told to who asks, and does not stay.
func TestSlowFiguresThatFail(t *testing.T) {
	t.Parallel()
	var figures slow[int, int]
	broken := errors.New("the database is away")
	for _, fails := range []error{broken, nil, broken, nil} {
		a, err := figures.take(t.Context(), lifetime{}, 1, 0, time.Minute, func(context.Context) (int, error) { return 7, fails })
		if !errors.Is(err, fails) || fails == nil && a.Value != 7 {
			t.Fatalf("%v: %+v, %v", fails, a, err)
		}
	}
}
