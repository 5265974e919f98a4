package kernel

import (
	"fmt"
	"math"
	"testing"

	"github.com/unroll-ml/unroll/graph/tape"
)

func init() {
	checks = append(checks, check{"region attention", attentions}, check{"region gradient", attentionGradients},
		check{"region norm", norms}, check{"region functions", regionFunctions})
}

// A regionCase is a Region with the arrays that its operands lie in, by stage: In, then Out, then Sums.
type regionCase struct {
	Region
	arrays  [][]float32
	targets map[int]bool // arrays of whole numbers
	used    [][]int
	faults  map[int]uint64 // of each stage that has targets
}

// array adds an array, and gives its number.
func (c *regionCase) array(x []float32) int {
	c.arrays = append(c.arrays, x)
	return len(c.arrays) - 1
}

// blank is an array of numbers that nobody reads before they are written.
func (c *regionCase) blank(n int) int {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(math.NaN())
	}
	return c.array(x)
}

func (c *regionCase) stage(st Stretch, arrays ...int) {
	c.Stages, c.used = append(c.Stages, st), append(c.used, arrays)
}

func rowOperand(row, line, col int) RowOperand {
	return RowOperand{Elem: F32, Row: row, Line: line, Col: col, Align: 256}
}

func result(reg, row, line, col int) RowResult { return RowResult{rowOperand(row, line, col), reg} }

// compute is the region with plain loops, in float64 between loads and stores.
func (c *regionCase) compute() {
	for row := range c.Rows {
		for k, st := range c.Stages {
			arrays := c.used[k]
			at := func(o RowOperand, i, line, col int) *float32 {
				return &c.arrays[arrays[i]][row*o.Row+line*o.Line+col*o.Col]
			}
			if st.Of != nil {
				c.function(k, st, arrays, row)
				continue
			}
			sums := make([][]float64, len(st.Sums))
			for s, sum := range st.Sums {
				sums[s] = make([]float64, max(st.Lines, st.Cols))
				for i := range sums[s] {
					if sum.Fn == tape.ReduceMax {
						sums[s][i] = math.Inf(-1)
					}
				}
			}
			for line := range st.Lines {
				for col := range st.Cols {
					var regs []float64
					for i, o := range st.In {
						regs = append(regs, float64(*at(o, i, line, col)))
					}
					for _, op := range st.Code {
						if op.Fn == tape.Const {
							regs = append(regs, op.Value)
							continue
						}
						regs = append(regs, op.Fn.Of(regs[op.Args[0]], regs[op.Args[1]], regs[op.Args[2]]))
					}
					for i, o := range st.Out {
						*at(o.RowOperand, len(st.In)+i, line, col) = float32(regs[o.Result])
					}
					for s, sum := range st.Sums {
						i := line
						if sum.Across {
							i = col
						}
						if x := regs[sum.Result]; sum.Fn == tape.ReduceMax {
							sums[s][i] = max(sums[s][i], x)
						} else {
							sums[s][i] += x
						}
					}
				}
			}
			for s, sum := range st.Sums {
				n := len(st.In) + len(st.Out) + s
				if sum.Across {
					for col := range st.Cols {
						*at(sum.RowOperand, n, 0, col) = float32(sums[s][col])
					}
					continue
				}
				for line := range st.Lines {
					*at(sum.RowOperand, n, line, 0) = float32(sums[s][line])
				}
			}
		}
	}
}

