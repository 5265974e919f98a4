package kernel

import (
	"fmt"
	"math"

	"github.com/unroll-ml/unroll/graph/tape"
)

func init() {
	checks = append(checks, check{"reduce sum", func(r *rig) error { return reduces(r, tape.Sum) }},
		check{"reduce max", func(r *rig) error { return reduces(r, tape.ReduceMax) }})
}

// Sums of whole numbers, which are exact in any order, and the largest of numbers, NaN among them; of one block
// and of parts.
func reduces(r *rig, fn tape.ReduceFn) error {
	for _, s := range []struct{ outer, n, inner, stages int }{
		{3, 1, 1, 1}, {40, 45, 1, 1}, {20, 300, 1, 1}, {12, 2000, 1, 1}, {2, 9001, 1, 2}, {2, 0, 1, 1}, {1, 0, 3, 1},
		{2, 3, 40, 1}, {9, 41, 33, 1}, {2, 150, 35, 2}, {1, 70, 2, 2},
	} {
		r.clear()
		x := r.wholes(s.outer * s.n * s.inner)
		if fn == tape.ReduceMax {
			for o := 1; o < s.outer; o++ { // in each but the first, another number
				if at := (o*s.n+o*7%max(s.n, 1))*s.inner + o%s.inner; s.n > 2 {
					x[at] = float32(math.NaN())
				}
			}
		}
		want := make([]float32, s.outer*s.inner)
		for o := range s.outer {
			for i := range s.inner {
				sum, largest := float32(0), float32(math.Inf(-1))
				for n := range s.n {
					v := x[(o*s.n+n)*s.inner+i]
					sum += v
					largest = max(largest, v)
				}
				want[o*s.inner+i] = sum
				if fn == tape.ReduceMax {
					want[o*s.inner+i] = largest
				}
			}
		}
		stages := NewReduce(fn, F32, s.outer, s.n, s.inner).Stages
		if len(stages) != s.stages {
			return fmt.Errorf("%+v: %d stages", s, len(stages))
		}
		from := r.put(x)
		if len(x) == 0 {
			from = r.space(4)
		}
		for _, stage := range stages {
			to := r.space(4 * s.outer * stage.Parts * s.inner)
			if err := r.launch(stage.Launch, from, to, uint64(stage.N), uint64(stage.Inner), uint64(stage.Chunk)); err != nil {
				return fmt.Errorf("%+v: %w", s, err)
			}
			from = to
		}
		if err := equal(r, fmt.Sprintf("%+v: out", s), from, want); err != nil {
			return err
		}
	}
	return nil
}
