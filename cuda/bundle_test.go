package cuda_test

import (
	"slices"
	"testing"

	"github.com/unroll-ml/unroll/cuda/driver/sim"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Small elementwise instructions of a step that do not touch the same bytes are one launch: here the two halves
// of a concatenation. Those that do touch them keep their order.
func TestBundle(t *testing.T) {
	const steps, rows, n = 3, 5, 4
	half := func(r tape.Ref, off int) tape.Operand {
		return tape.Operand{Ref: moved(r, off, rows*2*n), Strides: []int{2 * n, 1}}
	}
	whole := func(r tape.Ref) tape.Operand {
		return tape.Operand{Ref: moved(r, 0, rows*n), Strides: []int{n, 1}}
	}
	for name, c := range map[string]struct {
		second  int // where the second half begins
		kernels int
	}{"halves": {n, 1}, "overlapping": {n - 1, 2}} {
		b := &builder{}
		x, y, out := b.floats("x", tape.Input, steps*rows*n), b.floats("y", tape.Input, steps*rows*n),
			b.floats("out", tape.Output, steps*rows*2*n)
		b.emit(&tape.Loop{Trip: steps, Body: []tape.Instr{
			&tape.Copy{Shape: []int{rows, n}, In: whole(x), Out: half(out, 0)},
			&tape.Map{Shape: []int{rows, n}, In: []tape.Operand{whole(y)}, Code: []tape.Op{{Fn: tape.Neg}}, Result: []int{1}, Out: []tape.Operand{half(out, c.second)}},
		}})
		p, gpu := b.open(t, sim.Config{Strict: true, Races: true})
		xs, ys, want := make([]float32, steps*rows*n), make([]float32, steps*rows*n), make([]float32, steps*rows*2*n)
		for i := range xs {
			xs[i], ys[i] = float32(i+1), float32(i+1000)
		}
		for s := range steps {
			for half, from := range [][]float32{xs, ys} {
				for i := range rows {
					for j := range n {
						if half == 0 {
							want[(s*rows+i)*2*n+j] = from[(s*rows+i)*n+j]
						} else {
							want[(s*rows+i)*2*n+c.second+j] = -from[(s*rows+i)*n+j]
						}
					}
				}
			}
		}
		write(t, p, 0, xs)
		write(t, p, 1, ys)
		run(t, p)
		if got := gpu.Stats().Kernels; got != steps*c.kernels {
			t.Errorf("%s: %d kernels ran, want %d", name, got, steps*c.kernels)
		}
		if got := read(t, p, 2, len(want)); c.second == n && !slices.Equal(got, want) {
			t.Errorf("%s: out = %v, want %v", name, got, want)
		} else if c.second != n {
			for i := range want {
				if i%(2*n) != 2*n-1 && got[i] != want[i] { // nobody writes the last column
					t.Errorf("%s: out[%d] = %v, want %v", name, i, got[i], want[i])
				}
			}
		}
	}
}