// function is a stage that is a function of lines, of which the program adds up all inputs.
func (c *regionCase) function(stage int, st Stretch, arrays []int, row int) {
	f := st.Of
	others := arrays[len(st.In):]
	for line := range st.Lines {
		of := func(k int) []float32 { // from the line's first element on
			o := f.Operands[k]
			return c.arrays[others[k]][row*o.Row+line*o.Line:]
		}
		x, out := make([]float32, st.Cols), of(len(f.Operands)-1)
		for i, o := range st.In {
			for j := range x {
				x[j] += c.arrays[arrays[i]][row*o.Row+line*o.Line+j*o.Col]
			}
		}
		counts, mask := all, float32(1)
		if last := len(f.Operands) - 2; f.Mask && f.Kind == tape.Softmax {
			counts = func(j int) bool { return of(last)[j] != 0 }
		} else if f.Mask {
			mask = of(last)[0]
		}
		y, lse := softmax(x, counts)
		dot, sum := 0., 0.
		for j := range x {
			if f.Kind == tape.SoftmaxGrad || f.Kind == tape.LogSoftmaxGrad {
				dot, sum = dot+float64(of(0)[j]*x[j]), sum+float64(of(0)[j])
			}
		}
		target, good := -1, true
		if f.Kind == tape.CrossEntropy || f.Kind == tape.CrossEntropyGrad {
			target = int(of(0)[0])
			good = target >= 0 && target < st.Cols || mask == 0
			if c.faults[stage] == 0 {
				c.faults[stage] = NoFault
			}
			if !good {
				c.faults[stage] = min(c.faults[stage], uint64(row*st.Lines+line)<<32|uint64(uint32(int32(target))))
				mask = 0
			}
		}
		loss := func(j int) float64 { return lse - float64(x[j]) }
		for j := range x {
			switch f.Kind {
			case tape.Softmax:
				out[j] = y[j]
			case tape.LogSoftmax:
				out[j] = float32(-loss(j))
			case tape.SoftmaxGrad:
				out[j] = x[j] * (of(0)[j] - float32(dot))
			case tape.LogSoftmaxGrad:
				out[j] = of(0)[j] - float32(math.Exp(float64(x[j]))*sum)
			case tape.CrossEntropy:
				if j == 0 {
					out[0] = 0
				}
				out[0] += mask * float32(loss(j)*f.Smoothing/float64(st.Cols))
				if j == target {
					out[0] += mask * float32(loss(j)*(1-f.Smoothing))
				}
			case tape.CrossEntropyGrad:
				q := f.Smoothing / float64(st.Cols)
				if j == target {
					q += 1 - f.Smoothing
				}
				out[j] = (y[j] - float32(q)) * of(1)[0] * mask
			}
		}
	}
}

// check launches the region and compares all arrays.
func (c *regionCase) check(r *rig, tolerance float64) error {
	x, ok := NewRegion(c.Region)
	if !ok {
		return fmt.Errorf("there is no kernel")
	}
	var at []uint64
	for i, a := range c.arrays {
		switch {
		case c.targets[i]:
			at = append(at, r.put(convert[int32](a)))
		case len(a) > 0 && a[0] != a[0]:
			at = append(at, r.space(4*len(a)))
		default:
			at = append(at, r.put(a))
		}
	}
	var args []uint64
	words := map[int]uint64{}
	for k, st := range c.Stages {
		for _, i := range x.Used[k] {
			args = append(args, at[c.used[k][i]])
		}
		for _, i := range c.used[k][len(st.In):] {
			args = append(args, at[i])
		}
		if st.Of != nil && (st.Of.Kind == tape.CrossEntropy || st.Of.Kind == tape.CrossEntropyGrad) {
			words[k] = r.put([]uint64{NoFault})
			args = append(args, words[k], 0)
		}
	}
	c.compute()
	err := r.launch(x.Launch, args...)
	for k, at := range words {
		err = first(err, equal(r, "fault", at, []uint64{c.faults[k]}))
	}
	for i := range c.arrays {
		if c.targets[i] {
			continue
		}
		err = first(err, within(r, fmt.Sprint("array ", i), at[i], c.arrays[i], tolerance))
	}
	return err
}

// regionSizes are lines and columns of attentions, of one warp and of many, with vectors and without.
var regionSizes = [][3]int{{3, 6, 40}, {2, 19, 132}, {3, 3, 1117}, {2, 33, 64}}

var add, mul = tape.Add, tape.Mul

func code(ops ...tape.Op) []tape.Op { return ops }

func op(fn tape.Fn, args ...int) tape.Op {
	o := tape.Op{Fn: fn}
	copy(o.Args[:], args)
	return o
}

