package cuda_test

import (
	"errors"
	"testing"

	"github.com/unroll-ml/unroll/cuda/driver/sim"
	"github.com/unroll-ml/unroll/graph/tape"
)

// selections is a tape that gathers within two nested loops and once after them, with indices from an input,
// or, if computed, from a copy of it, so that the device must look at them.
func selections(computed bool) (b *builder, x tape.SlotID) {
	const rows, n = 4, 3
	b = &builder{}
	index, table := b.buffer("index", tape.Input, tape.Int32, 40), b.floats("table", tape.Input, rows)
	from := index
	if computed {
		from = b.buffer("", 0, tape.Int32, 40)
		b.emit(&tape.Copy{Shape: []int{40}, In: flat(index), Out: flat(from)})
	}
	out := b.floats("out", tape.State, n)
	gather := func(off int, step ...int) tape.Instr {
		return &tape.Gather{Table: table, Index: moved(from, off, step...), Out: out, N: n, Width: 1, Rows: rows}
	}
	b.emit(
		&tape.Loop{Trip: 2, Body: []tape.Instr{
			gather(0, n), // indices 0 to 5
			&tape.Loop{Trip: 3, Body: []tape.Instr{gather(6, 3*n, n)}}, // 6 to 23
			gather(24, n),    // 24 to 29
			gather(24+n, -n), // the same from behind
		}},
		gather(30),
	)
	return b, b.id("index")
}

// Of several bad indices the one that the tape meets first is reported, whether the host or the device looks
// for it; the run after it is not disturbed, and neither is one whose bad index was repaired.
func TestFirstBadIndex(t *testing.T) {
	for _, computed := range []bool{false, true} {
		b, x := selections(computed)
		p, gpu := b.open(t, sim.Config{})
		for _, c := range []struct {
			bad  []int // where, in the order of the tape
			pos  int   // of the first within its instruction
			loop bool
		}{
			{[]int{30}, 0, false}, {[]int{32}, 2, false}, {[]int{1, 30}, 1, true}, {[]int{7, 5, 4}, 1, true}, {[]int{11, 3}, 2, true},
			{[]int{23, 30}, 2, true}, {[]int{24, 3}, 0, true}, {[]int{28, 4}, 1, true}, {[]int{2, 6, 30, 31}, 2, true}, {[]int{27, 15, 18, 30}, 0, true},
		} {
			good := make([]int32, 40)
			write(t, p, x, good)
			run(t, p)
			bad := make([]int32, 40)
			for k, at := range c.bad {
				bad[at] = int32(100 + k)
			}
			write(t, p, x, bad)
			for range 2 { // the second time from a graph
				err := p.Run()
				var index *tape.IndexError
				if !errors.As(err, &index) || index.Index != 100 || index.Pos != c.pos || index.Rows != 4 {
					t.Errorf("computed %v, bad at %v: %v", computed, c.bad, err)
				}
			}
		}
		write(t, p, x, make([]int32, 40))
		run(t, p)
		if waits := gpu.Waiting() == 0; waits != computed {
			t.Errorf("computed %v: the run was waited for: %v", computed, waits)
		}
	}
}
