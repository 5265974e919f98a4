package ref

import (
	"math"

	"github.com/unroll-ml/unroll/graph/tape"
)

// rows computes row after row in float64. A row is loaded before it is stored, so that the output may lie where
// the input is.
func (p *program[F]) rows(r *tape.Rows, steps []int) error {
	if r.Rows == 0 {
		return nil
	}
	switch r.Kind {
	case tape.CrossEntropy, tape.CrossEntropyGrad:
		return p.crossEntropy(r, steps)
	case tape.Argmax:
		x := dense[F](p.arena, r.In[0], steps, r.Rows*r.Cols)
		for i, out := 0, dense[int32](p.arena, r.Out, steps, r.Rows); i < r.Rows; i++ {
			out[i] = int32(argmax(x[i*r.Cols:][:r.Cols]))
		}
		return nil
	}
	if r.Cols == 0 {
		return nil
	}
	a, b := make([]float64, r.Cols), make([]float64, r.Cols)
	for i := range r.Rows {
		row := func(m tape.Ref) []F { return dense[F](p.arena, m, steps, r.Rows*r.Cols)[i*r.Cols:][:r.Cols] }
		toFloat64(a, row(r.In[0]))
		if len(r.In) > 1 {
			toFloat64(b, row(r.In[1]))
		}
		switch r.Kind {
		case tape.Softmax:
			if r.Mask {
				softmax(a, func(j int) bool { return b[j] != 0 })
			} else {
				softmax(a, func(int) bool { return true })
			}
		case tape.LogSoftmax:
			lse := logSumExp(a)
			for j := range a {
				a[j] -= lse
			}
		case tape.SoftmaxGrad: // y, g
			dot := 0.0
			for j := range a {
				dot += b[j] * a[j]
			}
			for j := range a {
				a[j] *= b[j] - dot
			}
		case tape.LogSoftmaxGrad: // y, g
			sum := 0.0
			for j := range b {
				sum += b[j]
			}
			for j := range a {
				a[j] = b[j] - math.Exp(a[j])*sum
			}
		}
		for j, out := 0, row(r.Out); j < r.Cols; j++ {
			out[j] = F(a[j])
		}
	}
	return nil
}

func (p *program[F]) crossEntropy(r *tape.Rows, steps []int) error {
	each := func(in int) []F { return dense[F](p.arena, r.In[in], steps, r.Rows) }
	xs, targets := dense[F](p.arena, r.In[0], steps, r.Rows*r.Cols), dense[int32](p.arena, r.In[1], steps, r.Rows)
	mask := func(int) float64 { return 1 }
	if r.Mask {
		m := each(len(r.In) - 1)
		mask = func(i int) float64 { return float64(m[i]) }
	}
	grad := r.Kind == tape.CrossEntropyGrad
	width := 1
	if grad {
		width = r.Cols
	}
	out := dense[F](p.arena, r.Out, steps, r.Rows*width)
	x := make([]float64, r.Cols)
	uniform := r.Smoothing / float64(r.Cols)
	for i, t := range targets {
		if mask(i) == 0 {
			clear(out[i*width:][:width])
			continue
		}
		if err := checkIndex(r, i, t, r.Cols); err != nil {
			return err
		}
		toFloat64(x, xs[i*r.Cols:])
		if grad {
			scale := float64(each(2)[i]) * mask(i)
			softmax(x, func(int) bool { return true })
			x[t] -= 1 - r.Smoothing
			for j := range x {
				out[i*width+j] = F((x[j] - uniform) * scale)
			}
			continue
		}
		lse := logSumExp(x)
		loss := (1 - r.Smoothing) * (lse - x[t])
		if uniform != 0 { // a column of probability 0 costs nothing where it has no weight
			for _, xj := range x {
				loss += uniform * (lse - xj)
			}
		}
		out[i] = F(loss * mask(i))
	}
	return nil
}

func toFloat64[F float](dst []float64, src []F) {
	for i := range dst {
		dst[i] = float64(src[i])
	}
}

// softmax replaces x by exp(x) / Σ exp(x) over the columns that keep holds for, and by 0 elsewhere.
func softmax(x []float64, keep func(j int) bool) {
	largest, sum := math.Inf(-1), 0.0
	for j := range x {
		if keep(j) {
			largest = max(largest, x[j])
		}
	}
	for j := range x {
		if keep(j) {
			x[j] = math.Exp(x[j] - largest)
			sum += x[j]
		} else {
			x[j] = 0
		}
	}
	for j := range x {
		if keep(j) {
			x[j] /= sum
		}
	}
}

// logSumExp is ln Σ exp(x).
func logSumExp(x []float64) float64 {
	largest, sum := math.Inf(-1), 0.0
	for _, xj := range x {
		largest = max(largest, xj)
	}
	for _, xj := range x {
		sum += math.Exp(xj - largest)
	}
	return largest + math.Log(sum)
}

// argmax is the index of the first NaN, or else of the first of the largest.
func argmax[F float](x []F) int {
	best := 0
	for j, xj := range x {
		if xj != xj {
			return j
		}
		if xj > x[best] {
			best = j
		}
	}
	return best
}