// attentions are scores, whose softmax weights the rows of another matrix.
func attentions(r *rig) error {
	for _, s := range regionSizes {
		r.clear()
		rows, lines, cols := s[0], s[1], s[2]
		c := &regionCase{Region: Region{Float: F32, Rows: rows}}
		query, keys, v := c.array(r.wholes(rows*cols)), c.array(r.wholes(rows*lines*cols)), c.array(r.wholes(cols))
		values := c.array(r.wholes(rows * lines * 2 * cols))
		scores, weights, context, twice := c.blank(rows*lines), c.blank(rows*lines), c.blank(rows*2*cols), c.blank(rows*cols)
		c.stage(Stretch{Lines: lines, Cols: cols,
			In: []RowOperand{rowOperand(cols, 0, 1), rowOperand(lines*cols, cols, 1), rowOperand(0, 0, 1),
				rowOperand(cols, 0, 1)},
			Code: code(op(add, 0, 1), op(mul, 4, 2), tape.Op{Fn: tape.Const, Value: 1. / 512}, op(mul, 5, 6)),
			Sums: []RowSum{{result(7, lines, 1, 0), tape.Sum, false}},
		}, query, keys, v, query, scores)
		softmax := &LineFunction{Kind: tape.Softmax, Operands: []RowOperand{rowOperand(lines, lines, 1)}}
		c.stage(Stretch{Lines: 1, Cols: lines, Of: softmax, In: []RowOperand{rowOperand(lines, lines, 1)}}, scores, weights)
		c.stage(Stretch{Lines: lines, Cols: 2 * cols,
			In:   []RowOperand{rowOperand(lines, 1, 0), rowOperand(lines*2*cols, 2*cols, 1)},
			Code: code(op(mul, 0, 1)), Sums: []RowSum{{result(2, 2*cols, 0, 1), tape.Sum, true}},
		}, weights, values, context)
		c.stage(Stretch{Lines: 1, Cols: cols, In: []RowOperand{rowOperand(cols, 0, 1)}, Code: code(op(add, 0, 0)),
			Out: []RowResult{result(1, cols, 0, 1)}}, query, twice)
		if err := c.check(r, 3e-6); err != nil {
			return fmt.Errorf("%v: %w", s, err)
		}
	}
	return nil
}

// attentionGradients read and write the same place, and add up over lines while they do.
func attentionGradients(r *rig) error {
	for _, s := range regionSizes {
		r.clear()
		rows, lines, cols := s[0], s[1], s[2]
		c := &regionCase{Region: Region{Float: F32, Rows: rows}}
		g, keys := c.array(r.wholes(rows*lines)), c.array(r.wholes(rows*lines*cols))
		sum, largest, all := c.blank(rows*cols), c.blank(rows*cols), c.array(r.wholes(rows*lines*cols))
		marks := c.array(r.marks(rows * lines * cols))
		c.stage(Stretch{Lines: lines, Cols: cols,
			In: []RowOperand{
				rowOperand(lines, 1, 0), rowOperand(lines*cols, cols, 1), rowOperand(lines*cols, cols, 1),
				rowOperand(lines*cols, cols, 1),
			},
			Code: code(op(mul, 0, 1), op(add, 4, 2)),
			Out:  []RowResult{result(5, lines*cols, cols, 1)},
			Sums: []RowSum{{result(4, cols, 0, 1), tape.Sum, true}, {result(3, cols, 0, 1), tape.ReduceMax, true}},
		}, g, keys, all, marks, all, sum, largest)
		first, second := c.blank(rows*lines), c.blank(rows*lines)
		c.stage(Stretch{Lines: lines, Cols: cols,
			In:   []RowOperand{rowOperand(lines*cols, cols, 1), rowOperand(cols, 0, 1), rowOperand(lines*cols, cols, 1)},
			Code: code(op(add, 0, 1)),
			Out:  []RowResult{result(0, lines*cols, cols, 1)},
			Sums: []RowSum{{result(3, lines, 1, 0), tape.Sum, false}, {result(2, lines, 1, 0), tape.ReduceMax, false}},
		}, all, sum, marks, c.blank(rows*lines*cols), first, second)
		if err := c.check(r, 0); err != nil {
			return fmt.Errorf("%v: %w", s, err)
		}
	}
	return nil
}

// marks are numbers of which few are not numbers, the first is.
func (r *rig) marks(n int) []float32 {
	x := r.normals(n)
	for range 3 {
		x[1+r.rng.IntN(n-1)] = float32(math.NaN())
	}
	return x
}

// norms subtract the mean of a row, and divide by what is left, in the same place.
func norms(r *rig) error {
	for _, cols := range []int{5, 128, 1100, 3200} {
		r.clear()
		const rows = 3
		c := &regionCase{Region: Region{Float: F32, Rows: rows}}
		x, mean, square := c.array(r.normals(rows*cols)), c.blank(rows), c.blank(rows)
		whole := rowOperand(cols, cols, 1)
		scale := tape.Op{Fn: tape.Const, Value: 1 / float64(cols)}
		c.stage(Stretch{Lines: 1, Cols: cols, In: []RowOperand{whole}, Code: code(scale, op(mul, 0, 1)),
			Sums: []RowSum{{result(2, 1, 1, 0), tape.Sum, false}}}, x, mean)
		c.stage(Stretch{Lines: 1, Cols: cols, In: []RowOperand{whole, rowOperand(1, 0, 0)},
			Code: code(op(tape.Sub, 0, 1), op(mul, 2, 2)), Out: []RowResult{{whole, 2}},
			Sums: []RowSum{{result(3, 1, 1, 0), tape.Sum, false}}}, x, mean, x, square)
		c.stage(Stretch{Lines: 1, Cols: cols, In: []RowOperand{whole, rowOperand(1, 0, 0)},
			Code: code(op(tape.Sqrt, 1), op(tape.Div, 0, 2)), Out: []RowResult{{whole, 3}}}, x, square, x)
		if err := c.check(r, 1e-5); err != nil {
			return fmt.Errorf("%d: %w", cols, err)
		}
	}
	return nil
}

