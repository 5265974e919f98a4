package cpu

import (
	"math"
	"testing"
	"time"

	"github.com/unroll-ml/unroll/graph/tape"
)

// runsOf is how often each instruction of code runs when the code runs once.
func runsOf(code []tape.Instr, times int, of map[tape.Instr]int) {
	for _, in := range code {
		if l, ok := in.(*tape.Loop); ok {
			runsOf(l.Body, times*l.Trip, of)
			continue
		}
		of[in] += times
	}
}

// Measuring changes no bit. It counts each run of each instruction, while it is on, and together they take no longer than
// the runs of the program.
func TestTimed(t *testing.T) {
	b := everything()
	plain := b.start(t, Threads(2))
	times := &Times{}
	p := b.start(t, Threads(2), Timed(times))
	var took time.Duration
	for _, on := range []bool{false, true, true} {
		times.On = on
		begin := time.Now()
		if err := p.Run(); err != nil {
			t.Fatal(err)
		}
		if on {
			took += time.Since(begin)
		}
		if err := plain.Run(); err != nil {
			t.Fatal(err)
		}
		for i, want := range b.contents(t, plain) {
			for k, x := range b.contents(t, p)[i] {
				if math.Float32bits(x) != math.Float32bits(want[k]) {
					t.Fatalf("slot %d, element %d: %g, want %g", i, k, x, want[k])
				}
			}
		}
	}
	want := map[tape.Instr]int{}
	runsOf(b.Code, 1, want)
	sum := times.Packing.Sum
	for in, n := range want {
		at := times.Of[in]
		if at == nil { // an instruction without work has no steps
			continue
		}
		if at.Runs != 2*n {
			t.Errorf("%v: %d runs, want %d", in, at.Runs, 2*n)
		}
		sum += at.Sum
	}
	if sum <= 0 || sum > took || len(times.Of) < len(want)/2 {
		t.Errorf("%d of %d instructions took %v of %v", len(times.Of), len(want), sum, took)
	}
}
