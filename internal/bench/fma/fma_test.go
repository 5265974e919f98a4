package fma

import (
	"testing"
	"time"

	"github.com/unroll-ml/unroll/graph/cpu"
)

// A core that multiplies and adds at all does so at some GFLOP/s, and none at more than a few hundred.
func TestPeak(t *testing.T) {
	path, err := cpu.Path()
	if err != nil {
		t.Fatal(err)
	}
	got := Peak(path, 1, 10*time.Millisecond)
	if kernel, _ := kernelOf(path); kernel == nil {
		if got != 0 {
			t.Errorf("path %s has no kernel, and a peak of %g", path, got)
		}
		return
	}
	if got < 1 || got > 1000 {
		t.Errorf("one thread does %g GFLOP/s on path %s", got, path)
	}
	t.Logf("%s: %.0f GFLOP/s", path, got)
}
