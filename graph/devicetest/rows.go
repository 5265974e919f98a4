package devicetest

import (
	"math"
	"slices"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/tape"
)

var rowsChecks = []check{
	{"rows softmax", "Softmax is exp(x)/Σ exp(x) over the columns whose mask is not 0, and 0 elsewhere, for logits of any size; a row without a column is all 0; what is masked out has no effect, be it NaN", rowsSoftmax},
	{"rows logsoftmax", "LogSoftmax is x - ln Σ exp(x), for logits of any size", rowsLogSoftmax},
	{"rows gradients", "SoftmaxGrad is y·(g - Σ g·y), LogSoftmaxGrad is g - exp(y)·Σ g", rowsGradients},
	{"rows crossentropy", "CrossEntropy is -Σ q ln softmax(x) times the mask with q = (1-ε)[j = t] + ε/V, CrossEntropyGrad (softmax(x) - q)·g·mask", rowsCrossEntropy},
	{"rows crossentropy masked", "where the mask is 0 the loss and its derivative are exactly 0, whatever x and the target hold", rowsMasked},
	{"rows argmax", "Argmax is the index of the largest, the first of equals; NaN counts as largest", rowsArgmax},
	{"rows in place", "the Out of Softmax, LogSoftmax and CrossEntropyGrad may be the same place as x", rowsInPlace},
}

var rowsSizes = [][2]int{{1, 1}, {3, 1}, {2, 2}, {5, 3}, {1, 7}, {4, 8}, {3, 15}, {2, 16}, {3, 17}, {9, 33}, {2, 64},
	{3, 65}, {2, 100}, {70, 260}, {3, 1003}, {0, 5}, {3, 0}, {1, 3001}}

// logits are rows of numbers, with some that need care: large, far apart, -Inf.
func (r *rig) logits(rows, cols int) []float64 {
	x := r.rand(rows * cols)
	for i := range rows {
		row := x[i*cols:][:cols]
		for j := range row {
			switch i % 5 {
			case 1:
				row[j] *= 1000
			case 2:
				row[j] += 1e4
			case 3:
				row[j] = -1e4
			case 4:
				if j > 0 && r.rng.IntN(3) == 0 {
					row[j] = math.Inf(-1)
				}
			}
			row[j] = round(r.float(), row[j])
		}
	}
	return x
}

func all(int) bool { return true }

// softmax is the formula, shifted by the largest so that nothing overflows.
func softmax(x []float64, keep func(j int) bool) []float64 {
	largest, sum := math.Inf(-1), 0.0
	for j := range x {
		if keep(j) {
			largest = max(largest, x[j])
		}
	}
	y := make([]float64, len(x))
	for j := range x {
		if keep(j) {
			y[j] = math.Exp(x[j] - largest)
			sum += y[j]
		}
	}
	for j := range y {
		if keep(j) {
			y[j] /= sum
		}
	}
	return y
}

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

// softmaxTol is an exponential, a sum of cols positive numbers and a quotient.
func (r *rig) softmaxTol(cols int) float64 {
	return 2*fnTol(r.float()) + float64(cols+4)*unit(r.float())
}

// lseTol is how far x - ln Σ exp(x) may be off: as softmax, and the rounding of the numbers that are subtracted.
func (r *rig) lseTol(x []float64) float64 {
	largest := 1.0
	for _, xj := range x {
		if !math.IsInf(xj, 0) {
			largest = max(largest, math.Abs(xj))
		}
	}
	return r.softmaxTol(len(x)) + 4*unit(r.float())*largest + fnTol(r.float())*math.Log(float64(len(x)))
}

