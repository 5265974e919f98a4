package cpu

import (
	"fmt"
	"testing"

	"github.com/unroll-ml/unroll/graph/cpu/internal/kernel"
	"github.com/unroll-ml/unroll/graph/devicetest"
	"github.com/unroll-ml/unroll/graph/tape"
)

// TestDevice runs the contract on every instruction path, with one thread and with more than most machines that
// test have to spare.
func TestDevice(t *testing.T) {
	for i, path := range kernel.Paths() {
		for _, threads := range []int{1, 3} {
			t.Run(fmt.Sprintf("%s/%d", path, threads), func(t *testing.T) {
				if testing.Short() && (i > 0 || threads == 1) {
					t.Skip("only the best path, with several threads, in short mode")
				}
				floats := []tape.Dtype{tape.Float32}
				if i == 0 { // the same code on every path
					floats = append(floats, tape.Float64)
				}
				devicetest.Run(t, New(onPath(path), Threads(threads)), floats...)
			})
		}
	}
}

// A device that shares keeps the contract, too.
func TestSharingDevice(t *testing.T) {
	devicetest.RunSharer(t, New(Threads(2)).(tape.Sharer), tape.Float32)
}

func TestUnknownPath(t *testing.T) {
	if _, err := New(onPath("mmx")).Load(new(tape.Tape)); err == nil {
		t.Error("Load on the path mmx gave no error")
	}
	t.Setenv(PathVariable, "sse")
	if _, err := New().Load(new(tape.Tape)); err == nil {
		t.Errorf("Load with %s=sse gave no error", PathVariable)
	} else {
		t.Log(err)
	}
}
