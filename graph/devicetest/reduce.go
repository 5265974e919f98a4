package devicetest

import (
	"math"

	"github.com/unroll-ml/unroll/graph/tape"
)

var reduceChecks = []check{
	{"reduce", "Reduce is Out[o,i] = Fn over n of In[o,n,i], a sum within N·u·Σ|x|, for every Outer, N and Inner; of no numbers the sum is 0 and the largest -Inf", reduceSizes},
	{"reduce special", "the largest of numbers with a NaN is NaN, and infinities take part", reduceSpecial},
}

// addReduce emits a Reduce with what it must give.
func addReduce(r *rig, fn tape.ReduceFn, outer, n, inner int, vals []float64) {
	in, out := r.in(vals), r.out(outer*inner)
	want, tol := make([]float64, outer*inner), make([]float64, outer*inner)
	for o := range outer {
		for i := range inner {
			sum, abs, largest := 0.0, 0.0, math.Inf(-1)
			for k := range n {
				x := in.vals[(o*n+k)*inner+i]
				sum += x
				abs += math.Abs(x)
				largest = max(largest, x)
			}
			at := o*inner + i
			want[at], tol[at] = sum, float64(n)*unit(r.float())*abs
			if fn == tape.ReduceMax {
				want[at], tol[at] = largest, 0
			}
		}
	}
	out.expectWithin(want, tol)
	r.emit(&tape.Reduce{Fn: fn, In: in.Ref, Out: out.Ref, Outer: outer, N: n, Inner: inner})
}

func reduceSizes(d tape.Device, f tape.Dtype) error {
	r := newRig(f)
	sizes := [][3]int{{1, 0, 1}, {2, 0, 3}, {0, 3, 2}, {3, 2, 0}, {1, 100000, 1}, {1, 3000, 17}, {300, 200, 1},
		{2, 5, 1000}, {64, 40, 33}}
	for i := 1; i <= 67; i++ {
		sizes = append(sizes, [3]int{3, i, 1}, [3]int{1, 5, i}, [3]int{2, i, 3})
	}
	for _, fn := range []tape.ReduceFn{tape.Sum, tape.ReduceMax} {
		for _, s := range sizes {
			addReduce(r, fn, s[0], s[1], s[2], r.rand(s[0]*s[1]*s[2]))
		}
	}
	return r.runEach(d)
}

func reduceSpecial(d tape.Device, f tape.Dtype) error {
	r := newRig(f)
	nan, inf := math.NaN(), math.Inf(1)
	for _, n := range []int{1, 3, 8, 19, 70} {
		for _, special := range []float64{nan, inf, -inf} {
			for at := range n {
				x := r.rand(n)
				x[at] = special
				addReduce(r, tape.ReduceMax, 1, n, 1, x)
				addReduce(r, tape.Sum, 1, n, 1, x)
			}
		}
		all := make([]float64, n*5)
		for i := range all {
			all[i] = -inf
		}
		addReduce(r, tape.ReduceMax, 1, n, 5, all)
		all[n/2*5+2] = nan
		addReduce(r, tape.ReduceMax, 1, n, 5, all)
		addReduce(r, tape.Sum, 1, n, 5, all)
	}
	return r.run(d)
}
