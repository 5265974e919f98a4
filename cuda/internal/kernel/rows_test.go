package kernel

import (
	"fmt"
	"math"

	"github.com/unroll-ml/unroll/graph/tape"
)

func init() {
	for _, mask := range []bool{false, true} {
		checks = append(checks, check{fmt.Sprintf("softmax masked %v", mask),
			func(r *rig) error { return softmaxes(r, mask) }})
		for _, smoothing := range []float64{0, 0.1} {
			checks = append(checks, check{fmt.Sprintf("crossentropy masked %v smoothing %v", mask, smoothing),
				func(r *rig) error { return losses(r, mask, smoothing) }})
		}
	}
	checks = append(checks, check{"logsoftmax", logSoftmaxes}, check{"rows gradients", gradients},
		check{"argmax", argmaxes})
}

// rowsSizes are of one warp and of several.
var rowsSizes = [][2]int{{3, 1}, {46, 40}, {19, 131}, {14, 1030}}

// logits are rows of many magnitudes; in all but the first six one number, in another column each, is so large
// that its exponential is finite only if it is subtracted first.
func (r *rig) logits(rows, cols int) []float32 {
	x := r.normals(rows * cols)
	for i := range x {
		if row := i / cols; row < 6 {
			x[i] = []float32{1, 0.3, 0.01, 1, 30, 2}[row]*x[i] + []float32{0, 0, 5000, -5000, 0, 0}[row]
		} else if i%cols == (row-6)*(1+cols/rows)%cols {
			x[i] += 200
		}
	}
	return x
}

// softmax is exp(x)/Σ exp(x) over the columns that count, and ln Σ exp(x).
func softmax(x []float32, counts func(j int) bool) (y []float32, lse float64) {
	largest, sum := math.Inf(-1), 0.0
	for j, v := range x {
		if counts(j) {
			largest = max(largest, float64(v))
		}
	}
	y = make([]float32, len(x))
	for j, v := range x {
		if counts(j) {
			sum += math.Exp(float64(v) - largest)
		}
	}
	for j, v := range x {
		if counts(j) {
			y[j] = float32(math.Exp(float64(v)-largest) / sum)
		}
	}
	return y, largest + math.Log(sum)
}

func all(int) bool { return true }

func softmaxes(r *rig, masked bool) error {
	for _, s := range rowsSizes {
		r.clear()
		rows, cols := s[0], s[1]
		x, mask := r.logits(rows, cols), make([]float32, rows*cols)
		for i := range mask {
			mask[i] = float32(min(1, r.rng.IntN(5)))
			if i/cols == 1 {
				mask[i] = 0 // a row of which nothing is kept
			}
			if masked && mask[i] == 0 {
				x[i] = []float32{1e30, float32(math.NaN())}[i%2]
			}
		}
		var want []float32
		for i := range rows {
			counts := all
			if masked {
				counts = func(j int) bool { return mask[i*cols+j] != 0 }
			}
			y, _ := softmax(x[i*cols:][:cols], counts)
			want = append(want, y...)
		}
		args := []uint64{r.put(x)}
		if masked {
			args = append(args, r.put(mask))
		}
		out := r.space(4 * rows * cols)
		l := NewRows(&tape.Rows{Kind: tape.Softmax, Rows: rows, Cols: cols, Mask: masked}, F32)
		if err := first(r.launch(l, append(args, out, uint64(cols))...), within(r, "y", out, want, 1e-6)); err != nil {
			return fmt.Errorf("%d×%d: %w", rows, cols, err)
		}
	}
	return nil
}

func logSoftmaxes(r *rig) error {
	for _, s := range rowsSizes {
		r.clear()
		rows, cols := s[0], s[1]
		x := r.logits(rows, cols)
		var want []float32
		for i := range rows {
			row := x[i*cols:][:cols]
			_, lse := softmax(row, all)
			for _, v := range row {
				want = append(want, float32(float64(v)-lse))
			}
		}
		out := r.space(4 * rows * cols)
		l := NewRows(&tape.Rows{Kind: tape.LogSoftmax, Rows: rows, Cols: cols}, F32)
		if err := first(r.launch(l, r.put(x), out, uint64(cols)), within(r, "y", out, want, 2e-6)); err != nil {
			return fmt.Errorf("%d×%d: %w", rows, cols, err)
		}
	}
	return nil
}