// regionFunctions has all functions of lines, one after the other, of sums of two matrices.
func regionFunctions(r *rig) error {
	for _, s := range [][3]int{{7, 1, 260}, {5, 2, 20}, {3, 3, 67}} {
		r.clear()
		rows, lines, cols := s[0], s[1], s[2]
		c := &regionCase{Region: Region{Float: F32, Rows: rows}, targets: map[int]bool{}, faults: map[int]uint64{}}
		n := rows * lines * cols
		whole, number := rowOperand(lines*cols, cols, 1), rowOperand(lines, 1, 0)
		stage := func(f LineFunction, x int, others ...int) {
			for range others {
				f.Operands = append(f.Operands, whole)
			}
			last := len(others) - 1
			switch f.Kind {
			case tape.CrossEntropyGrad:
				f.Operands[1] = number
				fallthrough
			case tape.CrossEntropy:
				f.Operands[0] = number
				if f.Kind == tape.CrossEntropy {
					f.Operands[last] = number
				}
				if f.Mask {
					f.Operands[last-1] = number
				}
			}
			f.X = 2
			c.stage(Stretch{Lines: lines, Cols: cols, Of: &f, In: []RowOperand{whole, rowOperand(0, 0, 1)}, Code: code(op(add, 0, 1))},
				append([]int{x, 1}, others...)...)
		}
		y := c.array(r.normals(n))
		c.array(r.wholes(cols)) // is added to all lines
		x, g, kept := c.array(r.logits(rows*lines, cols)), c.array(r.normals(n)), c.array(r.zerosAndOnes(n))
		target := c.array(convert[float32](r.indices(rows*lines, cols)))
		c.targets[target] = true
		copy(c.arrays[target], []float32{float32(cols - 1), -2, float32(cols), float32(cols - 1)})
		each, counts := c.array(r.normals(rows*lines)), c.array(r.zerosAndOnes(rows*lines))
		stage(LineFunction{Kind: tape.LogSoftmax}, x, c.blank(n))
		stage(LineFunction{Kind: tape.SoftmaxGrad}, y, g, c.blank(n))
		stage(LineFunction{Kind: tape.Softmax, Mask: true}, x, kept, c.blank(n))
		stage(LineFunction{Kind: tape.LogSoftmaxGrad}, y, g, c.blank(n))
		stage(LineFunction{Kind: tape.CrossEntropy, Smoothing: 0.1, Mask: true}, y, target, counts, c.blank(rows*lines))
		stage(LineFunction{Kind: tape.CrossEntropyGrad, Smoothing: 0.1, Mask: true}, y, target, each, counts, c.blank(n))
		if err := c.check(r, 5e-5); err != nil {
			return fmt.Errorf("%v: %w", s, err)
		}
	}
	return nil
}

func (r *rig) zerosAndOnes(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.rng.IntN(2))
	}
	return x
}

// A region whose rows are too much for one block to do soon is not worth a launch.
func TestRegionWorth(t *testing.T) {
	for _, c := range []struct {
		rows, lines, launches int
		worth                 bool
	}{{128, 24, 4, true}, {128, 24, 1, true}, {1, 24, 4, true}, {1, 2000, 4, false}, {128, 2000, 2, true}} {
		st := Stretch{Lines: c.lines, Cols: 512, In: []RowOperand{rowOperand(c.lines*512, 512, 1)},
			Out: []RowResult{result(0, c.lines*512, 512, 1)}}
		x, ok := NewRegion(Region{Float: F32, Rows: c.rows, Stages: []Stretch{st}})
		if !ok || x.Worth(c.launches) != c.worth {
			t.Errorf("%+v: a kernel %v, worth %v", c, ok, x.Worth(c.launches))
		}
	}
}
