package devicetest

import (
	"math"
	"slices"

	"github.com/unroll-ml/unroll/graph/tape"
)

// byRow computes the rows of one kind on the host: f gets one row of each operand.
func byRow(kind tape.RowsKind, f func(r *tape.Rows, out []float64, in [][]float64)) rewriter {
	return replace(func(_ *tape.Tape, r *tape.Rows, _ int) []tape.Instr {
		if r.Kind != kind {
			return nil
		}
		each := kind == tape.CrossEntropy || kind == tape.CrossEntropyGrad
		width := func(i int) int { // of an operand; of the output, -1
			switch {
			case i > 0 && each, i < 0 && (kind == tape.CrossEntropy || kind == tape.Argmax):
				return 1
			}
			return r.Cols
		}
		var in []tape.HostArg
		for i, a := range r.In {
			in = append(in, arg(a, r.Rows, width(i)))
		}
		return onHost([]tape.HostArg{arg(r.Out, r.Rows, width(-1))}, in, func(out, in [][]float64) {
			for i := range r.Rows {
				var rows [][]float64
				for k, a := range in {
					rows = append(rows, a[i*width(k):][:width(k)])
				}
				f(r, out[0][i*width(-1):][:width(-1)], rows)
			}
		})
	})
}

func rowsFaults() []fault {
	unmask := edit(func(_ *tape.Tape, r *tape.Rows) {
		if r.Mask && (r.Kind == tape.Softmax || r.Kind == tape.CrossEntropy) {
			r.Mask, r.In = false, r.In[:len(r.In)-1]
		}
	})
	return []fault{
		{check: "rows softmax", name: "ignores the mask", rewrite: unmask},
		{check: "rows softmax", name: "masks by adding -1e9",
			rewrite: byRow(tape.Softmax, func(r *tape.Rows, out []float64, in [][]float64) {
				x := in[0]
				for j := range x {
					if r.Mask && in[1][j] == 0 {
						x[j] = -1e9
					}
				}
				copy(out, softmax(x, all))
			})},
		{check: "rows softmax", name: "does not shift by the largest",
			rewrite: byRow(tape.Softmax, func(r *tape.Rows, out []float64, in [][]float64) {
				sum := 0.0
				for j, x := range in[0] {
					if out[j] = 0; !r.Mask || in[1][j] != 0 {
						out[j] = math.Exp(x)
					}
					sum += out[j]
				}
				for j := range out {
					out[j] /= max(sum, math.SmallestNonzeroFloat64)
				}
			})},
		{check: "rows softmax", name: "shifts by the largest of all columns",
			rewrite: byRow(tape.Softmax, func(r *tape.Rows, out []float64, in [][]float64) {
				largest, sum := slices.Max(append(in[0], math.Inf(-1))), 0.0
				for j, x := range in[0] {
					if out[j] = 0; !r.Mask || in[1][j] != 0 {
						out[j] = math.Exp(x - largest)
					}
					sum += out[j]
				}
				for j := range out {
					out[j] /= max(sum, math.SmallestNonzeroFloat64)
				}
			})},
		{check: "rows logsoftmax", name: "takes the logarithm of the softmax",
			rewrite: byRow(tape.LogSoftmax, func(_ *tape.Rows, out []float64, in [][]float64) {
				for j, y := range softmax(in[0], all) {
					out[j] = math.Log(max(y, 1e-20))
				}
			})},
		{check: "rows gradients", name: "forgets the sum in SoftmaxGrad",
			rewrite: byRow(tape.SoftmaxGrad, func(_ *tape.Rows, out []float64, in [][]float64) {
				for j := range out {
					out[j] = in[0][j] * in[1][j]
				}
			})},
		{check: "rows gradients", name: "forgets the sum in LogSoftmaxGrad",
			rewrite: byRow(tape.LogSoftmaxGrad, func(_ *tape.Rows, out []float64, in [][]float64) {
				for j := range out {
					out[j] = in[1][j] - math.Exp(in[0][j])
				}
			})},
		{check: "rows crossentropy", name: "ignores the smoothing", rewrite: edit(func(_ *tape.Tape, r *tape.Rows) { r.Smoothing = 0 })},
		{check: "rows crossentropy", name: "ignores the smoothing of the derivative",
			rewrite: edit(func(_ *tape.Tape, r *tape.Rows) {
				if r.Kind == tape.CrossEntropyGrad {
					r.Smoothing = 0
				}
			})},
		{check: "rows crossentropy", name: "takes any mask for 1",
			rewrite: byRow(tape.CrossEntropyGrad, func(r *tape.Rows, out []float64, in [][]float64) {
				for j, y := range softmax(in[0], all) {
					q := r.Smoothing / float64(r.Cols)
					if j == int(in[1][0]) {
						q += 1 - r.Smoothing
					}
					if out[j] = (y - q) * in[2][0]; r.Mask && in[3][0] == 0 {
						out[j] = 0
					}
				}
			})},
		{check: "rows crossentropy masked", name: "ignores the mask", rewrite: unmask},
		{check: "rows crossentropy masked", name: "multiplies by the mask",
			rewrite: byRow(tape.CrossEntropy, func(r *tape.Rows, out []float64, in [][]float64) {
				t := int(min(max(in[1][0], 0), float64(r.Cols-1)))
				out[0] = (logSumExp(in[0]) - in[0][t]) * in[2][0]
			})},
		{check: "rows argmax", name: "finds the last of equals",
			rewrite: byRow(tape.Argmax, func(_ *tape.Rows, out []float64, in [][]float64) {
				best := 0
				for j, x := range in[0] {
					if x >= in[0][best] || x != x {
						best = j
					}
				}
				out[0] = float64(best)
			})},
		{check: "rows argmax", name: "passes over NaN",
			rewrite: byRow(tape.Argmax, func(_ *tape.Rows, out []float64, in [][]float64) {
				best := 0
				for j, x := range in[0] {
					if x > in[0][best] {
						best = j
					}
				}
				out[0] = float64(best)
			})},
		{check: "rows in place", name: "clears its output first",
			rewrite: replace(func(_ *tape.Tape, r *tape.Rows, _ int) []tape.Instr {
				n := r.Rows * r.Cols
				return []tape.Instr{&tape.Map{Shape: []int{n}, Code: []tape.Op{{Fn: tape.Const}}, Result: []int{0},
					Out: []tape.Operand{dense(r.Out, n)}}, r}
			})},
	}
}
