package irtest

import (
	"math"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// rows evaluates a Rows operation; the formulas are those of tape.Rows.
func rows(op ir.Rows, s ir.Shape, in [][]float64, out []float64) error {
	cols := s[len(s)-1]
	n := s[:len(s)-1].Size()
	row := func(x []float64, r int) []float64 { return x[r*cols : (r+1)*cols] }
	for r := range n {
		x := row(in[0], r)
		switch op.Kind {
		case tape.Softmax:
			on := func(j int) bool { return !op.Mask || row(in[1], r)[j] != 0 }
			top, sum := math.Inf(-1), 0.0
			for j := range x {
				if on(j) {
					top = max(top, x[j])
				}
			}
			for j := range x {
				if on(j) {
					sum += math.Exp(x[j] - top)
				}
			}
			for j := range x {
				if on(j) {
					row(out, r)[j] = math.Exp(x[j]-top) / sum
				}
			}
		case tape.LogSoftmax:
			l := logSumExp(x)
			for j := range x {
				row(out, r)[j] = x[j] - l
			}
		case tape.SoftmaxGrad:
			g, dot := row(in[1], r), 0.0
			for j := range x {
				dot += g[j] * x[j]
			}
			for j := range x {
				row(out, r)[j] = x[j] * (g[j] - dot)
			}
		case tape.LogSoftmaxGrad:
			g, sum := row(in[1], r), 0.0
			for j := range x {
				sum += g[j]
			}
			for j := range x {
				row(out, r)[j] = g[j] - math.Exp(x[j])*sum
			}
		case tape.CrossEntropy, tape.CrossEntropyGrad:
			mask := 1.0
			if op.Mask {
				mask = in[len(in)-1][r]
			}
			if mask == 0 {
				continue
			}
			t := in[1][r]
			if t < 0 || int(t) >= cols {
				return errors.Errorf("target %g of row %d is outside of [0, %d)", t, r, cols)
			}
			q := func(j int) float64 {
				p := op.Smoothing / float64(cols)
				if j == int(t) {
					p += 1 - op.Smoothing
				}
				return p
			}
			l := logSumExp(x)
			for j := range x {
				if op.Kind == tape.CrossEntropy {
					out[r] -= q(j) * (x[j] - l) * mask
				} else {
					row(out, r)[j] = (math.Exp(x[j]-l) - q(j)) * in[2][r] * mask
				}
			}
		case tape.Argmax:
			best := 0
			for j := range x {
				if x[j] > x[best] || math.IsNaN(x[j]) && !math.IsNaN(x[best]) {
					best = j
				}
			}
			out[r] = float64(best)
		}
	}
	return nil
}

func logSumExp(x []float64) float64 {
	top, sum := math.Inf(-1), 0.0
	for _, v := range x {
		top = max(top, v)
	}
	for _, v := range x {
		sum += math.Exp(v - top)
	}
	return top + math.Log(sum)
}