func rowsSoftmax(d tape.Device, f tape.Dtype) error {
	r := newRig(f)
	nan := math.NaN()
	for _, s := range rowsSizes {
		rows, cols := s[0], s[1]
		for _, masked := range []bool{false, true} {
			vals, mask := r.logits(rows, cols), make([]float64, rows*cols)
			for i := range mask {
				mask[i] = []float64{0, 1, -0.5, math.Copysign(0, -1), 1}[r.rng.IntN(5)]
				switch row := i / cols; {
				case row%4 == 1:
					mask[i] = 0
				case i%cols == 0:
					mask[i] = 1 // a column that is kept and, in logits, finite
				}
				if masked && mask[i] == 0 {
					vals[i] = []float64{nan, math.Inf(1), 1e30, vals[i]}[i%4]
				}
			}
			rl := &tape.Rows{Kind: tape.Softmax, Rows: rows, Cols: cols, Mask: masked}
			x := r.in(vals)
			rl.In = []tape.Ref{x.Ref}
			if masked {
				rl.In = append(rl.In, r.in(mask).Ref)
			}
			out := r.out(rows * cols)
			var want, tol []float64
			for i := range rows {
				keep := all
				if masked {
					keep = func(j int) bool { return mask[i*cols+j] != 0 }
				}
				want = append(want, softmax(x.vals[i*cols:][:cols], keep)...)
				for j := range cols {
					if keep(j) {
						tol = append(tol, r.softmaxTol(cols))
					} else {
						tol = append(tol, 0)
					}
				}
			}
			out.expectWithin(want, tol)
			rl.Out = out.Ref
			r.emit(rl)
		}
	}
	return r.runEach(d)
}

func rowsLogSoftmax(d tape.Device, f tape.Dtype) error {
	r := newRig(f)
	for _, s := range rowsSizes {
		rows, cols := s[0], s[1]
		x, out := r.in(r.logits(rows, cols)), r.out(rows*cols)
		var want, tol []float64
		for i := range rows {
			row := x.vals[i*cols:][:cols]
			lse, rowTol := logSumExp(row), r.lseTol(row)
			for _, xj := range row {
				want, tol = append(want, xj-lse), append(tol, rowTol)
			}
		}
		out.expectWithin(want, tol)
		r.emit(&tape.Rows{Kind: tape.LogSoftmax, In: []tape.Ref{x.Ref}, Out: out.Ref, Rows: rows, Cols: cols})
	}
	return r.runEach(d)
}

func rowsGradients(d tape.Device, f tape.Dtype) error {
	r := newRig(f)
	u := unit(f)
	denormal, _, _ := limits(f) // the error of a result that underflows
	for _, s := range rowsSizes {
		rows, cols := s[0], s[1]
		p, logp, g := make([]float64, rows*cols), make([]float64, rows*cols), r.in(r.rand(rows*cols))
		for i := range rows {
			x := r.logits(5, cols)[i%5*cols:][:cols]
			copy(p[i*cols:], softmax(x, all))
			for j, lse := 0, logSumExp(x); j < cols; j++ {
				logp[i*cols+j] = x[j] - lse
			}
		}
		y, logy := r.in(p), r.in(logp)
		dx, logdx := r.out(rows*cols), r.out(rows*cols)
		var want, tol, logWant, logTol []float64
		for i := range rows {
			dot, dotAbs, sum, sumAbs := 0.0, 0.0, 0.0, 0.0
			for j := i * cols; j < (i+1)*cols; j++ {
				dot += g.vals[j] * y.vals[j]
				dotAbs += math.Abs(g.vals[j] * y.vals[j])
				sum += g.vals[j]
				sumAbs += math.Abs(g.vals[j])
			}
			sumTol := float64(cols+3) * u
			for j := i * cols; j < (i+1)*cols; j++ {
				want = append(want, y.vals[j]*(g.vals[j]-dot))
				tol = append(tol, y.vals[j]*(sumTol*dotAbs+3*u*(math.Abs(g.vals[j])+dotAbs))+denormal)
				e := math.Exp(logy.vals[j])
				logWant = append(logWant, g.vals[j]-e*sum)
				logTol = append(logTol, fnTol(f)*math.Abs(sum)+e*sumTol*sumAbs+3*u*(math.Abs(g.vals[j])+e*sumAbs))
			}
		}
		dx.expectWithin(want, tol)
		logdx.expectWithin(logWant, logTol)
		r.emit(
			&tape.Rows{Kind: tape.SoftmaxGrad, In: []tape.Ref{y.Ref, g.Ref}, Out: dx.Ref, Rows: rows, Cols: cols},
			&tape.Rows{Kind: tape.LogSoftmaxGrad, In: []tape.Ref{logy.Ref, g.Ref}, Out: logdx.Ref, Rows: rows, Cols: cols})
	}
	return r.runEach(d)
}

