package bench

import "testing"

// What could not be started need not be stopped.
func TestVictimThatDoesNotStart(t *testing.T) {
	t.Parallel()
	v := &victim{binary: t.TempDir(), quiet: true}
	if err := v.start(); err == nil {
		t.Fatal("a folder was started")
	}
	if err := v.stop(); err != nil {
		t.Errorf("nothing was stopped: %v", err)
	}
}