func gradients(r *rig) error {
	for _, s := range rowsSizes {
		r.clear()
		rows, cols := s[0], s[1]
		y, g := r.normals(rows*cols), r.normals(rows*cols)
		for i := range y {
			y[i] = -max(y[i], -y[i]) // as a logarithm of a probability is
		}
		var soft, log []float32
		for i := range rows {
			dot, sum := 0.0, 0.0
			for j := i * cols; j < (i+1)*cols; j++ {
				dot += float64(g[j]) * float64(y[j])
				sum += float64(g[j])
			}
			for j := i * cols; j < (i+1)*cols; j++ {
				soft = append(soft, float32(float64(y[j])*(float64(g[j])-dot)))
				log = append(log, float32(float64(g[j])-math.Exp(float64(y[j]))*sum))
			}
		}
		for kind, want := range map[tape.RowsKind][]float32{tape.SoftmaxGrad: soft, tape.LogSoftmaxGrad: log} {
			out := r.space(4 * rows * cols)
			l := NewRows(&tape.Rows{Kind: kind, Rows: rows, Cols: cols}, F32)
			if err := first(r.launch(l, r.put(y), r.put(g), out, uint64(cols)), within(r, "dx", out, want, 2e-5)); err != nil {
				return fmt.Errorf("%v %d×%d: %w", kind, rows, cols, err)
			}
		}
	}
	return nil
}

// losses checks the loss and its derivative, and the word for bad targets: the first of them counts, and none
// of a row that is masked out.
func losses(r *rig, masked bool, smoothing float64) error {
	for _, bad := range []int{-1, 0, 2} {
		for _, s := range rowsSizes {
			r.clear()
			rows, cols := s[0], s[1]
			if cols == 1 && smoothing != 0 {
				continue // all is certain
			}
			x, g, targets := r.logits(rows, cols), r.normals(rows), r.indices(rows, cols)
			mask := make([]float32, rows)
			for i := range mask {
				mask[i] = []float32{2, 0, 1}[i%3]
			}
			if masked && rows > 1 {
				targets[1] = -7
			}
			position := uint64(100)
			fault := uint64(NoFault)
			if bad >= 0 && bad < rows {
				for i := bad; i < rows; i++ {
					if i != 1 || !masked {
						targets[i] = int32(cols + i)
					}
				}
				fault = (position+uint64(bad))<<32 | uint64(uint32(targets[bad]))
			}
			var losses, dx []float32
			for i := range rows {
				m := float64(mask[i])
				if !masked {
					m = 1
				}
				row := x[i*cols:][:cols]
				y, lse := softmax(row, all)
				loss := 0.0
				if uint32(targets[i]) >= uint32(cols) {
					m = 0
				}
				for j := range row {
					q := smoothing / float64(cols)
					if j == int(targets[i]) {
						q += 1 - smoothing
					}
					loss += q * (lse - float64(row[j]))
					dx = append(dx, float32((float64(y[j])-q)*float64(g[i])*m))
				}
				if m == 0 {
					loss = 0
				}
				losses = append(losses, float32(loss*m))
			}
			for _, kind := range []tape.RowsKind{tape.CrossEntropy, tape.CrossEntropyGrad} {
				args, want := []uint64{r.put(x), r.put(targets)}, losses
				if kind == tape.CrossEntropyGrad {
					args, want = append(args, r.put(g)), dx
				}
				if masked {
					args = append(args, r.put(mask))
				}
				out, word := r.space(4*len(want)), r.put([]uint64{NoFault})
				l := NewRows(&tape.Rows{Kind: kind, Rows: rows, Cols: cols, Mask: masked, Smoothing: smoothing}, F32)
				err := first(
					r.launch(l, append(args, out, uint64(cols), word, position)...),
					within(r, kind.String(), out, want, 3e-6), equal(r, "fault", word, []uint64{fault}))
				if err != nil {
					return fmt.Errorf("%d×%d, bad from %d: %w", rows, cols, bad, err)
				}
			}
		}
	}
	return nil
}

// argmaxes has the largest once, twice, as NaN, as both zeros, as infinities.
func argmaxes(r *rig) error {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, cols := range []int{1, 5, 33, 64, 130, 260, 1100} {
		r.clear()
		const rows = 9
		x := r.normals(rows * cols)
		for i := range rows {
			row := x[i*cols:][:cols]
			a, b := r.rng.IntN(cols), r.rng.IntN(cols)
			switch i {
			case 0, 1, 2:
				row[a], row[b] = 9, 9
			case 3:
				row[a], row[b] = inf, nan
			case 4:
				row[a], row[b] = -nan, nan
			case 5:
				for j := range row {
					row[j] = -inf
				}
			case 6:
				for j := range row {
					row[j] = -1 - float32(j%3)
				}
				row[a], row[b] = 0, float32(math.Copysign(0, -1))
			case 7:
				for j := range row {
					row[j] = -5
				}
				row[a] = -4
			}
		}
		var want []int32
		for i := range rows {
			best := 0
			row := x[i*cols:][:cols]
			for j, v := range row {
				if row[best] == row[best] && (v != v || v > row[best]) {
					best = j
				}
			}
			want = append(want, int32(best))
		}
		for _, double := range []bool{false, true} {
			out, in, e := r.space(4*rows), r.put(x), F32
			if double {
				in, e = r.put(convert[float64](x)), F64
			}
			l := NewRows(&tape.Rows{Kind: tape.Argmax, Rows: rows, Cols: cols}, e)
			if err := first(r.launch(l, in, out, uint64(cols)), equal(r, "index", out, want)); err != nil {
				return fmt.Errorf("%d columns: %w", cols, err)
			}
		}
	}
	return nil
}