// lossCase is a CrossEntropy and its derivative.
type lossCase struct {
	rows, cols int
	smoothing  float64
	masked     bool
	x, mask, g []float64
	targets    []int
}

func (c lossCase) add(r *rig) {
	x, g, target := r.in(c.x), r.in(c.g), r.ints(c.targets...)
	loss, dx := r.out(c.rows), r.out(c.rows*c.cols)
	l := &tape.Rows{Kind: tape.CrossEntropy, In: []tape.Ref{x.Ref, target.Ref}, Out: loss.Ref}
	dl := &tape.Rows{Kind: tape.CrossEntropyGrad, In: []tape.Ref{x.Ref, target.Ref, g.Ref}, Out: dx.Ref}
	mask := &array{vals: slices.Repeat([]float64{1}, c.rows)}
	if c.masked {
		mask = r.in(c.mask)
	}
	var want, tol, gradWant, gradTol []float64
	for i, t := range c.targets {
		m := mask.vals[i]
		if m == 0 {
			want, tol = append(want, 0), append(tol, 0)
			gradWant, gradTol = append(gradWant, make([]float64, c.cols)...), append(gradTol, make([]float64, c.cols)...)
			continue
		}
		row := x.vals[i*c.cols:][:c.cols]
		y, lse := softmax(row, all), logSumExp(row)
		li := 0.0
		for j := range row {
			q := c.smoothing / float64(c.cols)
			if j == t {
				q += 1 - c.smoothing
			}
			if q != 0 {
				li -= q * (row[j] - lse)
			}
			gradWant = append(gradWant, (y[j]-q)*g.vals[i]*m)
			gradTol = append(gradTol, r.softmaxTol(c.cols)*math.Abs(g.vals[i]*m))
		}
		want = append(want, li*m)
		tol = append(tol, math.Abs(m)*(r.lseTol(row)+float64(c.cols+8)*unit(r.float())*math.Abs(li)))
	}
	loss.expectWithin(want, tol)
	dx.expectWithin(gradWant, gradTol)
	for _, in := range []*tape.Rows{l, dl} {
		in.Rows, in.Cols, in.Smoothing, in.Mask = c.rows, c.cols, c.smoothing, c.masked
		if c.masked {
			in.In = append(in.In, mask.Ref)
		}
		r.emit(in)
	}
}

func (r *rig) loss(rows, cols int) lossCase {
	c := lossCase{rows: rows, cols: cols, x: r.logits(rows, cols), g: r.rand(rows), mask: make([]float64, rows)}
	for i := range rows {
		c.mask[i] = []float64{1, 0, 1, 0.5, 2}[i%5]
		if cols == 0 { // for which no target is right
			c.targets, c.mask[i] = append(c.targets, 0), 0
			continue
		}
		c.targets = append(c.targets, r.rng.IntN(cols))
		if row := c.x[i*cols:][:cols]; math.IsInf(row[c.targets[i]], 0) {
			c.targets[i] = 0
		}
	}
	return c
}

func rowsCrossEntropy(d tape.Device, f tape.Dtype) error {
	r := newRig(f)
	for _, s := range rowsSizes {
		for _, smoothing := range []float64{0, 0.1, 1} {
			for _, masked := range []bool{false, true} {
				c := r.loss(s[0], s[1])
				c.masked, c.smoothing = masked || c.cols == 0, smoothing
				if smoothing != 0 { // where every column has a weight, a probability of 0 costs Inf
					for i, x := range c.x {
						c.x[i] = max(x, -50)
					}
				}
				c.add(r)
			}
		}
	}
	return r.runEach(d)
}

func rowsMasked(d tape.Device, f tape.Dtype) error {
	r := newRig(f)
	for _, s := range [][2]int{{5, 3}, {7, 17}, {10, 64}} {
		for _, smoothing := range []float64{0, 0.1} {
			c := r.loss(s[0], s[1])
			c.masked, c.smoothing = true, smoothing
			for i := range c.rows {
				c.mask[i] = []float64{1, 0, math.Copysign(0, -1), 0, 0}[i%5]
				row := c.x[i*c.cols:][:c.cols]
				for j := range row {
					row[j] = []float64{0.5, math.NaN(), math.Inf(1), math.Inf(-1), 3e38}[i%5]
				}
				if c.mask[i] == 0 {
					c.targets[i] = []int{0, -1, c.cols, math.MaxInt32, math.MinInt32}[i%5]
					c.g[i] = []float64{1, math.NaN(), math.Inf(1), 2, 3}[i%5]
				}
			}
			c.add(r)
		}
	}
	return r.run(d)
}

func rowsArgmax(d tape.Device, f tape.Dtype) error {
	r := newRig(f)
	nan, inf := math.NaN(), math.Inf(1)
	add := func(x []float64, cols int, want ...float64) {
		out := r.outInts(len(want))
		out.expect(want)
		r.emit(&tape.Rows{Kind: tape.Argmax, In: []tape.Ref{r.in(x).Ref}, Out: out.Ref, Rows: len(want), Cols: cols})
	}
	add([]float64{1, 2, 2, 1, 0, 0, 0, 0, -3, -1, -2, -1}, 4, 1, 0, 1)
	add([]float64{1, nan, inf, nan, -inf, -inf, -inf, -inf, nan, 5, inf, 7}, 4, 1, 0, 0)
	add([]float64{-inf, -1e30, inf, inf, -5, -4}, 2, 1, 0, 1)
	add([]float64{4, -inf, nan}, 1, 0, 0, 0)
	for _, cols := range []int{1, 2, 7, 8, 9, 31, 64, 65, 1000} {
		for range 8 {
			x, best := r.rand(cols), r.rng.IntN(cols)
			x[best], x[cols-1-r.rng.IntN(cols-best)] = 3, 3 // twice, or once
			add(x, cols, float64(best))
			x[best] = nan
			add(x, cols, float64(best))
		}
	}
	return r.runEach(d)
}

func rowsInPlace(d tape.Device, f tape.Dtype) error {
	r := newRig(f)
	for _, s := range [][2]int{{3, 5}, {5, 33}, {4, 300}} {
		rows, cols := s[0], s[1]
		n := rows * cols
		soft, log, ce := r.state(r.rand(n)), r.state(r.rand(n)), r.state(r.rand(n))
		g, target := r.in(slices.Repeat([]float64{1}, rows)), r.ints(make([]int, rows)...)
		var want [3][]float64
		for i := range rows {
			of := func(a *array) []float64 { return a.vals[i*cols:][:cols] }
			want[0] = append(want[0], softmax(of(soft), all)...)
			for lse, j := logSumExp(of(log)), 0; j < cols; j++ {
				want[1] = append(want[1], of(log)[j]-lse)
			}
			want[2] = append(want[2], softmax(of(ce), all)...)
			want[2][i*cols]--
		}
		for k, a := range []*array{soft, log, ce} {
			a.expectWithin(want[k], slices.Repeat([]float64{r.lseTol(a.vals)}, n))
		}
		r.emit(
			&tape.Rows{Kind: tape.Softmax, In: []tape.Ref{soft.Ref}, Out: soft.Ref, Rows: rows, Cols: cols},
			&tape.Rows{Kind: tape.LogSoftmax, In: []tape.Ref{log.Ref}, Out: log.Ref, Rows: rows, Cols: cols},
			&tape.Rows{Kind: tape.CrossEntropyGrad, In: []tape.Ref{ce.Ref, target.Ref, g.Ref}, Out: ce.Ref, Rows: rows,
				Cols: cols})
	}
	return errors.Wrap(r.runEach(d), "in place")
}
